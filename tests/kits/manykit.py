"""Repositories with very many small zones, made in one transaction."""

from pathlib import Path

from synckit import SHAPE, WHO, names
from zonegit.model.commit import Commit
from zonegit.model.ids import object_id
from zonegit.model.refs import head
from zonegit.model.zone import Zone
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import RefUpdate
from zonegit.tree.build import build


def apex_of(number: int) -> str:
    return f"z{number}.example."


def many_zones(path: Path, zones: int) -> LmdbStore:
    """A new repository with so many zones of an SOA and three addresses each."""
    store = LmdbStore.create(path)
    built = build(SHAPE, sorted(names("example.", 3).items()))
    zone = Zone(built.root, SHAPE, built.records).encode()
    with store.write() as writer:
        writer.insert([*built.objects, zone])
        updates = []
        for number in range(zones):
            made = Commit(object_id(zone), (), apex_of(number), 1, 1, WHO, WHO, "test").encode()
            writer.insert([made])
            updates.append(RefUpdate(head(apex_of(number), "main"), None, object_id(made)))
        writer.move_refs(updates, WHO, "test")
    return store
