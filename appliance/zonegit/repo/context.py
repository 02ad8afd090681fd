"""What every part of a `Repository` shares: the store, decoded nodes, the clock, and where HEAD is."""

import getpass
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from zonegit.errors import NotFound, UsageError
from zonegit.model import refs
from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner, WireName, from_text, parse_apex, relative, to_text
from zonegit.model.refs import DEFAULT_BRANCH, RefKind, RefName
from zonegit.repo.content import Content, ShortReads
from zonegit.repo.results import Position, Revision
from zonegit.repo.revisions import Resolver
from zonegit.store.port import Reader, Store
from zonegit.tree.source import Nodes

HEAD = "HEAD"


@dataclass(frozen=True, slots=True)
class Context:
    """One open repository."""

    store: Store
    nodes: Nodes
    now: Callable[[], float]
    random: Callable[[int], bytes]

    @classmethod
    def over(
        cls, store: Store, now: Callable[[], float] = time.time, random: Callable[[int], bytes] = os.urandom
    ) -> "Context":
        return cls(store, Nodes(ShortReads(store), store.nodes), now, random)

    def position(self) -> Position:
        """What HEAD names."""
        with self.store.read() as reader:
            return _position(reader)

    def place(self, zone: str | None, branch: str | None) -> Position:
        """The zone and branch that a call is about: HEAD's, where it doesn't say."""
        with self.store.read() as reader:
            return self._place(reader, zone, branch)

    def _place(self, reader: Reader, zone: str | None, branch: str | None) -> Position:
        if zone is None:
            head = _position(reader)
            return Position(head.zone, branch or head.branch)
        name = to_text(parse_apex(zone))
        branches = [refs.parse(ref).name for ref, _ in reader.refs(f"refs/heads/{name}/") if _is_of(ref, name)]
        if not branches:
            raise NotFound(f"no zone {name} here; see 'zonegit zone list', or make it: 'zonegit zone add {name}'")
        return Position(name, branch or _default_branch(reader, name, branches))

    def resolve(self, revision: str, zone: str | None = None) -> Revision:
        """The commit that an expression names."""
        with self.store.read() as reader:
            return Resolver(reader, self._place(reader, zone, None), self.now).resolve(revision)

    def content(self, revision: str, zone: str | None = None) -> Content:
        """The records of the commit that an expression names."""
        return Content.of(self.nodes, self.resolve(revision, zone))

    def tip(self, place: Position) -> Content:
        """The records at the tip of a branch."""
        return Content.of(self.nodes, self.resolve(place.branch, place.zone))

    def ref(self, name: RefName) -> ObjectId | None:
        with self.store.read() as reader:
            return reader.ref(name)

    def stamp(self, who: str | None) -> Stamp:
        """Who writes, and when."""
        now = int(self.now())
        name = who or os.environ.get("ZONEGIT_AUTHOR") or f"{_user()}@{os.uname().nodename}"
        if not 0 < len(name) <= 200 or not name.isprintable():
            raise UsageError(
                f"author {name[:80]!r} must be 1 to 200 printable characters, like 'Ada <ada@example.org>'"
            )
        return Stamp(name, now, time.localtime(now).tm_gmtoff // 60)


def _user() -> str:
    """The login name; a user that the system has no name for (in a container) goes by the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"


def _position(reader: Reader) -> Position:
    head = reader.setting(HEAD)
    if head is None:
        raise NotFound(
            "this repository has no zone yet; make one: 'zonegit zone add ZONE' or 'zonegit import FILE'"
        )
    ref = refs.parse(head.decode())
    return Position(ref.zone, ref.name)


def _default_branch(reader: Reader, zone: str, branches: list[str]) -> str:
    """HEAD's branch if it is this zone's, else the default one, else the first."""
    setting = reader.setting(HEAD)
    head = refs.parse(setting.decode()) if setting else None
    if head and head.zone == zone and head.name in branches:
        return head.name
    return DEFAULT_BRANCH if DEFAULT_BRANCH in branches else branches[0]


def _is_of(name: RefName, zone: str) -> bool:
    """Whether a head is this very zone's (`refs/heads/a/` is also how a zone `a/b` begins)."""
    ref = refs.parse(name)
    return ref.kind is RefKind.HEAD and ref.zone == zone


def owner_of(name: str, apex: WireName) -> Owner:
    """The owner of a name as an operator types it, relative to the zone or absolute."""
    return relative(from_text(name, apex), apex)
