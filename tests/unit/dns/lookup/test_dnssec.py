"""Signed answers: every signature validates, and what is denied is proven by NSEC (RFC 4035 §3.1)."""

from functools import cache

import dns.dnssec
import dns.dnssectypes
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import dns.zone
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dnskit import Server, from_zone, make_query
from dnszones import SIGNED
from zonegit.dns.wire.message import Transport

ORIGIN = dns.name.from_text("example.org.")
NOW = 1_700_000_000


@cache
def server() -> tuple[Server, dns.rrset.RRset]:
    zone = dns.zone.from_text(SIGNED, origin=ORIGIN, relativize=False)
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    key = dns.dnssec.make_dnskey(private.public_key(), dns.dnssectypes.Algorithm.ED25519, flags=257)
    with zone.writer() as txn:
        dns.dnssec.sign_zone(zone, txn, keys=[(private, key)], inception=NOW - 3600, lifetime=86400)
    return Server(from_zone(zone)), dns.rrset.from_rdata(ORIGIN, 3600, key)


def ask(name: str, rtype: str = "A", *, do: bool = False, edns: bool = True) -> dns.message.Message:
    """The response, which is the same by the slow path, as TCP takes it, and by whatever way UDP takes."""
    packet = make_query(name, rtype, do=do, edns=edns).to_wire()
    whole = server()[0].raw(packet, Transport.TCP)
    assert whole is not None
    for _ in range(2):
        assert server()[0].raw(packet) == whole or len(whole) > (1232 if edns else 512)
    return dns.message.from_wire(whole)


def validate(response: dns.message.Message) -> None:
    """Every RRset of answer and authority is signed and the signature holds, but for what the parent can't sign."""
    _, key = server()
    for section in (response.answer, response.authority):
        cuts = {s.name for s in section if s.rdtype == dns.rdatatype.NS and s.name != ORIGIN}
        dnames = [s.name for s in section if s.rdtype == dns.rdatatype.DNAME]
        for rrset in section:
            if rrset.rdtype == dns.rdatatype.RRSIG or (rrset.rdtype == dns.rdatatype.NS and rrset.name in cuts):
                continue
            made = any(rrset.name.is_subdomain(name) and rrset.name != name for name in dnames)
            if rrset.rdtype == dns.rdatatype.CNAME and made:
                continue
            matches = [s for s in section if s.name == rrset.name and s.covers == rrset.rdtype]
            assert len(matches) == 1, f"{rrset.name} {rrset.rdtype} has {len(matches)} sets of signatures"
            assert matches[0].ttl == rrset.ttl
            dns.dnssec.validate(rrset, matches[0], {ORIGIN: key}, now=NOW)


def nsecs(response: dns.message.Message) -> dict[str, str]:
    """Owner -> next name of the NSECs in the authority section."""
    return {str(s.name): str(s[0].next) for s in response.authority if s.rdtype == dns.rdatatype.NSEC}


DENIALS = [
    ("nothing.example.org.", "A", {"gone.example.org.", "example.org."}, "name and wildcard"),
    ("b.nothing.example.org.", "A", {"gone.example.org.", "example.org."}, "closest encloser is the apex"),
    ("a.example.org.", "A", {"example.org."}, "one NSEC may prove both"),
    ("z.ent.example.org.", "A", {"a.b.ent.example.org.", "example.org."}, "encloser without NSEC"),
    ("n.unsigned2.example.org.", "A", {"unsigned2.example.org."}, "after a cut with glue"),
    ("unsigned1.example.org.", "A", {"unsigned.example.org.", "example.org."}, "glue has no NSEC: the cut's is it"),
    ("missing.example.org.", "AAAA", {"gone.example.org.", "example.org."}, "after gone"),
    ("gone.example.org.", "A", {"gone.example.org.", "example.org."}, "CNAME to a missing name"),
]


@pytest.mark.parametrize(("name", "rtype", "owners", "_why"), DENIALS, ids=[case[3] for case in DENIALS])
def test_nxdomain_is_proven(name: str, rtype: str, owners: set[str], _why: str) -> None:
    response = ask(name, rtype, do=True)
    assert response.rcode() == 3
    validate(response)
    assert set(nsecs(response)) == owners


NODATA = [
    ("web.example.org.", "MX", {"web.example.org."}, "RFC 4035 §3.1.3.1: NSEC at the name"),
    ("example.org.", "TXT", {"example.org."}, "at the apex"),
    ("ent.example.org.", "A", {"example.org."}, "empty non-terminal: NSEC across it"),
    ("b.ent.example.org.", "A", {"example.org."}, "deeper empty non-terminal"),
    ("www.example.org.", "TXT", {"web.example.org."}, "behind a CNAME"),
    ("q.wild.example.org.", "TXT", {"*.wild.example.org."}, "RFC 4035 §3.1.3.4: wildcard NODATA"),
    ("y.wild.example.org.", "TXT", {"*.wild.example.org.", "x.wild.example.org."}, "wildcard NODATA, two NSECs"),
    ("unsigned.example.org.", "DS", {"unsigned.example.org."}, "RFC 4035 §3.1.4.1: no DS at the cut"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rtype", "owners", "_why"), NODATA, ids=[case[3] for case in NODATA])
def test_nodata_is_proven(name: str, rtype: str, owners: set[str], _why: str) -> None:
    response = ask(name, rtype, do=True)
    assert response.rcode() == 0
    assert not any(s.rdtype == dns.rdatatype.from_text(rtype) for s in response.answer)
    validate(response)
    assert set(nsecs(response)) == owners


@pytest.mark.parametrize("above", ["cut 60 NS ns.elsewhere.test.", "cut 60 DNAME elsewhere.test."])
def test_any_number_of_names_below_a_cut_have_no_nsec(above: str) -> None:
    """RFC 4035 §2.3: the chain goes on from the cut, or from the DNAME, whatever lies hidden below it."""
    zone = dns.zone.from_text(
        f"@ 60 SOA a b 1 2 3 4 5\n@ 60 NS a\n{above}\ncuu 60 A 192.0.2.1\n", ORIGIN, relativize=False
    )
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    key = dns.dnssec.make_dnskey(private.public_key(), dns.dnssectypes.Algorithm.ED25519)
    with zone.writer() as txn:
        dns.dnssec.sign_zone(zone, txn, keys=[(private, key)], inception=NOW, lifetime=86400)
    address = zone.find_rdataset("cuu.example.org.", "A")
    for number in range(100):
        zone.replace_rdataset(f"n{number}.m{number % 7}.cut.example.org.", address)
    for transport in (Transport.TCP, Transport.UDP):
        response = Server(from_zone(zone)).ask("cutter.example.org.", do=True, transport=transport)
        assert nsecs(response) == {"example.org.": "cut.example.org.", "cut.example.org.": "cuu.example.org."}


def test_nsecs_span_what_they_deny() -> None:
    for name, rtype, *_ in DENIALS[:-1]:
        denied = dns.name.from_text(name)
        spans = nsecs(ask(name, rtype, do=True))
        assert any(
            dns.name.from_text(owner) < denied and (denied < dns.name.from_text(after) or after == "example.org.")
            for owner, after in spans.items()
        )


POSITIVE = [
    ("web.example.org.", "A", set(), "data"),
    ("www.example.org.", "AAAA", set(), "CNAME and data"),
    ("example.org.", "DNSKEY", set(), "keys"),
    ("example.org.", "NSEC", set(), "NSEC asked for"),
    ("example.org.", "SOA", set(), "SOA"),
    ("y.wild.example.org.", "A", {"x.wild.example.org."}, "RFC 4035 §3.1.3.3: wildcard"),
    ("a.y.wild.example.org.", "A", {"x.wild.example.org."}, "wildcard, two labels"),
    ("q.wcname.example.org.", "A", {"*.wcname.example.org."}, "wildcard CNAME"),
    ("y.old.example.org.", "A", {"x.wild.example.org."}, "DNAME to a wildcard"),
    ("signed.example.org.", "DS", set(), "DS at a cut"),
    ("web.example.org.", "ANY", set(), "ANY"),
]


@pytest.mark.parametrize(("name", "rtype", "owners", "_why"), POSITIVE, ids=[case[3] for case in POSITIVE])
def test_positive_answers_are_signed(name: str, rtype: str, owners: set[str], _why: str) -> None:
    response = ask(name, rtype, do=True)
    assert response.rcode() == 0
    assert response.answer
    validate(response)
    assert set(nsecs(response)) == owners


def test_signatures_of_a_name() -> None:
    response = ask("web.example.org.", "RRSIG", do=True)
    assert sorted(s.covers for s in response.answer) == [1, 28, 47]
    assert not response.authority


def test_additional_data_is_signed_if_it_fits() -> None:
    """RFC 4035 §3.1.1."""
    response = ask("example.org.", "MX", do=True)
    assert sorted((s.rdtype, s.covers) for s in response.additional) == [
        (1, 0), (1, 0), (28, 0), (46, 1), (46, 1), (46, 28)
    ]  # fmt: skip
    assert 0 < len(server()[0].ask("example.org.", "MX", do=True, size=512).additional) < 6


def test_referrals() -> None:
    """RFC 4035 §3.1.4: DS, or the NSEC that shows there is none; NS and glue unsigned; nothing without DO."""
    unsigned = ask("n.unsigned.example.org.", do=True)
    assert set(nsecs(unsigned)) == {"unsigned.example.org."}
    validate(unsigned)
    assert [s.rdtype for s in unsigned.additional] == [1]
    signed = ask("n.signed.example.org.", do=True)
    assert sorted((s.rdtype, s.covers) for s in signed.authority) == [(2, 0), (43, 0), (46, 43)]
    validate(signed)
    assert [s.rdtype for s in ask("n.signed.example.org.").authority] == [2]


def test_wildcard_alias_to_below_a_cut() -> None:
    response = ask("q.wdel.example.org.", do=True)
    validate(response)
    assert set(nsecs(response)) == {"*.wdel.example.org.", "unsigned.example.org."}


def test_without_do_nothing_of_dnssec() -> None:
    """RFC 4035 §3.1, RFC 3225: only what was asked for."""
    for name, rtype, *_ in DENIALS + NODATA + POSITIVE:
        if rtype in ("DNSKEY", "NSEC", "DS"):
            continue
        for edns in (True, False):
            response = ask(name, rtype, edns=edns)
            kinds = {s.rdtype for s in response.answer + response.authority + response.additional}
            assert not kinds & {46, 47}
