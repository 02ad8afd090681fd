"""What answering costs, counted instead of timed: a responder over made zones with a meter on all that it reads.

Nothing here knows how the server bounds itself. Reads are counted where a version of a zone is asked, bytes where
tables and trees hand them out, and hash steps where SHA-1 is called.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

import pytest

from hostile_zones import SERIAL, Sketch
from treekit import Objects
from zonegit.dns.access.cookies import Cookies
from zonegit.dns.options import Options
from zonegit.dns.responder import Responder
from zonegit.dns.stats import SLOTS
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.zone.zone_state import ServedZone
from zonegit.dnssec import hashing
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import OwnerKey, WireName, to_text
from zonegit.model.refs import RefName, head
from zonegit.model.zone import Shape, Zone
from zonegit.store.layout import check_gap
from zonegit.store.memory import MemoryStore, MemoryTables
from zonegit.store.tables import Item, Table
from zonegit.store.views import ViewVersion, build_view, find_view
from zonegit.tree.build import build
from zonegit.tree.tree_version import TreeVersion
from zonegit.tree.version import ZoneVersion

_WHO = Stamp("Mallory <m@example.org>", 0)


@dataclass
class Meter:
    """The work of one query."""

    reads: int = 0
    """How often a version was asked for an owner or for a neighbour."""
    bytes: int = 0
    """Of blocks and objects that were handed out for that."""
    hashes: int = 0
    """SHA-1 blocks of 64 bytes."""
    passed: int = 0
    """Owners of which the keys alone were handed out."""

    def clear(self) -> None:
        self.reads = self.bytes = self.hashes = self.passed = 0


class MeteredView(ViewVersion):
    """A served view with a meter on its questions."""

    meter: Meter

    def at(self, owner: OwnerKey) -> bytes | None:
        self.meter.reads += 1
        return super().at(owner)

    def look(self, owner: OwnerKey) -> tuple[bytes | None, OwnerKey | None]:
        block, after = super().look(owner)
        self.meter.reads += 1 if block else 2
        return block, after

    def before(self, owner: OwnerKey) -> tuple[OwnerKey, bytes] | None:
        self.meter.reads += 1
        return super().before(owner)

    def owners_before(self, owner: OwnerKey, most: int) -> list[OwnerKey]:
        found = super().owners_before(owner, most)
        self.meter.passed += len(found)
        return found

    def after(self, owner: OwnerKey) -> OwnerKey | None:
        self.meter.reads += 1
        return super().after(owner)


class MeteredTree(TreeVersion):
    """A zone's tree with one."""

    meter: Meter

    def at(self, owner: OwnerKey) -> bytes | None:
        self.meter.reads += 1
        block = super().at(owner)
        self.meter.bytes += len(block or b"")
        return block

    def before(self, owner: OwnerKey) -> tuple[OwnerKey, bytes] | None:
        self.meter.reads += 1  # reads what it finds by `at`
        return super().before(owner)

    def owners_before(self, owner: OwnerKey, most: int) -> list[OwnerKey]:
        found = super().owners_before(owner, most)
        self.meter.passed += len(found)
        return found

    def after(self, owner: OwnerKey) -> OwnerKey | None:
        self.meter.reads += 1
        return super().after(owner)


class MeteredObjects(Objects):
    """Objects with a meter on the bytes of those that are read: nodes once, large RRsets each time."""

    meter: Meter

    def get(self, oid: ObjectId) -> bytes:
        found = super().get(oid)
        self.meter.bytes += len(found)
        return found


class MeteredTables(MemoryTables):
    """Tables with a meter on the bytes that come out of them."""

    meter: Meter

    def get(self, table: Table, key: bytes) -> bytes | None:
        found = super().get(table, key)
        self.meter.bytes += len(found or b"")
        return found

    def around(self, table: Table, key: bytes) -> tuple[Item | None, Item | None]:
        found = super().around(table, key)
        self.meter.bytes += sum(len(item[1]) for item in found if item is not None)
        return found


class ViewTable:
    """The views' table for the fast path, metered as a version is."""

    table = Table.VIEWS

    def __init__(self, tables: MeteredTables) -> None:
        self._tables = tables

    def get(self, key: bytes, _default: None, _table: object) -> bytes | None:
        self._tables.meter.reads += 1
        return self._tables.get(Table.VIEWS, key)

    def gap(self, key: bytes) -> tuple[Item | None, Item | None]:
        self._tables.meter.reads += 1
        found = self._tables.around(Table.VIEWS, key)
        check_gap(key, *found)
        return found


class Shelf:
    """Made zones by apex, each as a tree and as a view."""

    def __init__(self, *sketches: Sketch) -> None:
        self.meter = Meter()
        with MemoryStore().read() as reader:
            self._tables = MeteredTables(reader.tables.tables)
        self._tables.meter = self.meter
        self._objects = Objects()
        self._behind = MeteredObjects()
        self._behind.meter = self.meter
        self._behind.data = self._objects.data
        self._commits = {sketch.apex: self._commit(sketch) for sketch in sketches}
        self.views = ViewTable(self._tables)

    def _commit(self, sketch: Sketch) -> ObjectId:
        built = build(Shape(b"s" * 32), sketch.entries())
        self._objects.take(built)
        zone = Zone(built.root, Shape(b"s" * 32), built.records)
        root = self._put(zone.encode())
        commit = Commit(root, (), to_text(sketch.apex), SERIAL, 1, _WHO, _WHO, "make")
        oid = self._put(commit.encode())
        build_view(self._tables, self._objects.nodes, self._name(sketch.apex), oid)
        return oid

    def _put(self, data: bytes) -> ObjectId:
        self._objects.data[object_id(data)] = data
        return object_id(data)

    def _name(self, apex: WireName) -> RefName:
        return head(to_text(apex), "main")

    def served(self, *, trees: bool) -> dict[WireName, ServedZone]:
        """Versions that nobody has asked anything yet."""
        return {
            apex: ServedZone(self._tree(oid) if trees else self._view(apex)) for apex, oid in self._commits.items()
        }

    def _tree(self, oid: ObjectId) -> ZoneVersion:
        version = MeteredTree(self._objects.nodes, oid)
        version.meter = self.meter
        return version

    def _view(self, apex: WireName) -> ZoneVersion:
        shown = find_view(self._tables, self._name(apex))
        assert shown is not None
        version = MeteredView(self._tables, self._behind.nodes, self._name(apex), shown)
        version.meter = self.meter
        return version

    def responder(self, log: Callable[[str, Exception], None], *, trees: bool) -> Responder:
        """A responder that has answered nothing yet."""
        options = Options(cookies=Cookies([bytes(16)], lambda: 0.0), transfers=TransferOptions(_loopback), log=log)
        made = Responder(options, [0] * SLOTS, None if trees else self.views)
        made.replace_zones(self.served(trees=trees))
        return made


def _loopback(_zone: WireName, client: bytes, _key: WireName | None) -> bool:
    """Who may transfer zones, and so gets all of ANY over TCP."""
    return client == bytes((127, 0, 0, 1))


@contextmanager
def metered_hashes(meter: Meter) -> Iterator[None]:
    """Have SHA-1 counted."""

    def counting(data: bytes, **how: Any) -> Any:
        meter.hashes += (len(data) + 9 + 63) // 64
        return sha1(data, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashing, "sha1", counting)
        yield


def calls_of(function: Callable[[], object]) -> int:
    """How many calls of Python and C functions something takes: work as a number, for a tenth of the speed."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return calls
