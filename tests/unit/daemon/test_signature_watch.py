"""When signatures end, looked up in a thread: of versions as they come, and given up when the daemon ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemonkit import until
from repokit import ZONE, parsed
from zonegit.daemon.signature_watch import SignatureWatch
from zonegit.errors import CorruptStore
from zonegit.model.ids import ObjectId
from zonegit.repo import Repository
from zonegit.store.lmdb import LmdbStore

ORG, NET = "example.org.", "example.net."
END = 1_893_456_000
"""2030-01-01."""
SIGNED = ZONE + "".join(
    f"{owner} 3600 IN RRSIG {rtype} 13 2 3600 {end} 20260101000000 1 example.org. {'A' * 86}==\n"
    for owner, rtype, end in (("@", "SOA", "20310101000000"), ("www", "A", "20300101000000"))
)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with Repository.init(tmp_path / "r") as repository:
        yield repository


@pytest.fixture
def watch(repository: Repository) -> Iterator[SignatureWatch]:
    store = LmdbStore.open(repository.path)
    watch = SignatureWatch(store)
    yield watch
    watch.close()
    store.close()


def imported(repository: Repository, text: str) -> ObjectId:
    done = repository.import_zone(parsed(text), source="test.zone")
    assert done.new is not None
    return done.new


def test_of_signed_zones_only_and_of_each_version(repository, watch):
    signed = imported(repository, SIGNED)
    other = imported(repository, ZONE.replace("example.net", "example.com").replace("example.org", "example.net"))
    assert watch.ends({ORG: signed, NET: other}, 20) == {ORG: END}
    moved = repository.delete("www", 46, zone=ORG, signatures="break").new
    assert watch.ends({ORG: moved, NET: other}, 20) == {ORG: END + 365 * 86_400}
    assert watch.ends({NET: other}, 20) == {}


def test_what_was_known_is_told_until_the_new_version_is(repository, watch):
    signed = imported(repository, SIGNED)
    assert watch.ends({ORG: signed}, 20) == {ORG: END}
    moved = repository.delete("www", 46, zone=ORG, signatures="break").new
    first = watch.ends({ORG: moved}, 0)
    assert first in ({ORG: END}, {ORG: END + 365 * 86_400})
    until(lambda: watch.ends({ORG: moved}, 0) == {ORG: END + 365 * 86_400}, "the end of the new version")


def test_a_version_that_cannot_be_read_is_tried_once(repository, watch, monkeypatch):
    signed = imported(repository, SIGNED)
    assert watch.ends({ORG: signed}, 20) == {ORG: END}
    tries = []

    def corrupt(oid: ObjectId) -> int | None:
        tries.append(oid)
        raise CorruptStore("a flipped bit")

    monkeypatch.setattr(watch, "_end", corrupt)
    for _ in range(3):
        assert watch.ends({ORG: ObjectId(bytes(32))}, 20) == {ORG: END}
    assert len(tries) == 1


def test_it_can_be_closed_before_it_began(repository):
    store = LmdbStore.open(repository.path)
    SignatureWatch(store).close()
    store.close()


def test_a_store_tells_how_long_its_commits_took(repository):
    store = LmdbStore.open(repository.path)
    told: list[float] = []
    store.committed = told.append
    with store.write() as writer:
        writer.set_setting("x", b"y")
    with pytest.raises(ZeroDivisionError), store.write():
        raise ZeroDivisionError
    store.close()
    assert len(told) == 1 and told[0] > 0
