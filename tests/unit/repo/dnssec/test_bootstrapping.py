"""RFC 9615: a signed zone vouches for the keys of another one of the repository, until that has its first DS."""

from pathlib import Path

from repokit import parsed
from signedkit import MAIN, ORG, SignedNode
from zonegit.dnssec.check import check_signatures
from zonegit.dnssec.policy import DAY
from zonegit.model.names import APEX, Owner
from zonegit.model.rdata import CDNSKEY, CDS
from zonegit.model.rrset import RRset
from zonegit.repo.dnssec.bootstrapping import hosts_with_news, noted_additions
from zonegit.repo.results import Position
from zonegit.tree import walk

NET = Position("example.net.", "main")
HOST = """\
$ORIGIN example.net.
$TTL 3600
@ IN SOA ns1 hostmaster 1 7200 900 1209600 300
@ IN NS ns1
ns1 IN A 192.0.2.1
ns2 IN A 192.0.2.2
"""
SIGNAL = Owner(b"\7_dsboot\7example\3org\7_signal\3ns2")


def node(path: Path) -> SignedNode:
    found = SignedNode(path)
    found.repository.import_zone(parsed(HOST), source="test.zone")
    for place in (NET, MAIN, NET, MAIN):
        found.publish(place)
    return found


def news(found: SignedNode) -> list[str]:
    with found.store.read() as reader:
        return list(hosts_with_news(reader))


def signaled(found: SignedNode, rtype: int) -> RRset | None:
    content = found.served(NET)
    entries = list(walk.entries(content.tree.nodes, content.tree.root))
    assert check_signatures(content.apex, content.revision.commit.serial, entries, found.clock.now) == []
    return content.rrset(SIGNAL, rtype)


def test_the_keys_are_signaled_from_the_first_cds_to_the_first_ds(tmp_path: Path) -> None:
    found = node(tmp_path)
    assert signaled(found, CDS) is None and news(found) == []
    found.settle(DAY)
    assert news(found) == [NET.zone]

    at_child = found.served().rrset(APEX, CDS)
    there = signaled(found, CDS)
    assert at_child is not None and there is not None and there.rdatas == at_child.rdatas
    assert signaled(found, CDNSKEY) is not None
    assert news(found) == []

    found.delegate()
    found.settle(DAY)
    assert news(found) == [NET.zone]
    assert signaled(found, CDS) is None and signaled(found, CDNSKEY) is None
    found.publish(NET)
    with found.store.read() as reader:
        assert noted_additions(reader, NET) == frozenset()
        assert list(reader.settings("dnssec-signal/")) == []


def test_name_servers_in_the_zone_itself_signal_nothing(tmp_path: Path) -> None:
    found = node(tmp_path)
    found.settle(DAY)
    with found.store.read() as reader:
        assert [name for name, _ in reader.settings("dnssec-signal/")] == [f"dnssec-signal/{NET.zone} {ORG}"]


def test_history_has_no_signaling_record(tmp_path: Path) -> None:
    found = node(tmp_path)
    found.settle(DAY)
    assert signaled(found, CDS) is not None
    assert found.context.content("main", NET.zone).rrset(SIGNAL, CDS) is None
