"""IXFR from changes that the store keeps: the bytes that the trees give."""

from array import array
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.rdatatype
import pytest

from repokit import ZONE, parsed
from zonegit.daemon.live_zones import LiveZones
from zonegit.dns import stats
from zonegit.dns.transfer import ixfr
from zonegit.model.rdata import A
from zonegit.ops.config import Config
from zonegit.repo import Repository
from zonegit.store.changes import clear_changes, kept_changes

MANY = ZONE + "".join(f"host{i} A 192.0.2.{i % 250}\n" for i in range(300))
MORE = MANY + "".join(f"more{i} A 10.0.0.{i % 250}\n" for i in range(100))


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(MANY), source="test.zone")
        yield repository


def serial(repository: Repository) -> int:
    return repository.resolve("main").commit.serial


def answer(repository: Repository, client: int) -> list[bytes]:
    """The messages that a new server sends to who has the version of this serial."""
    errors: list[str] = []
    row = array("Q", bytes(8 * stats.SLOTS))
    zones = LiveZones(
        repository._store, Config(repo=repository.path), row, lambda *error: errors.append(str(error))
    )
    query = dns.message.make_query("example.org.", "IXFR", id=1)
    query.authority.append(dns.rrset.from_text("example.org.", 0, "IN", "SOA", f". . {client} 0 0 0 0"))
    found = zones.respond_tcp(query.to_wire(), bytes([127, 0, 0, 1]))
    sent = [message for message in [found] if isinstance(message, bytes)] or [*filter(None, found or ())]
    zones.done()
    assert errors == []
    return sent


def types(messages: list[bytes]) -> list[int]:
    found = [dns.message.from_wire(data, xfr=True, one_rr_per_rrset=True) for data in messages]
    return [rrset.rdtype for message in found for rrset in message.answer]


def test_they_give_the_bytes_that_the_trees_give(repository) -> None:
    """After moves of several kinds, and with changes that aren't kept among those that are."""
    first = serial(repository)
    base = repository.resolve("main").id.hex()
    repository.import_zone(parsed(MANY.replace("192.0.2.1", "10.1.1.1")), source="test.zone", replace=True)
    repository.set("www", A, 60, [bytes([10, 0, 0, 5])])
    repository.reset(base)
    repository.import_zone(parsed(MORE), source="test.zone", replace=True)
    with repository._store.read() as reader:
        assert len(list(kept_changes(reader.tables))) >= 2
    clients = range(first, serial(repository))
    kept = [answer(repository, client) for client in clients]
    with repository._store.write() as writer:
        clear_changes(writer.draft)
    assert [answer(repository, client) for client in clients] == kept
    assert types(kept[-1]).count(dns.rdatatype.SOA) > 2


def test_they_spare_the_comparison(repository, monkeypatch) -> None:
    first = serial(repository)
    repository.import_zone(parsed(MORE), source="test.zone", replace=True)
    monkeypatch.setattr(ixfr, "diff", None)
    assert len(types(answer(repository, first))) == 104
