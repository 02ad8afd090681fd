"""Make again, from the refs and the objects, all that is derived from them: the ref index, the served views and
the counters. One write transaction: readers see the old ones until it is done, and keep them if it fails.
"""

from collections import Counter
from collections.abc import Callable

from zonegit.model.commit import Commit
from zonegit.model.ids import Kind
from zonegit.model.refs import DEFAULT_BRANCH, RefKind, RefName, parse
from zonegit.model.zone import Zone
from zonegit.store import layout
from zonegit.store.refindex import RefIndex
from zonegit.store.tables import Table
from zonegit.store.views import build_view
from zonegit.store.writer import Cells, StoreWriter, TableStore
from zonegit.tree.source import Nodes

Progress = Callable[[int, int], None]
"""Called with the records that were put into views and how many there are."""

_STEP = 10_000


def reindex(store: TableStore, progress: Progress | None = None) -> None:
    """Rebuild everything derived. `CorruptStore` when an object that it needs is damaged; then nothing changes."""
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
    index = RefIndex(Cells(writer.draft))
    for name, oid in writer.refs():
        if parse(name).kind is not RefKind.REMOTE:
            index.set(name, oid)


def _show(writer: StoreWriter, progress: Progress | None) -> None:
    """Build the views that there were, and those of all default branches."""
    shown = {
        RefName(key[len(layout.VIEW) :].decode("utf-8", "replace"))
        for key, _ in writer.tables.scan(Table.META, layout.VIEW)
    }
    writer.draft.clear(Table.VIEWS)
    writer.draft.clear(Table.META, layout.VIEW)
    writer.draft.clear(Table.META, layout.MAKING)
    writer.draft.touch()
    heads = {
        name: oid
        for name, oid in writer.refs(f"refs/{RefKind.HEAD}/")
        if name in shown or parse(name).name == DEFAULT_BRANCH
    }
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
