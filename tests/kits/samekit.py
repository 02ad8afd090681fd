"""What a refusal must leave as it was: all of a repository but for unused pages of its file."""

from pathlib import Path

from zonegit.store.lmdb import LmdbStore
from zonegit.store.tables import Table

State = dict[str, object]


def state(path: Path) -> State:
    """Refs, reflogs, settings and objects of the repository in a directory."""
    store = LmdbStore.open(path, readonly=True)
    try:
        with store.read() as reader:
            return {
                "refs": list(reader.refs()),
                "reflogs": {name: list(reader.reflog(name)) for name in reader.logged("refs/")},
                "settings": list(reader.tables.scan(Table.META, b"setting/")),
                "objects": list(reader.object_ids()),
                "epoch": reader.epoch,
                "seq": reader.seq,
            }
    finally:
        store.close()
