"""Answers by the RFC sections that call for them: rcode, AA, TC and the three sections, over unsigned zones."""

from dataclasses import dataclass
from itertools import product

import dns.flags
import dns.rcode
import pytest

from dnskit import DictVersion, Server, lines, make_query, version
from dnszones import NET, ORG
from wirekit import decode
from zonegit.dns.lookup.additional import MOST_NAMES
from zonegit.dns.lookup.aliases import MAX_LINKS
from zonegit.dns.options import Options
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.wire.message import Transport
from zonegit.dns.wire.name_table import MOST_POINTERS
from zonegit.model.rdata import CNAME, DNAME

SOA_ORG = "example.org. 300 SOA ns1.example.org. hostmaster.example.org. 7 7200 3600 1209600 300"
SUB_NS = [
    "sub.example.org. 3600 NS ns.example.net.",
    "sub.example.org. 3600 NS ns.other.example.org.",
    "sub.example.org. 3600 NS ns.sub.example.org.",
]
SUB_GLUE = [
    "ns.other.example.org. 3600 A 192.0.2.21",
    "ns.sub.example.org. 3600 A 192.0.2.20",
    "ns.sub.example.org. 3600 AAAA 2001:db8::20",
]
WEB = ["web.example.org. 3600 A 192.0.2.3", "web.example.org. 3600 A 192.0.2.4"]
MAIL = "mail.example.org. 3600 A 192.0.2.2"


@dataclass(frozen=True)
class Case:
    why: str
    name: str
    rtype: str
    answer: tuple[str, ...] = ()
    authority: tuple[str, ...] = ()
    additional: tuple[str, ...] = ()
    rcode: str = "NOERROR"
    aa: bool = True


CASES = [
    Case("RFC 1034 §4.3.2: data at the node", "web.example.org.", "A", tuple(WEB)),
    Case("RFC 1034 §4.3.2: data at the apex", "example.org.", "TXT", ('example.org. 3600 TXT "apex"',)),
    Case(
        "RFC 1035 §3.3.11: NS brings addresses",
        "example.org.",
        "NS",
        ("example.org. 3600 NS ns.example.net.", "example.org. 3600 NS ns1.example.org."),
        (),
        (
            "ns.example.net. 600 A 198.51.100.1",
            "ns1.example.org. 3600 A 192.0.2.1",
            "ns1.example.org. 3600 AAAA 2001:db8::1",
        ),
    ),
    Case("RFC 1035 §3.3.9: MX brings addresses", "example.org.", "MX",
         ("example.org. 3600 MX 10 mail.example.org.",), (), (MAIL,)),
    Case("RFC 1034 §4.3.2 step 6: additional data isn't taken from below a cut, unless it is glue for NS",
         "example.net.", "MX",
         ("example.net. 600 MX 5 mail.example.org.", "example.net. 600 MX 7 ns.sub.example.org."), (), (MAIL,)),
    Case("RFC 1035 §3.3.11: glue for an NS elsewhere", "example.net.", "NS",
         ("example.net. 600 NS ns.example.net.", "example.net. 600 NS ns.sub.example.org."), (),
         ("ns.example.net. 600 A 198.51.100.1", *SUB_GLUE[1:])),
    Case("RFC 2782: SRV brings addresses", "_sip._tcp.example.org.", "SRV",
         ("_sip._tcp.example.org. 3600 SRV 1 2 5060 web.example.org.",), (), tuple(WEB)),
    Case("RFC 9460 §4.1: HTTPS brings addresses", "svc.example.org.", "HTTPS",
         ('svc.example.org. 3600 HTTPS 1 web.example.org. alpn="h2"',), (), tuple(WEB)),
    Case("RFC 9460 §4.1: SVCB alias brings SVCB", "svc0.example.org.", "SVCB",
         ("svc0.example.org. 3600 SVCB 0 svc1.example.org.",), (), ('svc1.example.org. 3600 SVCB 1 . alpn="h2"',)),
    Case("RFC 2308 §2.2: NODATA", "web.example.org.", "MX", (), (SOA_ORG,)),
    Case("RFC 2308 §2.1: NXDOMAIN", "nothing.example.org.", "A", (), (SOA_ORG,), (), "NXDOMAIN"),
    Case("RFC 8020: nothing below a name that isn't there", "a.b.c.nothing.example.org.", "A", (), (SOA_ORG,), (),
         "NXDOMAIN"),
    Case("RFC 4592 §2.2.2: empty non-terminal", "ent.example.org.", "A", (), (SOA_ORG,)),
    Case("RFC 4592 §2.2.2: empty non-terminal below another", "b.ent.example.org.", "A", (), (SOA_ORG,)),
    Case("RFC 4592 §2.2.2: no name below an empty non-terminal", "z.ent.example.org.", "A", (), (SOA_ORG,), (),
         "NXDOMAIN"),
    Case("RFC 1034 §3.6.2: CNAME is followed", "www.example.org.", "A",
         ("www.example.org. 3600 CNAME web.example.org.", *WEB)),
    Case("RFC 1034 §3.6.2: CNAME itself", "www.example.org.", "CNAME",
         ("www.example.org. 3600 CNAME web.example.org.",)),
    Case("RFC 2308 §2.2.1: CNAME to NODATA", "www.example.org.", "TXT",
         ("www.example.org. 3600 CNAME web.example.org.",), (SOA_ORG,)),
    Case("RFC 6604 §3: CNAME to NXDOMAIN", "gone.example.org.", "A",
         ("gone.example.org. 3600 CNAME missing.example.org.",), (SOA_ORG,), (), "NXDOMAIN"),
    Case("RFC 1034 §3.6.2: CNAME out of what is held", "away.example.org.", "A",
         ("away.example.org. 3600 CNAME www.elsewhere.test.",)),
    Case("RFC 1034 §4.3.2: CNAME into another held zone", "tonet.example.org.", "A",
         ("tonet.example.org. 3600 CNAME www.example.net.", "www.example.net. 600 A 198.51.100.2")),
    Case("RFC 1034 §4.3.2: chain over two zones and back", "deep.example.net.", "A",
         ("deep.example.net. 600 CNAME deeper.example.net.", "deeper.example.net. 600 CNAME www.example.org.",
          "www.example.org. 3600 CNAME web.example.org.", *WEB)),
    Case("RFC 1034 §5.2.2: a loop is cut", "loop1.example.org.", "A",
         ("loop1.example.org. 3600 CNAME loop2.example.org.", "loop2.example.org. 3600 CNAME loop1.example.org.")),
    Case("RFC 1034 §4.3.2 step 3b: CNAME to below a cut keeps AA", "todel.example.org.", "A",
         ("todel.example.org. 3600 CNAME a.sub.example.org.",), tuple(SUB_NS), tuple(SUB_GLUE)),
    Case("RFC 1034 §4.3.2 step 3b: referral", "host.sub.example.org.", "A", (), tuple(SUB_NS), tuple(SUB_GLUE),
         aa=False),
    Case("RFC 1034 §4.2.1: referral at the cut, whatever the type", "sub.example.org.", "MX", (), tuple(SUB_NS),
         tuple(SUB_GLUE), aa=False),
    Case("RFC 1034 §4.2.1: glue is no answer", "ns.sub.example.org.", "A", (), tuple(SUB_NS), tuple(SUB_GLUE),
         aa=False),
    Case("RFC 1034 §4.3.2: referral without glue", "x.bare.example.org.", "A", (),
         ("bare.example.org. 3600 NS ns.elsewhere.test.",), aa=False),
    Case("RFC 4035 §3.1.4.1: DS at a cut is the parent's", "sub.example.org.", "DS", (), (SOA_ORG,)),
    Case("RFC 4035 §3.1.4.1: DS below a cut isn't", "a.sub.example.org.", "DS", (), tuple(SUB_NS), tuple(SUB_GLUE),
         aa=False),
    Case("RFC 4035 §3.1.4.1: DS at an apex without its parent", "example.org.", "DS", (), (SOA_ORG,)),
    Case("RFC 4592 §2.1: wildcard", "any.thing.wild.example.org.", "A",
         ("any.thing.wild.example.org. 3600 A 192.0.2.9",)),
    Case("RFC 4592 §2.2.1: wildcard NODATA", "any.wild.example.org.", "TXT", (), (SOA_ORG,)),
    Case("RFC 4592 §2.2.1: an existing name isn't covered", "x.wild.example.org.", "A", (), (SOA_ORG,)),
    Case("RFC 4592 §2.2.1: nor is one below it", "y.x.wild.example.org.", "A", (), (SOA_ORG,), (), "NXDOMAIN"),
    Case("RFC 4592 §2.2.1: nor the wildcard's own parent", "wild.example.org.", "A", (), (SOA_ORG,)),
    Case("RFC 4592 §2.3: the wildcard itself", "*.wild.example.org.", "A",
         ("*.wild.example.org. 3600 A 192.0.2.9",)),
    Case("RFC 4592 §2.3: below the wildcard itself", "a.*.wild.example.org.", "A", (), (SOA_ORG,), (), "NXDOMAIN"),
    Case("RFC 4592 §3.3.3: wildcard CNAME", "q.wcname.example.org.", "A",
         ("q.wcname.example.org. 3600 CNAME web.example.org.", *WEB)),
    Case("RFC 4592 §2.2.2: wildcard that is an empty non-terminal", "q.wempty.example.org.", "A", (), (SOA_ORG,)),
    Case("RFC 4592 §3.3.1: no wildcard across a cut", "zzz.sub.example.org.", "A", (), tuple(SUB_NS),
         tuple(SUB_GLUE), aa=False),
    Case("RFC 6672 §3.2: DNAME", "host.old.example.org.", "A",
         ("host.new.example.org. 3600 A 192.0.2.30", "host.old.example.org. 3600 CNAME host.new.example.org.",
          "old.example.org. 3600 DNAME new.example.org.")),
    Case("RFC 6672 §3.2: the CNAME that a DNAME makes, asked for itself", "no.old.example.org.", "CNAME",
         ("no.old.example.org. 3600 CNAME no.new.example.org.", "old.example.org. 3600 DNAME new.example.org.")),
    Case("RFC 6672 §3.2: ANY is led on by a DNAME", "host.old.example.org.", "ANY",
         ("host.new.example.org. 3600 A 192.0.2.30", "host.old.example.org. 3600 CNAME host.new.example.org.",
          "old.example.org. 3600 DNAME new.example.org.")),
    Case("RFC 4035 §2.5: RRSIG stands beside a CNAME and isn't led on", "www.example.org.", "RRSIG", (),
         (SOA_ORG,)),
    Case("RFC 4035 §2.5: so does NSEC, at a wildcard, too", "q.wcname.example.org.", "NSEC", (), (SOA_ORG,)),
    Case("RFC 6672 §2.4: names below a DNAME are occluded", "x.old.example.org.", "A",
         ("old.example.org. 3600 DNAME new.example.org.", "x.old.example.org. 3600 CNAME x.new.example.org."),
         (SOA_ORG,), (), "NXDOMAIN"),
    Case("RFC 6672 §2.3: the DNAME's owner isn't redirected", "old.example.org.", "TXT",
         ('old.example.org. 3600 TXT "at the DNAME"',)),
    Case("RFC 6672 §3.2: DNAME itself", "old.example.org.", "DNAME",
         ("old.example.org. 3600 DNAME new.example.org.",)),
    Case("RFC 8482 §4.1: ANY gets one RRset", "ns1.example.org.", "ANY", ("ns1.example.org. 3600 A 192.0.2.1",)),
    Case("RFC 8482 §4.1: ANY at a CNAME", "www.example.org.", "ANY",
         ("www.example.org. 3600 CNAME web.example.org.",)),
    Case("RFC 8482 §4.1: ANY at an empty non-terminal", "ent.example.org.", "ANY", (), (SOA_ORG,)),
    Case("RFC 1034 §4.3.1: not our zone", "example.com.", "A", (), (), (), "REFUSED", aa=False),
    Case("RFC 1034 §4.3.1: a name that only ends alike", "evilexample.org.", "A", (), (), (), "REFUSED", aa=False),
]  # fmt: skip


@pytest.fixture(scope="module")
def versions() -> tuple[DictVersion, DictVersion]:
    return version(ORG, "example.org."), version(NET, "example.net.")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_answers(case: Case, versions: tuple[DictVersion, DictVersion]) -> None:
    server = Server(*versions)
    for transport in [
        Transport.TCP,
        Transport.UDP,
    ] * 3:  # by the slow path and the fast path, from nothing and from the cache
        response = server.ask(case.name, case.rtype, transport=transport)
        assert dns.rcode.to_text(response.rcode()) == case.rcode
        assert bool(response.flags & dns.flags.AA) == case.aa
        assert not response.flags & (dns.flags.TC | dns.flags.RA | dns.flags.AD)
        assert lines(response.answer) == sorted(case.answer)
        assert lines(response.authority) == sorted(case.authority)
        assert lines(response.additional) == sorted(case.additional)
    assert not server.errors


BETWEEN = """
$TTL 60
@        IN SOA ns h 1 2 3 4 5
@        NS  ns
@        MX  1 @
@        A   192.0.2.1
ns       A   192.0.2.2
tocut    MX  1 sub
tobelow  MX  1 ns.sub
sub      NS  ns.sub
sub      NS  mail.example.net.
sub      A   192.0.2.3
ns.sub   A   192.0.2.4
todname  MX  1 dname
through  MX  1 x.dname
dname    DNAME elsewhere.test.
dname    A   192.0.2.5
x.dname  A   192.0.2.6
mail     A   192.0.2.7
out      MX  1 mail.elsewhere.test.
"""
LED_AWAY = "@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 NS ns\n@ 60 MX 1 x\n@ 60 DNAME elsewhere.test.\nx 60 A 192.0.2.1\n"


@pytest.mark.parametrize(
    ("text", "name", "rtype", "additional"),
    [
        (BETWEEN, "example.org.", "MX", ["example.org. 60 A 192.0.2.1"]),
        (BETWEEN, "tocut.example.org.", "MX", []),
        (BETWEEN, "out.example.org.", "MX", []),
        (BETWEEN, "tobelow.example.org.", "MX", []),
        (BETWEEN, "x.sub.example.org.", "A", ["ns.sub.example.org. 60 A 192.0.2.4"]),
        (BETWEEN, "todname.example.org.", "MX", ["dname.example.org. 60 A 192.0.2.5"]),
        (BETWEEN, "through.example.org.", "MX", []),
        (LED_AWAY, "example.org.", "MX", []),
    ],
)
def test_whose_addresses_are_given(text: str, name: str, rtype: str, additional: list[str]) -> None:
    """RFC 1034 §4.3.2 step 6: those that the zone answers for; not what is occluded, nor what is another zone's."""
    server = Server(version(text, "example.org."))
    for transport in (Transport.TCP, Transport.UDP):
        assert lines(server.ask(name, rtype, transport=transport).additional) == additional
    assert not server.errors


def test_yxdomain(versions: tuple[DictVersion, DictVersion]) -> None:
    """RFC 6672 §2.2: a name that DNAME makes too long."""
    name = ".".join(["c" * 60] * 3) + ".long.example.org."
    response = Server(*versions).ask(name)
    assert dns.rcode.to_text(response.rcode()) == "YXDOMAIN"
    assert [rrset.rdtype for rrset in response.answer] == [39]


def test_ds_between_held_zones() -> None:
    """RFC 4035 §3.1.4.1: DS of a held child comes from its held parent, all else from the child."""
    parent = version("@ 60 IN SOA a b 1 2 3 4 5\n@ 60 NS a\nc 60 NS a\nc 60 DS 1 8 2 " + "00" * 32, "test.")
    child = version("@ 60 IN SOA a b 1 2 3 4 5\n@ 60 NS a.test.", "c.test.")
    server = Server(parent, child)
    assert lines(server.ask("c.test.", "DS").answer) == ["c.test. 60 DS 1 8 2 " + "00" * 32]
    assert lines(server.ask("c.test.", "NS").answer) == ["c.test. 60 NS a.test."]


def test_any_over_tcp_is_everything_for_who_may_transfer() -> None:
    """RFC 8482 §4.4: and one RRset for all others, whoever asked first."""
    allowed, other = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
    options = Options(transfers=TransferOptions(lambda apex, client, key: client == allowed))
    server = Server(version(ORG, "example.org."), options=options)
    for _ in range(3):
        for client in (other, allowed):
            tcp = server.ask("ns1.example.org.", "ANY", transport=Transport.TCP, client=client)
            assert {rrset.rdtype for rrset in tcp.answer} == ({1, 28} if client == allowed else {1})
            assert {rrset.rdtype for rrset in server.ask("ns1.example.org.", "ANY", client=client).answer} == {1}
    wild = server.ask("q.wild.example.org.", "ANY", transport=Transport.TCP, client=allowed)
    assert {(str(rrset.name), rrset.rdtype) for rrset in wild.answer} == {
        ("q.wild.example.org.", 1),
        ("q.wild.example.org.", 15),
    }


def test_unsigned_parent_keeps_its_ds_to_itself() -> None:
    """A DS that no signature covers proves nothing: it is sent to who asks for it, and in no referral."""
    parent = version("@ 60 IN SOA a b 1 2 3 4 5\n@ 60 NS a\nc 60 NS a\nc 60 DS 1 8 2 " + "00" * 32, "test.")
    server = Server(parent)
    for transport in (Transport.TCP, Transport.UDP):
        referral = server.ask("x.c.test.", do=True, transport=transport)
        assert lines(referral.authority) == ["c.test. 60 NS a.test."]
        answer = server.ask("c.test.", "DS", do=True, transport=transport)
        assert lines(answer.answer) == ["c.test. 60 DS 1 8 2 " + "00" * 32]


LONG_CHAIN = "@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 NS ns\n" + "".join(
    f"a{number} 60 CNAME a{number + 1}\n" for number in range(MAX_LINKS)
)
AT_ITS_END = f"a{MAX_LINKS}.example.org."


@pytest.mark.parametrize(
    ("end", "answered", "authority", "rcode"),
    [
        (f"a{MAX_LINKS} 60 A 192.0.2.1\n", [f"{AT_ITS_END} 60 A 192.0.2.1"], 0, "NOERROR"),
        (f"a{MAX_LINKS} 60 TXT x\n", [], 1, "NOERROR"),
        (f"x.a{MAX_LINKS} 60 TXT x\n", [], 1, "NOERROR"),
        ("", [], 1, "NXDOMAIN"),
        (f"a{MAX_LINKS} 60 NS ns.elsewhere.test.\n", [], 1, "NOERROR"),
        (f"a{MAX_LINKS} 60 CNAME more\n", [], 0, "NOERROR"),
        (f"a{MAX_LINKS} 60 CNAME a0\n", [], 0, "NOERROR"),
        ("* 60 CNAME more\n", [], 0, "NOERROR"),
    ],
)
def test_the_longest_chain_that_is_followed(end: str, answered: list[str], authority: int, rcode: str) -> None:
    """All aliases up to the bound, and what stands at the end of the last one, unless that is one more alias."""
    server = Server(version(LONG_CHAIN + end, "example.org."))
    links = [f"a{number}.example.org. 60 CNAME a{number + 1}.example.org." for number in range(MAX_LINKS)]
    for transport in (Transport.TCP, Transport.UDP):
        response = server.ask("a0.example.org.", transport=transport, do=True)
        assert lines(response.answer) == sorted(links + answered)
        assert len(response.authority) == authority
        assert dns.rcode.to_text(response.rcode()) == rcode
    assert not server.errors


@pytest.mark.parametrize(("owner", "target"), [("d", "x.d"), ("x", "y.x"), ("d", "a.b.c.d")])
def test_dname_that_leads_below_itself(owner: str, target: str) -> None:
    """Each link is a longer name: the chain is cut at the bound, and any reader can follow its pointers."""
    server = Server(version(f"@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 NS ns\n{owner} 60 DNAME {target}\n", "example.org."))
    for rtype, transport in product(("A", "ANY"), (Transport.TCP, Transport.UDP)):
        packet = make_query(f"q.{owner}.example.org.", rtype).to_wire()
        message = server.raw(packet, transport)
        assert message is not None
        decoded = decode(message)
        if not decoded.truncated:
            assert [record.rtype for record in decoded.sections[0]] == [DNAME] + [CNAME] * MAX_LINKS
        assert decoded.pointers <= MOST_POINTERS


def test_dname_that_leads_below_itself_ends_where_names_are_too_long() -> None:
    """RFC 6672 §2.2: YXDOMAIN, with the links that fit."""
    text = f"@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 NS ns\nd 60 DNAME {'x' * 60}.d\n"
    response = Server(version(text, "example.org.")).ask("q.d.example.org.", transport=Transport.TCP)
    assert dns.rcode.to_text(response.rcode()) == "YXDOMAIN"
    assert [rrset.rdtype for rrset in response.answer] == [DNAME] + [CNAME] * 3


SERVICES = """
$TTL 60
@       SOA ns h 1 2 3 4 5
@       NS ns
b       SVCB 1 . alpn=h2
b       A 192.0.2.2
b       AAAA 2001:db8::2
*.w     HTTPS 1 . alpn=h2
*.w     A 192.0.2.9
h       HTTPS 1 i
i       CNAME e
e       A 192.0.2.4
own     HTTPS 1 OWN
own     A 192.0.2.6
off     HTTPS 0 .
off     A 192.0.2.7
to      HTTPS 0 over
over    HTTPS 0 i2
i2      CNAME host
host    HTTPS 1 .
host    A 192.0.2.5
loop    HTTPS 0 loop2
loop2   HTTPS 0 loop
loop2   A 192.0.2.8
two     HTTPS 1 .
two     HTTPS 2 e
two     A 192.0.2.10
round   HTTPS 1 c1
c1      CNAME c2
c2      CNAME c1
back    HTTPS 1 tob
tob     CNAME back
q       CNAME b
cut     NS ns.elsewhere.test.
x.cut   A 192.0.2.11
tocut   HTTPS 1 x.cut
there   HTTPS 0 www.example.net.
"""


@pytest.mark.parametrize(
    ("name", "rtype", "additional"),
    [
        ("b", "SVCB", ["b 60 A 192.0.2.2", "b 60 AAAA 2001:db8::2"]),
        ("q", "SVCB", ["b 60 A 192.0.2.2", "b 60 AAAA 2001:db8::2"]),
        ("x.w", "HTTPS", ["x.w 60 A 192.0.2.9"]),
        ("h", "HTTPS", ["e 60 A 192.0.2.4", "i 60 CNAME e"]),
        ("own", "HTTPS", ["own 60 A 192.0.2.6"]),
        ("off", "HTTPS", []),
        ("to", "HTTPS", ["host 60 A 192.0.2.5", "host 60 HTTPS 1 .", "i2 60 CNAME host", "over 60 HTTPS 0 i2"]),
        ("loop", "HTTPS", ["loop2 60 A 192.0.2.8", "loop2 60 HTTPS 0 loop"]),
        ("two", "HTTPS", ["e 60 A 192.0.2.4", "two 60 A 192.0.2.10"]),
        ("round", "HTTPS", ["c1 60 CNAME c2", "c2 60 CNAME c1"]),
        ("back", "HTTPS", ["tob 60 CNAME back"]),
        ("tocut", "HTTPS", []),
        ("there", "HTTPS", ["www.example.net. 600 A 198.51.100.2"]),
    ],
)
def test_addresses_behind_services(name: str, rtype: str, additional: list[str]) -> None:
    """RFC 9460 §4.1: what a client looks up next, behind CNAMEs and AliasMode; `.` is the owner (§2.5.2)."""
    server = Server(version(SERVICES, "example.org."), version(NET, "example.net."))
    for transport in (Transport.TCP, Transport.UDP, Transport.UDP):
        found = lines(server.ask(f"{name}.example.org.", rtype, transport=transport).additional)
        assert [line.replace(".example.org.", "") for line in found] == additional
    assert not server.errors


def test_services_are_followed_within_bounds() -> None:
    text = "@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 NS ns\n" + "".join(
        f"s{number} 60 HTTPS 0 s{number + 1}\nc{number} 60 CNAME c{number + 1}\n" for number in range(40)
    )
    wide = "".join(f"many 60 HTTPS 0 m{number}\nm{number} 60 HTTPS 0 n{number}\n" for number in range(90))
    server = Server(version(text + wide + "to 60 HTTPS 1 c0\n", "example.org."))
    for name, followed in (("s0", 9), ("to", 9), ("many", MOST_NAMES)):
        response = server.ask(f"{name}.example.org.", "HTTPS", transport=Transport.TCP)
        assert sum(map(len, response.additional)) == followed
    assert not server.errors
