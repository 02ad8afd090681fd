"""What SVCB and HTTPS lead to comes along as from BIND (RFC 9460 §4.1). NSD and Knot DNS leave most of it out."""

from collections.abc import Callable
from pathlib import Path

from differkit import Question, read, serving, table, write_zones
from differzones import made
from peerkit import ask_all
from zonegit.model.rdata import HTTPS, SVCB

BODY = """b SVCB 1 . alpn=h2
b A 192.0.2.2
b AAAA 2001:db8::2
*.w HTTPS 1 . alpn=h2
*.w A 192.0.2.9
h HTTPS 1 i
i CNAME e
e A 192.0.2.4
to HTTPS 0 i
over HTTPS 0 tgt
tgt HTTPS 1 .
tgt A 192.0.2.5
twice HTTPS 0 over
both HTTPS 0 i2
i2 CNAME tgt
own HTTPS 1 own
own A 192.0.2.6
off HTTPS 0 .
off A 192.0.2.7
two HTTPS 1 .
two HTTPS 2 e
two A 192.0.2.10
round HTTPS 1 c1
c1 CNAME c2
c2 CNAME c1
q CNAME own
away HTTPS 1 www.elsewhere.test.
tocut HTTPS 1 ns.cut
cut NS ns.cut
ns.cut A 192.0.2.11
"""
NAMES = (
    "b", "x.w", "h", "to", "over", "tgt", "twice", "both", "own", "off", "two", "round", "q", "away", "tocut",
)  # fmt: skip


def test_the_same_as_bind(tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    zones = [made("plain.test.", BODY), made("signed.test.", BODY, "nsec")]
    signing = needs_program("dnssec-signzone"), needs_program("dnssec-keygen")
    files = write_zones(zones, tmp_path / "zones", *signing)
    asked = [
        Question(f"{name}.{zone.apex}", rtype, do)
        for zone in zones
        for name in NAMES
        for rtype in (HTTPS, SVCB)
        for do in (False, True)
    ]
    with serving(tmp_path, files, {"named": needs_program("named")}) as ports:
        found = ask_all([*ports, ports[0]], [question.packet() for question in asked])
    for question, *packets in zip(asked, *found, strict=True):
        ours, bind, again = map(read, packets)
        shown = f"{question}\n{table([('zonegitd', ours), ('named', bind)])}"
        assert (ours.answer, ours.authority) == (bind.answer, bind.authority), shown
        assert ours.additional == bind.additional, shown
        assert again == ours, shown
