"""The store port: what the rooms above may ask of a store, whether it is LMDB or the in-memory twin.

Present means closed: an object is inserted only if everything it points to is stored or comes earlier in the same
batch. So `has` proves a whole closure, and a ref can only point to a complete version.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from zonegit.errors import CorruptStore
from zonegit.model.commit import Stamp
from zonegit.model.ids import Kind, ObjectId
from zonegit.model.refs import RefName
from zonegit.model.rrset import RRKey
from zonegit.tree.source import NodeCache
from zonegit.tree.version import ZoneVersion

if TYPE_CHECKING:
    from zonegit.store.facts import NodeFacts
    from zonegit.store.successive import Successive
    from zonegit.tree.change import Change
    from zonegit.tree.servable import Plain

VIEW_AT_ONCE: Final = 20_000
VIEWS_AT_ONCE: Final = 4_000_000
"""The most records of a new head whose view is made with its ref, and of all such heads in one transaction."""


class RefUpdate(NamedTuple):
    """Move one ref if it is still at `old`. None stands for an absent ref on either side."""

    name: RefName
    old: ObjectId | None
    new: ObjectId | None


class RefLogEntry(NamedTuple):
    """One move of a ref; the newest has index 0, as in `main@{0}`."""

    old: ObjectId | None
    new: ObjectId | None
    who: Stamp
    reason: str
    """`commit: raise TTL of www`, `import: example.org.zone`, `pull: primary-1`, ..."""


class Bucket(NamedTuple):
    """One of the ref index's buckets: the refs whose BLAKE3(zone, branch) begins with the same bits."""

    prefix: int
    digest: bytes
    """16 bytes."""


class Known(NamedTuple):
    """A tree, and all its entries in canonical order, for what would read them from it."""

    root: ObjectId
    entries: Sequence[tuple[RRKey, bytes]]


class Reader(Protocol):
    """One consistent version of the repository. Short-lived: never held across an await or a blocking send."""

    @property
    def epoch(self) -> str:
        """Random id of this repository (32 hex digits); new after a restore."""
        ...

    @property
    def seq(self) -> int:
        """The number of transactions that have moved refs, or created or dropped served views."""
        ...

    def moved_since(self, start: int) -> frozenset[RefName] | None:
        """Refs that moved after `seq` was `start`, and heads whose view was created or dropped since; None: any may
        have.

        The cost depends on the length of the list, not on the number of refs.
        """
        ...

    @property
    def index_root(self) -> bytes:
        """Root of the ref index over heads and tags, 32 bytes: equal exactly when these refs are."""
        ...

    def get(self, oid: ObjectId) -> bytes:
        """An object's bytes, hashed again on the way out. `NotFound`, `CorruptStore`."""
        ...

    def has(self, oid: ObjectId) -> bool:
        """Whether the object, and so its whole closure, is here."""
        ...

    def successive(self) -> "Successive":
        """The same objects, for a walk over many in about the order in which they were stored."""
        ...

    def plain(self, oid: ObjectId) -> "Plain | None":
        """The `Plain` (`tree.servable`) of a node, if it was inserted lately; None also if it has none."""
        ...

    def is_sound(self, oid: ObjectId) -> bool:
        """Whether a commit that was inserted lately, and all its ancestors, are known to be servable
        (`tree.servable`).
        """
        ...

    def find(self, prefix: str) -> Iterator[ObjectId]:
        """Ids whose lowercase hex digits begin with `prefix`, in order."""
        ...

    def ref(self, name: RefName) -> ObjectId | None: ...

    def refs(
        self, prefix: str = "refs/", damaged: Callable[[CorruptStore], None] | None = None
    ) -> Iterator[tuple[RefName, ObjectId]]:
        """Refs whose names begin with `prefix`, in the byte order of their names.

        `CorruptStore` at a name that was changed on disk; with `damaged`, that gets the error and the ref is left
        out.
        """
        ...

    def is_removed(self, name: RefName) -> bool:
        """Whether a ref is at a tombstone (`model.commit`): a branch that was removed, here or at a peer."""
        ...

    def live(self, name: RefName) -> ObjectId | None:
        """The same as `ref`, but None for a branch that was removed."""
        ...

    def live_refs(
        self, prefix: str = "refs/", damaged: Callable[[CorruptStore], None] | None = None
    ) -> Iterator[tuple[RefName, ObjectId]]:
        """The same as `refs`, without branches that were removed."""
        ...

    def removed_keys(self, prefix: bytes, damaged: Callable[[CorruptStore], None] | None = None) -> list[bytes]:
        """The names of the branches that were removed, as `ref_keys` gives those of refs."""
        ...

    def ref_keys(self, prefix: bytes, damaged: Callable[[CorruptStore], None] | None = None) -> list[bytes]:
        """The names of refs as they are stored, unchecked, many times faster than `refs`.

        `CorruptStore` if a page is damaged; with `damaged`, that gets the error and unreachable names are left out.
        """
        ...

    def view_keys(self, damaged: Callable[[CorruptStore], None] | None = None) -> list[bytes]:
        """The same for the heads that have a served view."""
        ...

    def reflog(self, name: RefName) -> Iterator[RefLogEntry]:
        """Newest first. A deleted ref's log stays."""
        ...

    def logged(self, prefix: str) -> Iterator[RefName]:
        """Names of the refs that have a reflog and begin with `prefix`, in byte order; deleted ones too."""
        ...

    def setting(self, name: str) -> bytes | None:
        """A small named value of the repository (`HEAD`, a peer's highest epoch and seq, ...)."""
        ...

    def settings(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """The settings whose names begin with `prefix`, in the names' byte order."""
        ...

    def view(self, name: RefName) -> ZoneVersion | None:
        """The served view of a head, if it has one. It reads through this reader and is valid as long as it is."""
        ...

    def change(self, old: ObjectId, new: ObjectId) -> "Change | None":
        """The records that changed from one tree to another, by their roots, if a view's move left them here."""
        ...

    def check_ahead(self, data: bytes) -> None:
        """Check an object that is to be inserted, after its children. `insert` then only has to find those here.

        This refuses nothing: `insert` checks again what wasn't found to be right.
        """
        ...

    def learn(self, facts: "Mapping[ObjectId, NodeFacts]") -> None:
        """Facts of nodes that this process has built itself: `insert` then only has to find their children here."""
        ...

    def object_ids(self, kind: Kind | None = None) -> Iterator[ObjectId]:
        """Every object's id, in insertion order. For `fsck` and counts; with `kind` it reads every object."""
        ...


class Writer(Reader, Protocol):
    """A write transaction: sees its own changes; all or nothing."""

    def insert(self, objects: Iterable[bytes]) -> int:
        """Store objects, children before parents, and return how many were new.

        Each is always checked: size, kind, canonical form, and that its children are stored and match its
        description. `InvalidObject` or `LimitExceeded` for the first bad one; then the whole transaction must be
        aborted.
        """
        ...

    def move_refs(self, updates: Iterable[RefUpdate], who: Stamp, reason: str) -> None:
        """Compare and swap refs, all or none (`Conflict`), with reflog, ref index, served views and `seq`.

        A new head of the default branch gets a served view at once, unless it is large (more than `VIEW_AT_ONCE`
        records, or more than `VIEWS_AT_ONCE` with the new heads before it): making that would block other writers
        for long, so it is left to `show`. A ref that is deleted or moves to a tombstone loses its view.
        """
        ...

    @property
    def appeared(self) -> int:
        """The number of records of the heads that appeared in this transaction and need a served view."""
        ...

    def show(
        self,
        name: RefName,
        counted: Callable[[int], None] = lambda records: None,
        known: Known | None = None,
    ) -> None:
        """Give a head or a published version a served view, which follows it from now on.

        Nothing happens if it has one, or for a head that has a published version: that is answered from instead.

        `counted` is called with the number of RRsets in each group that was written. If the ref shows the `known`
        tree, that isn't read again.
        """
        ...

    def show_part(self, name: RefName, records: int) -> bool:
        """Make the next part of a head's served view, about `records` records; returns whether the view is
        complete.

        Made in several transactions, a large view doesn't block other writers for long. The head may move
        meanwhile.
        """
        ...

    def hide(self, name: RefName) -> None:
        """Drop a head's served view."""
        ...

    def set_setting(self, name: str, value: bytes | None) -> None: ...


class Store(Protocol):
    """A repository's storage. Any number of processes may read; one at a time writes, the others wait."""

    @property
    def nodes(self) -> NodeCache:
        """Decoded nodes, for whatever reads this store in this process."""
        ...

    def read(self) -> AbstractContextManager[Reader]: ...

    def write(self) -> AbstractContextManager[Writer]:
        """Commits durably on exit; an exception aborts everything. `StoreFull` if the disk is full."""
        ...

    def keeping(self) -> AbstractContextManager[None]:
        """Prevent `gc` from deleting objects meanwhile. For work in several transactions that relies on objects
        that no ref reaches yet. It may have to wait a moment for `gc`, and `gc` waits for it.
        """
        ...

    def has_room(self, bytes_: int) -> bool:
        """Whether this many bytes are free on the disk, or a 256th of it if that is less."""
        ...

    def txn_id(self) -> int:
        """The id of the last committed transaction of any process: a cheap way to notice a change."""
        ...

    def close(self) -> None: ...
