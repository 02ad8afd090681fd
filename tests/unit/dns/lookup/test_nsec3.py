"""Denial by NSEC3: the example of RFC 5155, opt-out, and names that look like hashes."""

from functools import cache

import dns.rcode
import dns.rdataset
import dns.rdatatype
import pytest

from dnskit import Server, from_zone, lines
from nsec3kit import hash_name, hashed_zone
from zonegit.dns.zone.nsec3_hash import hash_of, hashed_key
from zonegit.dnssec.hashing import Parameters
from zonegit.model.names import from_text

EXAMPLE = """
$TTL 3600
@      SOA ns1 bugs.x.w 1 3600 300 3600000 3600
@      NS  ns1
@      NS  ns2
@      MX  1 xx
a      NS  ns1.a
a      DS  58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C
ns1.a  A   192.0.2.5
ai     A   192.0.2.9
ai     AAAA 2001:db8::f00:baa9
c      NS  ns1.c
ns1.c  A   192.0.2.7
ns1    A   192.0.2.1
ns2    A   192.0.2.2
*.w    MX  1 ai
x.w    MX  1 xx
x.y.w  MX  1 xx
xx     A   192.0.2.10
"""
NAMES = {
    "example": "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom",
    "a.example": "35mthgpgcu1qg68fab165klnsnk3dpvl",
    "ns1.example": "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
    "ns2.example": "q04jkcevqvmu85r014c7dkba38o0ji5r",
    "w.example": "k8udemvp1j2f7eg6jebps17vp3n8i58h",
    "*.w.example": "r53bq7cc2uvmubfu5ocmm6pers9tk9en",
    "x.w.example": "b4um86eghhds6nea196smvmlo4ors995",
    "y.w.example": "ji6neoaepv8b5o6k4ev33abha8ht9fgc",
    "x.y.w.example": "2vptu5timamqttgl4luu9kg21e0aor3s",
}
"""RFC 5155 appendix A."""


@cache
def server() -> Server:
    return Server(from_zone(hashed_zone(EXAMPLE, "example.", salt="aabbccdd", iterations=12, opt_out=True)))


def hashes(name: str, rtype: str, server: Server) -> set[str]:
    """Hashed owners in the authority section, each signed."""
    response = server.ask(name, rtype, do=True)
    signed = {rrset.name for rrset in response.authority if rrset.covers == dns.rdatatype.NSEC3}
    found = [rrset.name for rrset in response.authority if rrset.rdtype == dns.rdatatype.NSEC3]
    assert set(found) == signed
    assert len(found) == len(signed)
    return {str(name.labels[0], "ascii") for name in found}


@pytest.mark.parametrize("name", NAMES)
def test_hashes_of_the_example(name: str) -> None:
    digest = Parameters(12, bytes.fromhex("aabbccdd")).hash(from_text(name + "."))
    assert hashed_key(digest) == NAMES[name].encode() + b"\0"
    assert hash_of(hashed_key(digest)) == digest


CASES = [
    ("a.c.x.w.example.", "A", "NXDOMAIN", ("x.w.example", "example", "a.example"), "appendix B.1"),
    ("ns1.example.", "MX", "NOERROR", ("ns1.example",), "appendix B.2"),
    ("y.w.example.", "A", "NOERROR", ("y.w.example",), "appendix B.2.1: an empty non-terminal"),
    ("mc.c.example.", "MX", "NOERROR", ("a.example", "example"), "appendix B.3: an unsigned delegation, opted out"),
    ("c.example.", "DS", "NOERROR", ("a.example", "example"), "§7.2.4: no DS, opted out"),
    ("a.z.w.example.", "MX", "NOERROR", ("ns2.example",), "appendix B.4: an answer from a wildcard"),
    ("a.z.w.example.", "AAAA", "NOERROR", ("w.example", "ns2.example", "*.w.example"), "appendix B.5"),
    ("example.", "DS", "NOERROR", ("example",), "appendix B.6: a child's side of a cut"),
    ("mc.a.example.", "A", "NOERROR", (), "RFC 4035 §3.1.4: a signed delegation"),
    ("*.w.example.", "A", "NOERROR", ("*.w.example",), "the wildcard itself"),
]


@pytest.mark.parametrize(("name", "rtype", "rcode", "owners", "why"), CASES, ids=[case[-1] for case in CASES])
def test_proofs_of_the_example(name: str, rtype: str, rcode: str, owners: tuple[str, ...], why: str) -> None:
    assert dns.rcode.to_text(server().ask(name, rtype, do=True).rcode()) == rcode
    assert hashes(name, rtype, server()) == {NAMES[owner] for owner in owners}, why
    assert not any("NSEC3" in line for line in lines(server().ask(name, rtype).authority)), "only under DO"


@pytest.mark.parametrize("rtype", ["A", "NSEC3", "RRSIG", "ANY"])
@pytest.mark.parametrize("below", ["", "x."])
def test_hashed_owners_are_no_names(rtype: str, below: str) -> None:
    """RFC 5155 §7.2.8, appendix B: the hash of ns1.example, asked for itself."""
    response = server().ask(f"{below}{NAMES['ns1.example']}.example.", rtype, do=True)
    assert response.rcode() == dns.rcode.NXDOMAIN
    assert not response.answer


@pytest.mark.parametrize("do", [False, True])
@pytest.mark.parametrize("name", ["ns1.example", "x.w.example"])
def test_a_wildcard_covers_hashed_owners(name: str, do: bool) -> None:
    text = EXAMPLE + "* A 192.0.2.99\n* TXT everywhere\n"
    wild = Server(from_zone(hashed_zone(text, "example.", salt="aabbccdd", iterations=12)))
    for below in ("", "x.", "y.x."):
        for _ in range(3):
            response = wild.ask(f"{below}{NAMES[name]}.example.", do=do)
            assert lines(response.answer[:1]) == [f"{below}{NAMES[name]}.example. 3600 A 192.0.2.99"]
            nothing = wild.ask(f"{below}{NAMES[name]}.example.", "AAAA", do=do)
            assert nothing.rcode() == dns.rcode.NOERROR
            assert not nothing.answer


def test_a_name_that_looks_like_a_hash() -> None:
    zone = hashed_zone(
        EXAMPLE + f'{NAMES["ns1.example"]} TXT "plain"\n', "example.", salt="aabbccdd", iterations=12
    )
    both = Server(from_zone(zone))
    name = f"{NAMES['ns1.example']}.example."
    assert [rrset.rdtype for rrset in both.ask(name, "TXT").answer] == [dns.rdatatype.TXT]
    assert hashes("ns1.example.", "MX", both) == {NAMES["ns1.example"]}
    assert hashes(name, "A", both) == {hash_name(name, "aabbccdd", 12)}


def test_encloser_of_unsigned_delegations_alone() -> None:
    """RFC 5155 §7.2.1 with opt-out: neither the cut nor the empty non-terminal above it has an NSEC3."""
    text = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS ns.out.\nsub.ent NS ns.out.\nsome TXT x\n"
    opted = Server(from_zone(hashed_zone(text, "test.", opt_out=True)))
    for name in ("x.sub.ent.test.", "gone.ent.test.", "ent.test."):
        assert hash_name("test.") in hashes(name, "A", opted)
    assert hashes("ent.test.", "A", opted) <= {hash_name("test."), hash_name("some.test.")}


SOME = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS ns.out.\nsub.ent.some NS ns.out.\nsome TXT x\n*.wild TXT x\n" + "".join(
    f"h{number} TXT x\n" for number in range(40)
)
"""Enough names for each proof to be a record of its own."""


@pytest.mark.parametrize(
    ("name", "matched", "covered"),
    [
        ("x.sub.ent.some.test.", ["some.test."], ["ent.some.test."]),
        ("gone.ent.some.test.", ["some.test."], ["ent.some.test.", "*.some.test."]),
        ("ent.some.test.", ["some.test."], ["ent.some.test."]),
        ("gone.h1.test.", ["h1.test."], ["gone.h1.test.", "*.h1.test."]),
        ("far.gone.test.", ["test."], ["gone.test.", "*.test."]),
        ("a.b.wild.test.", ["wild.test.", "*.wild.test."], ["b.wild.test."]),
    ],
)
def test_proofs_are_those_that_are_called_for(name: str, matched: list[str], covered: list[str]) -> None:
    """RFC 5155 §7.2: of the closest provable encloser, the next closer name, the wildcard; no more."""
    zone = hashed_zone(SOME, "test.", opt_out=True)
    ring = sorted(str(owner.labels[0], "ascii") for owner, _ in zone.iterate_rdatasets("NSEC3"))

    def before(digest: str) -> str:
        return max((other for other in ring if other < digest), default=ring[-1])

    expected = {hash_name(each) for each in matched} | {before(hash_name(each)) for each in covered}
    assert len(expected) == len(matched) + len(covered), "the proofs share records: take other names"
    assert hashes(name, "A", Server(from_zone(zone))) == expected


def test_iterations_beyond_a_byte() -> None:
    """Nobody should, and everybody serves it (RFC 9276 §3.1)."""
    zone = hashed_zone("$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS ns.out.\n", "test.", iterations=300)
    assert hashes("x.test.", "A", Server(from_zone(zone))) == {hash_name("test.", iterations=300)}


@pytest.mark.parametrize(
    "name", ["no.example.", "ns1.example.", "a.b.c.no.w.example.", "c.example.", "x.y.w.example."]
)
def test_proofs_are_made_as_far_as_validators_follow(name: str) -> None:
    """At once, too: nothing is known of the zone when it is asked."""
    zone = from_zone(hashed_zone(EXAMPLE, "example.", salt="aabbccddeeff0011", iterations=150, opt_out=True))
    for rtype in ("A", "TXT", "DS"):
        response = Server(zone).ask(name, rtype, do=True)
        assert response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
    assert len(hashes("no.example.", "A", Server(zone))) > 1


@pytest.mark.parametrize("rtype", ["A", "TXT", "DS"])
def test_iterations_that_no_validator_follows(rtype: str) -> None:
    """RFC 9276 §3.2: one record shows how many they are; nothing is hashed for a query."""
    zone = hashed_zone(EXAMPLE, "example.", salt="aabbccdd", iterations=151, opt_out=True)
    server = Server(from_zone(zone))
    shown = set()
    for name in ("no.example.", "ns1.example.", "a.b.c.no.w.example.", "c.example."):
        response = server.ask(name, rtype, do=True)
        assert response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
        shown |= hashes(name, rtype, server)
    assert len(shown) == 1


@pytest.mark.parametrize("other", [{"iterations": 2501}, {"flags": 1}, {"algorithm": 2}])
def test_parameters_that_are_not_followed(other: dict[str, int]) -> None:
    """RFC 5155 §4.1.2, §8.1, §10.3: no proofs, then."""
    text = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS ns.out.\n"
    zone = hashed_zone(text, "test.")
    (parameter,) = zone.get_rdataset("test.", "NSEC3PARAM") or ()
    zone.replace_rdataset("test.", dns.rdataset.from_rdata(60, parameter.replace(**other)))
    response = Server(from_zone(zone)).ask("x.test.", do=True)
    assert response.rcode() == dns.rcode.NXDOMAIN
    assert [rrset.rdtype for rrset in response.authority] == [dns.rdatatype.SOA, dns.rdatatype.RRSIG]


@pytest.mark.parametrize("gone", ["example", "w.example"])
def test_a_chain_with_a_hole_is_answered_as_far_as_it_goes(gone: str) -> None:
    """Zones come from anywhere: a missing proof is no reason not to answer."""
    zone = hashed_zone(EXAMPLE, "example.", salt="aabbccdd", iterations=12, opt_out=True)
    del zone[f"{NAMES[gone]}.example."]
    server = Server(from_zone(zone))
    for name in ("example.", "w.example.", "no.example.", "a.w.example.", "no.x.w.example.", "c.example."):
        for rtype in ("A", "TXT", "DS"):
            assert server.ask(name, rtype, do=True).rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
    assert server.errors == []
