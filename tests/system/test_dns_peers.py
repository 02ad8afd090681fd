"""Answers beside those of BIND, NSD and Knot DNS from the same signed zone: the same rcode, AA, answer and denials.

Two known differences, where more is proven here: NSD leaves out the NSEC that denies the target of a DNAME's
CNAME, and Knot the one that shows a wildcard to be an empty non-terminal.
"""

from collections.abc import Callable
from pathlib import Path

import dns.dnssec
import dns.dnssectypes
import dns.flags
import dns.message
import dns.zone
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dnskit import Server, from_zone, lines, make_query
from dnszones import ORG
from peerkit import PEERS, ask_all, running
from zonegit.dns.wire.message import Transport

ORIGIN = "example.org."
MORE = f"""
signed    NS  ns1
signed    DS  1 15 2 {"00" * 32}
*.wdel    CNAME x.sub
nsin      NS  a.b.nsin
a.b.nsin  A   192.0.2.50
"""
WORDS = (
    "www", "web", "nothing", "ent", "b", "a", "wild", "x", "*", "sub", "ns", "old", "todel", "svc", "mail", "gone",
    "host", "signed", "wdel", "wcname", "wempty", "nsin", "bare", "_tcp", "_sip", "away",
)  # fmt: skip
TYPES = ("A", "NS", "CNAME", "MX", "DS", "DNAME", "DNSKEY", "TYPE999")


def signed_zone() -> dns.zone.Zone:
    # what stands below a cut or a DNAME is left out: the signer would sign it
    text = "".join(line + "\n" for line in ORG.splitlines() if not line.startswith(("x.old", "*.sub"))) + MORE
    zone = dns.zone.from_text(text, origin=ORIGIN, relativize=False)
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    key = dns.dnssec.make_dnskey(private.public_key(), dns.dnssectypes.Algorithm.ED25519, flags=257)
    with zone.writer() as txn:
        dns.dnssec.sign_zone(zone, txn, keys=[(private, key)], lifetime=864000)
    return zone


def names() -> list[str]:
    two = [f"{left}.{right}.{ORIGIN}" for left in WORDS for right in WORDS]
    return [ORIGIN, *(f"{word}.{ORIGIN}" for word in WORDS), *two[::4], f"a.b.ent.{ORIGIN}", f"q.q.q.wild.{ORIGIN}"]


def denials(message: dns.message.Message) -> set[str]:
    """What stands in the authority section, without the apex NS that some servers add to every answer."""
    apex = {line for line in lines(message.authority) if line.startswith(ORIGIN) and line.split()[2] == "NS"}
    signature = {line for line in lines(message.authority) if " RRSIG NS " in line}
    return set(lines(message.authority)) - apex - signature


@pytest.mark.parametrize("peer", PEERS)
def test_answers_as_peers_do(peer: str, tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    program = needs_program(peer)
    zone = signed_zone()
    zone.to_file(str(tmp_path / "zone"), relativize=False)
    server = Server(from_zone(zone))
    asked = [
        (name, rtype, make_query(name, rtype, do=index % 2 == len(name) % 2, size=4096).to_wire())
        for name in names()
        for index, rtype in enumerate(TYPES)
    ]
    with running(peer, program, tmp_path / peer, {ORIGIN: tmp_path / "zone"}) as port:
        (answers,) = ask_all([port], [query for *_, query in asked])
    for (name, rtype, query), answer in zip(asked, answers, strict=True):
        data = server.raw(query, Transport.TCP)
        assert data is not None
        ours, theirs = dns.message.from_wire(data), dns.message.from_wire(answer)
        what = f"{name} {rtype}\n{ours}\n\n{theirs}"
        assert ours.rcode() == theirs.rcode(), what
        assert (ours.flags ^ theirs.flags) & dns.flags.AA == 0, what
        assert lines(ours.answer) == lines(theirs.answer), what
        if ".old." in name or ".wempty." in name:
            assert denials(ours) >= denials(theirs), what
        else:
            assert denials(ours) == denials(theirs), what
    assert not server.errors
