"""What all parts of a `Repository` share: the store, decoded nodes, the clock, and where HEAD is."""

import os
import time
from collections.abc import Callable
from typing import NamedTuple

from zonegit.errors import Refused, UsageError
from zonegit.model import refs
from zonegit.model.commit import Stamp, Tag
from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner, WireName, from_text, relative
from zonegit.model.refs import RefName
from zonegit.repo.caller import login
from zonegit.repo.content import Content, ShortReads
from zonegit.repo.history import read_commit
from zonegit.repo.position import HEAD, HeadStatus, head_status, is_ambiguous, lost_in, place_in
from zonegit.repo.renamed import branch_gone
from zonegit.repo.results import Position, Revision
from zonegit.repo.revisions import Resolver
from zonegit.repo.settings import EMAIL, NAME, settings
from zonegit.store.port import Store
from zonegit.tree.source import Nodes


class Context(NamedTuple):
    """One open repository."""

    store: Store
    nodes: Nodes
    now: Callable[[], float]
    random: Callable[[int], bytes]
    seat: str = HEAD
    """The setting that holds the user's position (`repo.position`)."""

    @classmethod
    def over(
        cls,
        store: Store,
        now: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
        seat: str = HEAD,
    ) -> "Context":
        return cls(store, Nodes(ShortReads(store), store.nodes), now, random, seat)

    def head_status(self) -> HeadStatus:
        """What the user's HEAD names."""
        with self.store.read() as reader:
            return head_status(reader, self.seat)

    def place(self, zone: str | None, branch: str | None = None) -> Position:
        """The zone and branch that a call applies to; what it doesn't name is HEAD's."""
        with self.store.read() as reader:
            return place_in(reader, zone, branch, self.seat)

    def target(self, zone: str | None, branch: str | None = None) -> Position:
        """The same for a call that writes. `Refused` if HEAD is lost or ambiguous, so that the user must choose."""
        with self.store.read() as reader:
            place = place_in(reader, zone, branch, self.seat)
            lost = lost_in(reader, self.seat, zone and place.zone)
            ambiguous = zone is None and is_ambiguous(reader, self.seat)
        if lost and (branch is None or lost.zone != place.zone):
            raise _refusal(lost)
        if ambiguous:
            raise Refused(
                "HEAD names no zone, and there are several: run 'zonegit zone switch ZONE', or give --zone"
            )
        return place

    def zone_to_choose_in(self, zone: str | None) -> str:
        """The zone of the branch that a checkout names. `Refused` if none is named and HEAD's is gone."""
        with self.store.read() as reader:
            place = place_in(reader, zone, None, self.seat)
            lost = None if zone else head_status(reader, self.seat).lost
        if lost and lost.zone != place.zone:
            raise _refusal(lost)
        return place.zone

    def resolve(self, revision: str, zone: str | None = None) -> Revision:
        """The commit that an expression names."""
        with self.store.read() as reader:
            return Resolver(reader, place_in(reader, zone, None, self.seat), self.now).resolve(revision)

    def tag_object(self, revision: str, zone: str | None = None) -> tuple[ObjectId, Tag] | None:
        """The tag object that an expression names; None if it names a commit."""
        with self.store.read() as reader:
            return Resolver(reader, place_in(reader, zone, None, self.seat), self.now).tag_object(revision)

    def content(self, revision: str, zone: str | None = None) -> Content:
        """The records of the commit that an expression names."""
        return Content.of(self.nodes, self.resolve(revision, zone))

    def tip(self, place: Position) -> Content:
        """The records at the tip of a branch. `NotFound` for anything that isn't a branch."""
        tip = self.ref(refs.head(place.zone, place.branch))
        if tip is None:
            with self.store.read() as reader:
                raise branch_gone(reader, place)
        return Content.of(self.nodes, read_commit(self.nodes.source, tip))

    def ref(self, name: RefName) -> ObjectId | None:
        """What a ref points to; None if there is no such ref, or it is a removed branch."""
        with self.store.read() as reader:
            return reader.live(name)

    def stamp(self, who: str | None) -> Stamp:
        """Who writes, and when."""
        now = int(self.now())
        name = who
        if name is None:
            name = os.environ.get("ZONEGIT_AUTHOR") or self._configured_author() or login()
        if not name.strip() or len(name) > 200 or not name.isprintable():
            raise UsageError(
                f"the --author is {name[:80]!r}; write 1 to 200 printable characters, like 'Ada <ada@example.org>'"
            )
        return Stamp(name, now, time.localtime(now).tm_gmtoff // 60)

    def _configured_author(self) -> str | None:
        """What `user.name` and `user.email` make of the user; None without either."""
        with self.store.read() as reader:
            values = settings(reader, self.seat)
        name, mail = values.get(NAME), values.get(EMAIL)
        return f"{name or login()} <{mail}>" if mail else name


def _refusal(lost: Position) -> Refused:
    return Refused(
        f"you were on branch {lost.branch} of {lost.zone}, which no longer exists: choose another with "
        "'zonegit checkout BRANCH' or 'zonegit zone switch ZONE', or give --zone and --branch"
    )


def owner_of(name: str, apex: WireName) -> Owner:
    """The owner of a name as an operator types it, relative to the zone or absolute."""
    return relative(from_text(name, apex), apex)
