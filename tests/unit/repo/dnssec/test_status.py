"""What operators see of a signed zone: kept, read, and left alone while nothing changes."""

import json

import pytest

from repokit import ZONE, parsed
from zonegit.errors import CorruptStore
from zonegit.repo import Repository
from zonegit.repo.dnssec.status import (
    DnssecStatus,
    KeyStatus,
    ParentServer,
    Problem,
    Waiting,
    forget_status,
    from_json,
    note_status,
    noted_status,
    noted_statuses,
    to_json,
)
from zonegit.store.lmdb import LmdbStore

STATUS = DnssecStatus(
    "example.org.",
    1_767_225_600,
    signed_since=1_767_000_000,
    denial="nsec3",
    first_end=1_768_000_000,
    next_renewal=1_767_600_000,
    keys=(KeyStatus(12345, 13, "csk", "active", 1_767_000_000),),
    under_way="KSK rollover",
    waiting=(Waiting("ds", "the parent has to publish the new DS", 1_767_100_000, None),),
    parent_asked=1_767_225_000,
    parent=(ParentServer("a.parent. 192.0.2.53", True), ParentServer("b.parent. 192.0.2.54", None, "timed out")),
    ds=(bytes.fromhex("30390d02aabb"),),
    cds=(bytes.fromhex("30390d02aabb"),),
    problems=(Problem("key", "the private key 12345 is missing: restore it"),),
)


@pytest.fixture
def store(tmp_path):
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
    opened = LmdbStore.open(tmp_path / "repo")
    yield opened
    opened.close()


def test_what_is_noted_is_read(store):
    with store.read() as reader:
        assert noted_status(reader, "example.org.") is None
    note_status(store, STATUS)
    with store.read() as reader:
        assert noted_status(reader, "example.org.") == STATUS
        assert list(noted_statuses(reader)) == [STATUS]
        assert noted_status(reader, "example.net.") is None
    forget_status(store, "example.org.")
    forget_status(store, "example.org.")
    with store.read() as reader:
        assert noted_status(reader, "example.org.") is None


def test_it_is_one_object_of_json():
    table = json.loads(json.dumps(to_json(STATUS)))
    assert table["ds"] == ["30390d02aabb"]
    assert table["parent"][1] == {"server": "b.parent. 192.0.2.54", "as_wanted": None, "error": "timed out"}
    assert from_json(table) == STATUS
    assert from_json({"zone": "a.", "noted": 1}) == DnssecStatus("a.", 1)


def test_nothing_is_written_while_only_time_passes(store):
    note_status(store, STATUS)
    before = store.txn_id()
    note_status(store, STATUS._replace(noted=STATUS.noted + 60))
    assert store.txn_id() == before
    note_status(store, STATUS._replace(under_way=""))
    assert store.txn_id() > before


def test_more_from_a_later_version_is_ignored(store):
    table = to_json(STATUS) | {"weather": "fair"}
    table["keys"][0]["colour"] = "red"
    with store.write() as writer:
        writer.set_setting("dnssec-status/example.org.", json.dumps(table).encode())
    with store.read() as reader:
        assert noted_status(reader, "example.org.") == STATUS


@pytest.mark.parametrize("value", [b"", b"[]", b"{}", b'{"zone": "a.", "noted": 1, "keys": [{}]}', b"\xff"])
def test_what_can_not_be_read_is_told_and_replaced(store, value):
    with store.write() as writer:
        writer.set_setting("dnssec-status/example.org.", value)
    with (
        store.read() as reader,
        pytest.raises(CorruptStore, match=r"the signatures of example\.org\. can't be read"),
    ):
        noted_status(reader, "example.org.")
    note_status(store, STATUS)
    with store.read() as reader:
        assert noted_status(reader, "example.org.") == STATUS
