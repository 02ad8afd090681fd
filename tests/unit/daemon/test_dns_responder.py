"""A program asks what zonegitd would answer from a repository."""

from pathlib import Path

import pytest

from repokit import ZONE, parsed
from zonegit import DnsResponder, Repository
from zonegit.dns.wire.message import Transport
from zonegit.dns.wire.reading import read_response
from zonegit.errors import NotFound, OutOfZone, StoreError, UsageError
from zonegit.model.rdata import AAAA, AXFR, A

NEW = bytes([192, 0, 2, 80])


@pytest.fixture
def zones(tmp_path: Path) -> Path:
    with Repository.init(tmp_path / "zones") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        repository.set("www", A, 300, [NEW])
    return tmp_path / "zones"


def rdatas(response: bytes) -> list[bytes]:
    return [record.rdata for record in read_response(response).answer]


def test_versions_are_chosen_as_zonegitd_does_or_named(zones) -> None:
    with DnsResponder(zones) as responder:
        now = responder.query("www.example.org.", A, client="192.0.2.1")
        before = responder.query("www", A, revision="HEAD~1")
        again = responder.query("www", AAAA, zone="example.org", dnssec=True)
    assert rdatas(now.response) == [NEW] != rdatas(before.response)
    assert now.chosen is not None and (now.chosen.rule, now.chosen.setting) == ("branch", "main")
    assert before.chosen is not None and (before.chosen.rule, before.chosen.setting) == ("revision", "HEAD~1")
    assert now.chosen.zone == before.chosen.zone == "example.org."
    assert (now.transport, again.transport) == (Transport.UDP, Transport.UDP)
    assert now.problems == before.problems == again.problems == []


def test_it_can_be_open_beside_a_repository_of_the_same_process(zones) -> None:
    with Repository.open(zones) as repository, DnsResponder(zones) as responder:
        repository.set("www", A, 300, [bytes(4)])
        assert rdatas(responder.query("www").response) == [bytes(4)]


def test_mistakes_are_told(zones, tmp_path) -> None:
    with DnsResponder(zones) as responder:
        with pytest.raises(UsageError, match="not an address"):
            responder.query("www", client="localhost")
        with pytest.raises(UsageError, match="AXFR"):
            responder.query("www", AXFR)
        with pytest.raises(NotFound):
            responder.query("www", revision="nowhere")
        with pytest.raises(OutOfZone):
            responder.query("www.example.com.", revision="HEAD")
    with pytest.raises(StoreError):
        DnsResponder(tmp_path / "nothing")
