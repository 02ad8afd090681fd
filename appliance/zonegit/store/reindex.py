"""Rebuilds everything that is derived from refs and objects: the ref index, the served views and the counters.

This is one write transaction: readers see the old data until it is committed, and keep it if it fails.
"""

from collections import Counter
from collections.abc import Callable

from zonegit.model.commit import Commit
from zonegit.model.ids import Kind
from zonegit.model.refs import DEFAULT_BRANCH, RefKind, RefName, parse, published
from zonegit.model.zone import Zone
from zonegit.store import layout
from zonegit.store.changes import clear_changes
from zonegit.store.refindex import RefIndex
from zonegit.store.tables import Table
from zonegit.store.views import build_view
from zonegit.store.writer import Cells, StoreWriter, TableStore
from zonegit.tree.source import Nodes

Progress = Callable[[int, int], None]
"""Called with the number of records put into views so far, and of all records."""

_STEP = 10_000


def reindex(store: TableStore, progress: Progress | None = None) -> None:
    """Rebuild all derived data. `CorruptStore` if an object that it needs is damaged; nothing changes then."""
    with store.write() as writer:
        writer.note_all()
        _count(writer)
        _index(writer)
        _show(writer, progress)


def _count(writer: StoreWriter) -> None:
    counts = Counter(data[:1] for _, data in writer.tables.scan(Table.OBJECTS))
    for kind in Kind:
        writer.draft.put(Table.META, layout.kind_key(kind), layout.U64.pack(counts[bytes((kind,))]))


def _index(writer: StoreWriter) -> None:
    writer.draft.clear(Table.REFINDEX)
    refs = list(writer.refs())
    RefIndex(Cells(writer.draft)).update(ref for ref in refs if parse(ref[0]).kind is not RefKind.REMOTE)
    writer.draft.clear(Table.META, layout.REMOVED)
    for name, oid in refs:
        kind = parse(name).kind
        if kind.names_commits and Commit.decode(writer.get(oid)).is_tombstone:
            writer.draft.put(Table.META, layout.REMOVED + name.encode(), oid)


def _show(writer: StoreWriter, progress: Progress | None) -> None:
    """Build the views that there were, and those of all default branches and published versions."""
    shown = {
        RefName(key[len(layout.VIEW) :].decode("utf-8", "replace"))
        for key, _ in writer.tables.scan(Table.META, layout.VIEW)
    }
    writer.draft.clear(Table.VIEWS)
    writer.draft.clear(Table.META, layout.VIEW)
    writer.draft.clear(Table.META, layout.MAKING)
    clear_changes(writer.draft)
    writer.draft.touch()
    versions = dict(writer.refs(f"refs/{RefKind.PUBLISHED}/"))
    heads = {
        name: oid
        for name, oid in writer.live_refs(f"refs/{RefKind.HEAD}/")
        if (name in shown or parse(name).name == DEFAULT_BRANCH) and _version_of(name) not in versions
    } | versions
    total = sum(Zone.decode(writer.get(Commit.decode(writer.get(oid)).zone_root)).records for oid in heads.values())
    done = 0

    def counted(records: int) -> None:
        nonlocal done
        if progress and done // _STEP != (done + records) // _STEP:
            progress(done + records, total)
        done += records

    for name, oid in heads.items():
        build_view(writer.draft, Nodes(writer), name, oid, counted)
    if progress:
        progress(total, total)


def _version_of(name: RefName) -> RefName:
    """The published version of a head."""
    ref = parse(name)
    return published(ref.zone, ref.name)
