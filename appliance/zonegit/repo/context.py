"""What every part of a `Repository` shares: the store, decoded nodes, the clock, and where HEAD is."""

import getpass
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from zonegit.errors import NotFound, UsageError
from zonegit.model import refs
from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner, WireName, from_text, parse_apex, relative, to_text
from zonegit.model.refs import DEFAULT_BRANCH, RefKind, RefName
from zonegit.repo.content import Content, ShortReads
from zonegit.repo.history import read_commit
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

    def place(self, zone: str | None, branch: str | None = None) -> Position:
        """The zone and branch that a call is about: HEAD's, where it doesn't say."""
        with self.store.read() as reader:
            return place_in(reader, zone, branch)

    def resolve(self, revision: str, zone: str | None = None) -> Revision:
        """The commit that an expression names."""
        with self.store.read() as reader:
            return Resolver(reader, place_in(reader, zone), self.now).resolve(revision)

    def content(self, revision: str, zone: str | None = None) -> Content:
        """The records of the commit that an expression names."""
        return Content.of(self.nodes, self.resolve(revision, zone))

    def tip(self, place: Position) -> Content:
        """The records at the tip of a branch. `NotFound` for a tag's name or a commit's."""
        tip = self.ref(refs.head(place.zone, place.branch))
        if tip is None:
            raise NotFound(f"{place.zone} has no branch {place.branch}; 'zonegit branch' lists them, or makes one")
        return Content.of(self.nodes, read_commit(self.nodes.source, tip))

    def ref(self, name: RefName) -> ObjectId | None:
        with self.store.read() as reader:
            return reader.ref(name)

    def stamp(self, who: str | None) -> Stamp:
        """Who writes, and when."""
        now = int(self.now())
        name = who
        if name is None:
            name = os.environ.get("ZONEGIT_AUTHOR") or f"{_user()}@{os.uname().nodename}"
        if not name.strip() or len(name) > 200 or not name.isprintable():
            raise UsageError(
                f"the --author is {name[:80]!r}; write 1 to 200 printable characters, like 'Ada <ada@example.org>'"
            )
        return Stamp(name, now, time.localtime(now).tm_gmtoff // 60)


def _user() -> str:
    """The login name; a user that the system has no name for (in a container) goes by the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"


def place_in(reader: Reader, zone: str | None, branch: str | None = None) -> Position:
    """The zone and branch that are meant. Without a branch: HEAD's if it is the zone's, else its default one."""
    head = _head(reader)
    if zone is None:
        if head is None:
            raise NotFound(
                "this repository has no zone yet; make one: 'zonegit zone add ZONE' or 'zonegit import FILE'"
            )
        return Position(head.zone, branch or head.branch)
    name = to_text(parse_apex(zone))
    branches = [refs.parse(ref).name for ref, _ in reader.refs(f"refs/heads/{name}/") if _is_of(ref, name)]
    if not branches:
        raise NotFound(f"no zone {name} here; see 'zonegit zone list', or make it: 'zonegit zone add {name}'")
    if branch:
        return Position(name, branch)
    if head and head.zone == name and head.branch in branches:
        return head
    return Position(name, default_branch(branches))


def has_zone(reader: Reader, zone: str) -> bool:
    """Whether there is a branch of a zone, whose name is canonical."""
    return any(_is_of(ref, zone) for ref, _ in reader.refs(f"refs/heads/{zone}/"))


def default_branch(branches: Collection[str]) -> str:
    """The branch of a zone that HEAD isn't on which is meant when none is named."""
    return DEFAULT_BRANCH if DEFAULT_BRANCH in branches else min(branches)


def _head(reader: Reader) -> Position | None:
    setting = reader.setting(HEAD)
    if setting is None:
        return None
    ref = refs.parse(setting.decode())
    return Position(ref.zone, ref.name)


def _is_of(name: RefName, zone: str) -> bool:
    """Whether a head is this very zone's (`refs/heads/a/` is also how a zone `a/b` begins)."""
    ref = refs.parse(name)
    return ref.kind is RefKind.HEAD and ref.zone == zone


def owner_of(name: str, apex: WireName) -> Owner:
    """The owner of a name as an operator types it, relative to the zone or absolute."""
    return relative(from_text(name, apex), apex)
