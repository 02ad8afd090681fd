"""Checks a whole repository: every object against its hash, its canonical form and its children, every tree against
the rule that cuts its nodes, every ref and its reflog, and the ref index, the served views and the kept changes
against the data that they are derived from.

It reads in short transactions, so it can run while the daemon serves. It changes nothing: `reindex` rebuilds
derived data, and a damaged object has to be fetched from elsewhere.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, groupby, zip_longest
from typing import NamedTuple

from zonegit.errors import CorruptStore, InvalidData, NotFound, ZonegitError
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId, short
from zonegit.model.names import OwnerKey, key_owner, owner_text
from zonegit.model.refs import RefKind, RefName, parse
from zonegit.store import layout
from zonegit.store.boundaries import check_boundaries
from zonegit.store.changes import kept_changes
from zonegit.store.facts import FactCache, Facts, stored_facts
from zonegit.store.insert import Describe, check_object, check_target
from zonegit.store.reader import StoreReader
from zonegit.store.refindex import RefIndex
from zonegit.store.reflog import begun_at, is_whole
from zonegit.store.tables import Table
from zonegit.store.view_rows import row_groups
from zonegit.store.views import find_view, shown_and_root
from zonegit.store.writer import TableStore
from zonegit.tree.change import change_of
from zonegit.tree.diff import diff
from zonegit.tree.source import Nodes
from zonegit.tree.walk import entries

Progress = Callable[[int, int], None]
"""Called with the number of objects checked so far, and of all objects."""

_PAGE = 2_000
_TAGS = tuple(f"refs/{kind}/" for kind in RefKind if not kind.names_commits)
"""The most objects that are checked in one read transaction."""
_END = b"\xff" * 64
"""After all owner keys: no label is that long."""


class FsckReport(NamedTuple):
    """What `fsck` found; no problems means that everything is as it was written."""

    problems: list[str]
    """One line each: `object <id>: ...`, `ref <name>: ...`, `reflog of <name>: ...`, `ref index: ...`,
    `view of <ref>: ...`, or the part that the damage put an end to."""
    objects: int


def fsck(store: TableStore, progress: Progress | None = None) -> FsckReport:
    """Check everything. Damage to the database's own pages ends the part that meets it, as one more problem."""
    facts = FactCache()
    objects: list[ObjectId] = []
    problems = list(_part(store, "objects", lambda reader: _counts(reader, objects)))
    done = 0
    while done < len(objects):
        checked, found = _page(store, objects[done : done + _PAGE], facts)
        problems += found
        done += checked
        if progress:
            progress(done, len(objects))
    problems += _until_damage("trees", check_boundaries(store))
    problems += _part(store, "refs", lambda reader: _refs(reader, _describer(reader, facts)))
    problems += _part(store, "reflog", _reflogs)
    problems += _part(store, "ref index", _index)
    problems += _part(store, "views", _views)
    problems += _part(store, "changes", _changes)
    return FsckReport(problems, len(objects))


def _part(store: TableStore, name: str, check: Callable[[StoreReader], Iterator[str]]) -> Iterator[str]:
    """Check in a transaction of its own, since a damaged page spoils the one that meets it."""
    with store.read() as reader:
        yield from _until_damage(name, check(reader))


def _until_damage(part: str, problems: Iterable[str]) -> Iterator[str]:
    try:
        yield from problems
    except CorruptStore as error:
        yield f"{part}: {error}"


def _counts(reader: StoreReader, found: list[ObjectId]) -> Iterator[str]:
    """Put all objects' ids into `found`; a line where there are not as many as elsewhere."""
    found += reader.object_ids()
    known = len(found)
    stored = reader.tables.count(Table.OBJECTS)
    if stored != known:
        yield f"objects: {stored} are stored and {known} are known by id"
    counted = sum(reader.object_counts().values())
    if counted != known:
        yield f"objects: their counters add up to {counted}, but there are {known}"


def _page(store: TableStore, ids: list[ObjectId], facts: FactCache) -> tuple[int, list[str]]:
    """Check objects up to the first damaged one: it may be a page that is damaged, which spoils the transaction."""
    problems: list[str] = []
    with store.read() as reader:
        describe = _describer(reader, facts)
        for number, oid in enumerate(ids, 1):
            try:
                check_object(reader.get(oid), describe)
            except NotFound:
                continue  # deleted since
            except InvalidData as error:
                problems.append(f"object {oid.hex()}: {error}")
            except _Unreadable:
                return number, problems  # the child's own line says what is wrong
            except CorruptStore:
                return number, [*problems, f"object {oid.hex()}: its bytes were changed on disk"]
    return len(ids), problems


class _Unreadable(Exception):
    """What an object points to can't be read, so that it can't be judged."""


def _describer(reader: StoreReader, facts: FactCache) -> Describe:
    def describe(oid: ObjectId) -> Facts | None:
        if not reader.has(oid):
            return None
        known = facts.get(oid)
        if known is None:
            try:
                known = stored_facts(reader.get(oid), reader.get)
            except ZonegitError:
                raise _Unreadable from None
            facts.add(oid, known)
        return known

    return describe


def _refs(reader: StoreReader, describe: Describe) -> Iterator[str]:
    for name, oid in reader.refs(""):
        try:
            if reader.ref(name) != oid:
                yield f"ref {name}: it is listed and not found"
            check_target(parse(name), oid, describe)
            newest = next(reader.reflog(name), None)
            if newest is None or newest.new != oid:
                yield f"ref {name}: its reflog doesn't end at {oid.hex()}"
        except _Unreadable:
            yield f"ref {name}: it points to the damaged object {oid.hex()}"
        except ZonegitError as error:
            yield f"ref {name}: {error}"


def _reflogs(reader: StoreReader) -> Iterator[str]:
    for prefix, log in groupby(reader.tables.scan(Table.REFLOG), lambda item: item[0][:-8]):
        if not is_whole(log, begun_at(reader.tables, prefix)):
            yield f"reflog of {prefix[:-1].decode(errors='replace')}: its entries were changed on disk"


def _index(reader: StoreReader) -> Iterator[str]:
    cells: dict[bytes, bytes] = {}
    RefIndex(cells).update(ref for ref in reader.refs() if not ref[0].startswith(f"refs/{RefKind.REMOTE}/"))
    if cells != dict(reader.tables.scan(Table.REFINDEX)):
        yield "ref index: it doesn't show the refs as they are; run `zonegit reindex`"
    prefix = len(layout.REMOVED)
    noted = {
        key[prefix:].decode(errors="replace"): oid for key, oid in reader.tables.scan(Table.META, layout.REMOVED)
    }
    for wrong in sorted({name for name, _ in set(_removed(reader)).symmetric_difference(noted.items())}):
        yield f"ref {wrong}: the record of whether a tombstone removed it is wrong; run `zonegit reindex`"


def _removed(reader: StoreReader) -> Iterator[tuple[str, bytes]]:
    """The branches that are at tombstones."""
    for name, oid in reader.refs():
        if not name.startswith(_TAGS):
            with suppress(ZonegitError):  # reported by the check of refs
                if Commit.decode(reader.get(oid)).is_tombstone:
                    yield name, oid


def _views(reader: StoreReader) -> Iterator[str]:
    numbers = {layout.view_number(sealed) for _, sealed in reader.tables.scan(Table.META, layout.MAKING)}
    for key, sealed in reader.tables.scan(Table.META, layout.VIEW):
        numbers.add(layout.view_number(sealed))
        name = RefName(key[len(layout.VIEW) :].decode(errors="replace"))
        try:
            yield from _view(reader, name)
        except ZonegitError as error:
            yield f"view of {name}: {error}"
    found = reader.tables.seek(Table.VIEWS, b"")
    while found:
        number = found[0][: layout.VIEW_NUMBER]
        if number not in numbers:
            yield f"views: number {int.from_bytes(number, 'big')} belongs to no head; run `zonegit reindex`"
        before, found = found, reader.tables.seek(Table.VIEWS, number + _END)
        if found and found <= before:
            yield "views: the keys of the table are out of order; run `zonegit reindex`"
            return


def _changes(reader: StoreReader) -> Iterator[str]:
    nodes = Nodes(reader)
    pairs = set(kept_changes(reader.tables))
    for old, new in pairs:
        with suppress(NotFound):  # deleted since
            if reader.change(old, new) != change_of(diff(nodes, old, new)):
                yield f"changes: one differs from its trees {short(old)} and {short(new)}; run `zonegit reindex`"
    stored = {key.removeprefix(layout.CHANGE) for key, _ in reader.tables.scan(Table.META, layout.CHANGE)}
    if stored != {old + new for old, new in pairs}:
        yield "changes: those that are listed aren't those that are stored; run `zonegit reindex`"


def _view(reader: StoreReader, name: RefName) -> Iterator[str]:
    shown = find_view(reader.tables, name)
    if shown is None or shown.commit != reader.ref(name):
        yield f"view of {name}: it shows another commit; run `zonegit reindex`"
        return
    nodes = Nodes(reader)
    again, root = shown_and_root(nodes, shown.number, shown.commit)
    stored = reader.tables.scan(Table.VIEWS, shown.prefix)
    made = chain.from_iterable(row_groups(entries(nodes, root), again.prefix, again.serial))
    for expected, actual in zip_longest(made, stored):
        if expected != actual or reader.tables.get(Table.VIEWS, actual[0]) != actual[1]:
            key = min(item[0] for item in (expected, actual) if item)
            owner = owner_text(key_owner(OwnerKey(key[layout.VIEW_NUMBER :])))
            yield f"view of {name}: it differs from its commit, first at {owner}; run `zonegit reindex`"
            return
    if again != shown:
        yield f"view of {name}: its serial is not its commit's; run `zonegit reindex`"
