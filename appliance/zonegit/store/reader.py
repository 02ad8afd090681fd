"""Reads one consistent version of the repository from tables. Every object is hashed again when it is read."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from blake3 import blake3

from zonegit.errors import CorruptStore, InvalidData, NotFound, StoreError, StoreUnfinished
from zonegit.model.ids import Kind, ObjectId, object_id, short
from zonegit.model.refs import RefName
from zonegit.store import journal, layout
from zonegit.store.changes import find_change
from zonegit.store.facts import CommitFacts, FactCache, Facts, NodeFacts, stored_facts
from zonegit.store.port import RefLogEntry
from zonegit.store.reflog import decode_entry, log_prefix
from zonegit.store.successive import Successive
from zonegit.store.tables import ReadTables, Table
from zonegit.store.views import ViewVersion, find_view
from zonegit.tree.change import Change
from zonegit.tree.source import Nodes
from zonegit.tree.version import ZoneVersion

if TYPE_CHECKING:
    from zonegit.tree.servable import Plain


def check_format(tables: ReadTables) -> None:
    """`StoreError` unless these tables are a repository that this code understands."""
    found = layout.number(tables, layout.FORMAT)
    if not found:
        raise StoreUnfinished("the creation of the repository was interrupted: run `zonegit init` again")
    if found != layout.STORE_FORMAT:
        ours = layout.STORE_FORMAT
        raise StoreError(
            f"the repository has format {found}, this zonegit reads {ours}: use the version that created it"
        )


class StoreReader:
    """The `Reader` of both stores."""

    def __init__(self, tables: ReadTables, facts: FactCache) -> None:
        self.tables = tables
        self._facts = facts
        self._get = tables.get

    @property
    def epoch(self) -> str:
        return (self._get(Table.META, layout.EPOCH) or b"").hex()

    @property
    def seq(self) -> int:
        return layout.number(self.tables, layout.SEQ)

    def moved_since(self, start: int) -> frozenset[RefName] | None:
        return journal.moved_since(self.tables, start)

    @property
    def index_root(self) -> bytes:
        return blake3(self._get(Table.REFINDEX, b"\0") or b"").digest()

    def get(self, oid: ObjectId) -> bytes:
        number = self._get(Table.IDS, oid)
        if number is None:
            raise NotFound(f"object {short(oid)} is not here")
        data = self._get(Table.OBJECTS, number)
        if data is None or blake3(data).digest() != oid:
            raise CorruptStore(f"object {oid.hex()} was changed on disk; run `zonegit fsck`")
        return data

    def has(self, oid: ObjectId) -> bool:
        return self._get(Table.IDS, oid) is not None

    def successive(self) -> Successive:
        return Successive(self)

    def plain(self, oid: ObjectId) -> "Plain | None":
        facts = self._facts.get(oid)
        return facts.plain if isinstance(facts, NodeFacts) else None

    def is_sound(self, oid: ObjectId) -> bool:
        facts = self._facts.get(oid)
        return isinstance(facts, CommitFacts) and facts.sound

    def find(self, prefix: str) -> Iterator[ObjectId]:
        whole = bytes.fromhex(prefix[: len(prefix) & ~1])
        for oid, _ in self.tables.scan(Table.IDS, whole):
            if oid.hex().startswith(prefix):
                yield ObjectId(oid)

    def ref(self, name: RefName) -> ObjectId | None:
        found = self._get(Table.REFS, name.encode())
        return None if found is None else ObjectId(found)

    def refs(
        self, prefix: str = "refs/", damaged: Callable[[CorruptStore], None] | None = None
    ) -> Iterator[tuple[RefName, ObjectId]]:
        for key, oid in self.tables.scan(Table.REFS, prefix.encode()):
            try:
                name = ref_name(key)
            except CorruptStore as error:
                if damaged is None:
                    raise
                damaged(error)
            else:
                yield name, ObjectId(oid)

    def is_removed(self, name: RefName) -> bool:
        tombstone = self._get(Table.META, layout.REMOVED + name.encode())
        return tombstone is not None and tombstone == self._get(Table.REFS, name.encode())

    def live(self, name: RefName) -> ObjectId | None:
        return None if self.is_removed(name) else self.ref(name)

    def live_refs(
        self, prefix: str = "refs/", damaged: Callable[[CorruptStore], None] | None = None
    ) -> Iterator[tuple[RefName, ObjectId]]:
        removed = set(self.removed_keys(prefix.encode(), damaged))
        for name, oid in self.refs(prefix, damaged):
            if not removed or name.encode() not in removed:
                yield name, oid

    def removed_keys(self, prefix: bytes, damaged: Callable[[CorruptStore], None] | None = None) -> list[bytes]:
        found = self.tables.keys(Table.META, layout.REMOVED + prefix, damaged)
        return [key[len(layout.REMOVED) :] for key in found]

    def ref_keys(self, prefix: bytes, damaged: Callable[[CorruptStore], None] | None = None) -> list[bytes]:
        return self.tables.keys(Table.REFS, prefix, damaged)

    def view_keys(self, damaged: Callable[[CorruptStore], None] | None = None) -> list[bytes]:
        return [key[len(layout.VIEW) :] for key in self.tables.keys(Table.META, layout.VIEW, damaged)]

    def reflog(self, name: RefName) -> Iterator[RefLogEntry]:
        for _, value in self.tables.scan(Table.REFLOG, log_prefix(name)):
            yield decode_entry(value)

    def logged(self, prefix: str) -> Iterator[RefName]:
        below = start = prefix.encode()
        while (item := self.tables.seek(Table.REFLOG, start)) and item[0].startswith(below):
            name = item[0].partition(b"\0")[0]
            yield ref_name(name)
            start = name + b"\1"

    def setting(self, name: str) -> bytes | None:
        return self._get(Table.META, layout.setting_key(name))

    def settings(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        for key, value in self.tables.scan(Table.META, layout.setting_key(prefix)):
            yield key.removeprefix(layout.SETTING).decode(), value

    def view(self, name: RefName) -> ZoneVersion | None:
        found = find_view(self.tables, name)
        if found is None:
            return None
        if found.commit != self.ref(name):
            raise CorruptStore(f"the served view of {name} shows another commit; run `zonegit reindex`")
        return ViewVersion(self.tables, Nodes(self), name, found)

    def change(self, old: ObjectId, new: ObjectId) -> Change | None:
        return find_change(self.tables, old, new)

    def check_ahead(self, data: bytes) -> None:
        from zonegit.store.insert import check_object  # slow to import, and few that read write

        with suppress(InvalidData):
            oid = object_id(data)
            if self._facts.get(oid) is None:
                self._facts.add(oid, check_object(data, self._describe_any))

    def learn(self, facts: Mapping[ObjectId, NodeFacts]) -> None:
        for oid, found in facts.items():
            self._facts.add(oid, found)

    def object_ids(self, kind: Kind | None = None) -> Iterator[ObjectId]:
        for number, oid in sorted((number, oid) for oid, number in self.tables.scan(Table.IDS)):
            if kind is None or (self._get(Table.OBJECTS, number) or b"\0")[0] == kind:
                yield ObjectId(oid)

    def object_counts(self) -> dict[Kind, int]:
        """How many objects of each kind there are. The counts are stored, so this costs five look-ups."""
        return {kind: layout.number(self.tables, layout.kind_key(kind)) for kind in Kind}

    def _describe_any(self, oid: ObjectId) -> Facts | None:
        """The facts of an object that is stored, or was checked before: they follow from its id."""
        facts = self._facts.get(oid)
        if facts is None and self.has(oid):
            facts = stored_facts(self.get(oid), self.get)
            self._facts.add(oid, facts)
        return facts


def ref_name(key: bytes) -> RefName:
    """The name of a ref, from a key of the table of refs. `CorruptStore`."""
    try:
        return RefName(key.decode())
    except UnicodeDecodeError:
        raise CorruptStore("the name of a ref was changed on disk: restore a backup or clone again") from None
