"""Reading zones whose pages may be damaged.

Some damage raises an error, and some kills the process that reads it (SIGBUS, SIGSEGV). So a reader first notes the
zone's name in shared memory, where the supervisor finds it afterwards.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Final, NamedTuple, NoReturn, TypeVar

from zonegit.errors import CorruptStore
from zonegit.model.ids import ObjectId, short
from zonegit.model.names import OwnerKey, WireName, to_text
from zonegit.ops.crumbs import Crumbs
from zonegit.tree.version import ZoneVersion

T = TypeVar("T")
Reading = Callable[[WireName], AbstractContextManager[object]]
"""Wraps each read of a zone: notes which zone it is, in case the process doesn't survive it."""


def unwatched(_apex: WireName) -> AbstractContextManager[object]:
    """Notes nothing."""
    return nullcontext()


class Precautions(NamedTuple):
    """How a thread guards against damaged pages: by default not at all."""

    reading: Reading = unwatched
    careful: bool = False
    """Whether every single read is noted, because a process died of one that wasn't."""
    left_out: frozenset[WireName] = frozenset()
    """Zones that killed a process. They aren't read until they move."""
    take_back: Callable[[WireName], None] = lambda _: None
    """Called for one of these that moved."""


NONE: Final = Precautions()


def precautions(crumbs: Crumbs, process: int, thread: int = 0) -> Precautions:
    """The precautions of a thread of a process."""
    left_out = frozenset(map(WireName, crumbs.left_out))
    return Precautions(crumbs.note(process, thread), crumbs.is_careful(process), left_out, crumbs.take_back)


class UnreadableVersion:
    """The `ZoneVersion` of a zone that exists but can't be read. It is answered SERVFAIL: REFUSED would mean that
    it isn't served here.
    """

    def __init__(self, apex: WireName, commit: ObjectId) -> None:
        self.apex = apex
        self.commit = commit

    @property
    def serial(self) -> int:
        self._fail()

    def at(self, _owner: OwnerKey) -> bytes | None:
        self._fail()

    def look(self, _owner: OwnerKey) -> tuple[bytes | None, OwnerKey | None]:
        self._fail()

    def before(self, _owner: OwnerKey) -> tuple[OwnerKey, bytes] | None:
        self._fail()

    def after(self, _owner: OwnerKey) -> OwnerKey | None:
        self._fail()

    def owners_before(self, _owner: OwnerKey, _most: int) -> list[OwnerKey]:
        self._fail()

    def _fail(self) -> NoReturn:
        raise CorruptStore(f"commit {short(self.commit)} of {to_text(self.apex)} can't be read; run `zonegit fsck`")


class WatchedVersion:
    """A `ZoneVersion` whose every read is noted."""

    __slots__ = ("_reading", "_version", "apex")

    def __init__(self, version: ZoneVersion, reading: Reading) -> None:
        self._version = version
        self._reading = reading
        self.apex = version.apex

    @property
    def commit(self) -> ObjectId:
        with self._reading(self.apex):
            return self._version.commit

    @property
    def serial(self) -> int:
        with self._reading(self.apex):
            return self._version.serial

    def at(self, owner: OwnerKey) -> bytes | None:
        with self._reading(self.apex):
            return self._version.at(owner)

    def look(self, owner: OwnerKey) -> tuple[bytes | None, OwnerKey | None]:
        with self._reading(self.apex):
            return self._version.look(owner)

    def before(self, owner: OwnerKey) -> tuple[OwnerKey, bytes] | None:
        with self._reading(self.apex):
            return self._version.before(owner)

    def after(self, owner: OwnerKey) -> OwnerKey | None:
        with self._reading(self.apex):
            return self._version.after(owner)

    def owners_before(self, owner: OwnerKey, most: int) -> list[OwnerKey]:
        with self._reading(self.apex):
            return self._version.owners_before(owner, most)


def watched_steps(items: Iterable[T], apex: WireName, reading: Reading) -> Iterator[T]:
    """The same items; each is noted while it is read."""
    found = iter(items)
    while True:
        with reading(apex):
            try:
                item = next(found)
            except StopIteration:
                return
        yield item
