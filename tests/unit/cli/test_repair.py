"""`fsck --repair-from`: flipped bits in the file, and a peer that has the objects whole."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from servekit import Served
from synckit import PEER
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.errors import InvalidObject
from zonegit.model.ids import Kind, ObjectId
from zonegit.repo import Repository
from zonegit.store import repair
from zonegit.store.lmdb import LmdbStore


@pytest.fixture
def server(zone, tmp_path: Path) -> Iterator[Served]:
    """Serves a copy of the repository that `run` works on."""
    for last in range(1, 40):
        with Repository.open(tmp_path / "repo") as repository:
            repository.set(f"h{last}", 1, 60, [bytes([192, 0, 2, last])])
    shutil.copytree(tmp_path / "repo", tmp_path / "peer")
    new_key(tmp_path / "keys", "k1", (parse_scope("read:*"),), time.time, os.urandom)
    served = Served(tmp_path / "peer", tmp_path / "keys")
    yield served
    served.stop()


@pytest.fixture
def access(server: Served) -> list[str]:
    return [server.url, "--name", PEER, "--keys", str(server.keys), "--key", "k1"]


def flip(path: Path, kind: Kind, count: int) -> list[ObjectId]:
    """Flip one bit in the bytes of the newest objects of a kind, wherever the file holds them."""
    store = LmdbStore.open(path, readonly=True)
    with store.read() as reader:
        ids = list(reader.object_ids(kind))[-count:]
        wanted = [reader.get(oid) for oid in ids]
    store.close()
    file = path / "data.mdb"
    content = bytearray(file.read_bytes())
    for data in wanted:
        at = content.find(data)
        assert at >= 0
        while at >= 0:
            content[at + len(data) // 2] ^= 4
            at = content.find(data, at + 1)
    file.write_bytes(content)
    return ids


def problems(run) -> list[str]:
    found = run("fsck", "--json")
    assert found.code == (6 if found.json["problems"] else 0)
    return list(found.json["problems"])


@pytest.mark.parametrize(("kind", "count"), [(Kind.NODE, 1), (Kind.COMMIT, 5), (Kind.ZONE, 40)])
def test_what_was_damaged_is_fetched_and_replaced(run, server, access, tmp_path, kind: Kind, count: int) -> None:
    damaged = flip(tmp_path / "repo", kind, count)
    assert {line.split()[1].strip(":") for line in problems(run) if line.startswith("object")} >= {
        oid.hex() for oid in damaged
    }
    before = (tmp_path / "repo" / "data.mdb").read_bytes()
    rehearsed = run("fsck", "--repair-from", *access, "--dry-run")
    assert rehearsed.code == 6
    assert f"would replace {len(damaged)} of" in rehearsed.err
    assert (tmp_path / "repo" / "data.mdb").read_bytes() == before
    done = run("fsck", "--repair-from", *access)
    assert (done.code, done.out) == (0, ""), done
    assert f"replaced {len(damaged)} of" in done.err
    assert problems(run) == []


def test_a_whole_repository_asks_nobody(run, server, access) -> None:
    server.stop()
    done = run("fsck", "--repair-from", *access)
    assert done.code == 0
    assert "replaced 0 of 0" in done.err


def test_what_the_peer_lacks_stays_damaged_and_the_rest_is_repaired(run, server, access, tmp_path) -> None:
    run("set", "mine", "A", "60", "192.0.2.99")  # the peer never saw it
    damaged = flip(tmp_path / "repo", Kind.COMMIT, 4)
    done = run("fsck", "--repair-from", *access)
    assert done.code == 6
    assert "replaced 3 of 4" in done.err
    assert "primary-1 lacks the other 1" in done.err
    assert [line for line in done.lines if line.startswith("object")] == [
        f"object {damaged[-1].hex()}: its bytes were changed on disk"
    ]


def test_a_remote_by_its_name_and_calls_that_cannot_be_read(run, server, access, tmp_path, refused) -> None:
    run("remote", "add", PEER, server.url, *access[3:])
    flip(tmp_path / "repo", Kind.NODE, 1)
    refused(run("fsck", "--repair-from", server.url), 2, "--name")
    refused(run("fsck", "--repair-from", server.url, "--name", PEER), 2, "--keys")
    refused(run("fsck", "--repair-from", "nobody"), 5, "no remote")
    assert run("fsck", "--repair-from", PEER).code == 0


def test_only_objects_that_stand_here_are_replaced(run, zone, tmp_path) -> None:
    store = LmdbStore.open(tmp_path / "repo")
    try:
        with store.read() as reader:
            known = reader.get(next(reader.object_ids()))
        before = store.txn_id()
        with pytest.raises(InvalidObject, match="never stored here"):
            repair.replace(store, [known, known + b"x"])
        assert store.txn_id() == before
        assert repair.damaged(store) == []
    finally:
        store.close()
