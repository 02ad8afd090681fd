"""The store port: what the rooms above may ask of a store, whether it is LMDB or the in-memory twin.

Present means closed: an object enters only when all it points to is there or comes earlier in the same batch. So
`has` proves a whole closure, and a ref can only point at a complete version.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from zonegit.errors import CorruptStore
from zonegit.model.commit import Stamp
from zonegit.model.ids import Kind, ObjectId
from zonegit.model.refs import RefName
from zonegit.tree.source import NodeCache
from zonegit.tree.version import ZoneVersion

if TYPE_CHECKING:
    from zonegit.tree.servable import Plain

VIEW_AT_ONCE: Final = 20_000
VIEWS_AT_ONCE: Final = 4_000_000
"""Records up to which a new head's view is made together with its ref; and of all such heads in one transaction."""


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """Move one ref, if it still is where `old` says. None stands for "not there" on either side."""

    name: RefName
    old: ObjectId | None
    new: ObjectId | None


@dataclass(frozen=True, slots=True)
class RefLogEntry:
    """One move of a ref; the newest has index 0, as in `main@{0}`."""

    old: ObjectId | None
    new: ObjectId | None
    who: Stamp
    reason: str
    """`commit: raise TTL of www`, `import: example.org.zone`, `pull: primary-1`, ..."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One of the ref index's buckets: the refs whose BLAKE3(zone, branch) begins with the same bits."""

    prefix: int
    digest: bytes
    """16 bytes."""


class Reader(Protocol):
    """One consistent version of the repository. Short-lived: never held across an await or a blocking send."""

    @property
    def epoch(self) -> str:
        """Random id of this repository (32 hex digits); new after a restore."""
        ...

    @property
    def seq(self) -> int:
        """Number of transactions that moved refs, or made or dropped served views."""
        ...

    def moved_since(self, start: int) -> frozenset[RefName] | None:
        """Refs that moved after `seq` was this, and heads whose view was made or dropped; None: any may have.

        It takes as long as the list is, however many refs there are.
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

    def plain(self, oid: ObjectId) -> "Plain | None":
        """What is plain (`tree.servable`) of all below a node that came in lately; None where not all is, too."""
        ...

    def is_sound(self, oid: ObjectId) -> bool:
        """Whether a commit that came in lately, with all its ancestors, is known to be fine (`tree.servable`)."""
        ...

    def find(self, prefix: str) -> Iterator[ObjectId]:
        """Ids whose lowercase hex digits begin with `prefix`, in order."""
        ...

    def ref(self, name: RefName) -> ObjectId | None: ...

    def refs(
        self, prefix: str = "refs/", damaged: Callable[[CorruptStore], None] | None = None
    ) -> Iterator[tuple[RefName, ObjectId]]:
        """Refs whose names begin with `prefix`, in the names' byte order.

        `CorruptStore` at a name that was changed on disk; with `damaged` that is told, and the ref left out.
        """
        ...

    def ref_keys(self, prefix: bytes, damaged: Callable[[CorruptStore], None] | None = None) -> list[bytes]:
        """The names of refs as they are stored, unchecked, many times faster than `refs`.

        `CorruptStore` where a page is damaged; with `damaged` that is told, and what can't be reached is left out.
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

    def object_ids(self, kind: Kind | None = None) -> Iterator[ObjectId]:
        """Every object's id, in insertion order. For `fsck` and counts: reads each object's header."""
        ...


class Writer(Reader, Protocol):
    """A write transaction: sees its own changes; all or nothing."""

    def insert(self, objects: Iterable[bytes]) -> int:
        """Take objects in, children before parents, and return how many were new.

        Each is checked, always: size, kind, canonical form, children (there, and as it describes them), hash.
        `InvalidObject` or `LimitExceeded` for the first bad one; then the whole transaction must be given up.
        """
        ...

    def move_refs(self, updates: Iterable[RefUpdate], who: Stamp, reason: str) -> None:
        """Compare and swap refs, all or none (`Conflict`), with reflog, ref index, served views and `seq`.

        A new head of the default branch gets a served view at once, unless it is large (more than
        `VIEW_AT_ONCE` records, or of `VIEWS_AT_ONCE` with those before it): making one would hold everyone up, so
        that is left to `show`. A deleted ref
        loses its view.
        """
        ...

    @property
    def appeared(self) -> int:
        """Records of the heads that appeared in this transaction and are to have a served view."""
        ...

    def show(self, name: RefName, counted: Callable[[int], None] = lambda records: None) -> None:
        """Give a head a served view, which follows it from now on. Nothing happens if it has one.

        `counted` is told of the records in each block of it that was written.
        """
        ...

    def show_part(self, name: RefName, records: int) -> bool:
        """Make the next part of a head's served view, of about so many records; whether it has one now.

        In one transaction after the other a large view doesn't hold other writers up. The head may move meanwhile.
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
        """Commits durably on exit; an exception gives everything up. `StoreFull` when the disk is full."""
        ...

    def keeping(self) -> AbstractContextManager[None]:
        """Have nothing deleted while it lasts: for who relies, over several transactions, on objects that no ref
        names yet. `gc` waits for it, and it for a few objects that `gc` is deleting.
        """
        ...

    def has_room(self, bytes_: int) -> bool:
        """Whether so many bytes are free on the disk, or a 256th of it where that is less."""
        ...

    def txn_id(self) -> int:
        """Id of the last committed transaction, of any process: one cheap call tells that something moved."""
        ...

    def close(self) -> None: ...
