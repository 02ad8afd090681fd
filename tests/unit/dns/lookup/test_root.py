"""The signed root zone of 2017: answers as the root servers gave them."""

import gzip
from collections.abc import Callable
from pathlib import Path

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.zone
import pytest

from dnskit import CLIENT, DictVersion, Server, make_query
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.wire.message import Transport
from zonegit.model.names import ROOT
from zonegit.model.rrset import RRset
from zonegit.zonefile.reader import read_zone

FILE = "root-2017082100-signed.zone.gz"
THEN = 1_503_316_800  # 2017-08-21 12:00 UTC
COM = [f"{letter}.gtld-servers.net." for letter in "abcdefghijklm"]
"""The servers of com."""


@pytest.fixture(scope="module")
def root(shared_data: Callable[[str], Path]) -> Server:
    with gzip.open(shared_data(FILE)) as file:
        parsed = read_zone(file, name=FILE, origin=ROOT)
    version = DictVersion(ROOT, parsed.serial, [RRset.decode(payload) for _, payload in parsed.entries])
    return Server(version, options=Options(transfers=TransferOptions(runs=lambda _: version.runs())))


def whole(server: Server, name: str, rtype: str, *, do: bool = True) -> dns.message.QueryMessage:
    """The answer over UDP, which must fit as it did in reality."""
    data = server.raw(make_query(name, rtype, do=do).to_wire())
    assert data is not None
    assert len(data) <= 1232
    response = dns.message.from_wire(data)
    assert not response.flags & dns.flags.TC
    return response


def check_signatures(server: Server, response: dns.message.QueryMessage) -> None:
    """Validate every signature in answer and authority with the keys that the zone itself publishes."""
    keys = server.ask(".", "DNSKEY", transport=Transport.TCP).answer[0]
    for section in (response.answer, response.authority):
        for signatures in section:
            if signatures.rdtype == dns.rdatatype.RRSIG:
                covered = next(s for s in section if (s.name, s.rdtype) == (signatures.name, signatures.covers))
                dns.dnssec.validate(covered, signatures, {dns.name.root: keys}, now=THEN)


def test_com_referral(root: Server) -> None:
    response = whole(root, "com.", "NS")
    assert response.rcode() == 0
    assert not response.flags & dns.flags.AA
    assert not response.answer
    assert sorted(rdata.target.to_text() for rdata in response.authority[0]) == COM
    assert [(s.rdtype, s.covers) for s in response.authority[1:]] == [(43, 0), (46, 43)]
    assert sorted((str(s.name), s.rdtype) for s in response.additional) == [(n, t) for n in COM for t in (1, 28)]
    check_signatures(root, response)


def test_com_referral_without_do(root: Server) -> None:
    response = whole(root, "www.example.com.", "A", do=False)
    assert [s.rdtype for s in response.authority] == [2]
    assert len(response.additional) == 26


def test_nosuchtld(root: Server) -> None:
    response = whole(root, "nosuchtld.", "A")
    assert response.rcode() == 3
    assert response.flags & dns.flags.AA
    assert sorted((str(s.name), s.rdtype, s.covers) for s in response.authority) == [
        (".", 6, 0), (".", 46, 6), (".", 46, 47), (".", 47, 0), ("norton.", 46, 47), ("norton.", 47, 0),
    ]  # fmt: skip
    check_signatures(root, response)


def test_priming(root: Server) -> None:
    """RFC 8109 §4: 13 servers, their signature and 26 addresses within 1232 bytes, as from the real root: 1097."""
    data = root.raw(make_query(".", "NS", do=True).to_wire())
    assert data is not None
    assert len(data) == 1097
    response = whole(root, ".", "NS")
    assert response.flags & dns.flags.AA
    assert [len(s) for s in response.answer] == [13, 1]
    assert len(response.additional) == 26
    check_signatures(root, response)


@pytest.mark.parametrize("rtype", ["DNSKEY", "SOA", "NSEC", "NS"])
def test_apex_validates(root: Server, rtype: str) -> None:
    response = whole(root, ".", rtype)
    assert [s.covers for s in response.answer][1:] == [dns.rdatatype.from_text(rtype)]
    check_signatures(root, response)


def test_ds_is_answered_by_the_root(root: Server) -> None:
    response = whole(root, "com.", "DS")
    assert response.flags & dns.flags.AA
    assert [(s.rdtype, s.covers) for s in response.answer] == [(43, 0), (46, 43)]
    check_signatures(root, response)


def test_an_unsigned_delegation_is_proven(root: Server) -> None:
    response = whole(root, "www.example.ae.", "A")
    assert [(str(s.name), s.rdtype, s.covers) for s in response.authority] == [
        ("ae.", 2, 0), ("ae.", 47, 0), ("ae.", 46, 47),
    ]  # fmt: skip
    check_signatures(root, response)
    denied = whole(root, "ae.", "DS")
    assert denied.flags & dns.flags.AA
    assert {(str(s.name), s.rdtype) for s in denied.authority} == {(".", 6), (".", 46), ("ae.", 47), ("ae.", 46)}
    check_signatures(root, denied)


def test_delegations_refer_to_their_servers(root: Server) -> None:
    """Every fourth of the zone's cuts, with all glue that lies below it."""
    tlds = {name for name in _owners(root) if name.count(".") == 1 and name != "."}
    assert len(tlds) > 1500
    for name in sorted(tlds)[::4]:
        for do in (False, True):
            response = root.ask(f"x.{name}", do=do, transport=Transport.TCP)
            assert str(response.authority[0].name) == name
            assert response.authority[0].rdtype == 2
            glue = {str(s.name) for s in response.additional}
            servers = {str(rdata.target) for rdata in response.authority[0]}
            assert {server for server in servers if server.endswith("." + name)} <= glue
    assert not root.errors


def _owners(server: Server) -> set[str]:
    found = set()
    messages = server.responder.transfer(
        dns.message.make_query(".", "AXFR").to_wire(), Requestor(CLIENT, Transport.TCP)
    )
    assert messages is not None
    records = 0
    for data in messages:
        for rrset in dns.message.from_wire(data, one_rr_per_rrset=True, xfr=True).answer:
            found.add(str(rrset.name))
            records += 1
    assert records == 22_772 + 1
    return found
