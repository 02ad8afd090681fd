"""What every part of a `Repository` shares: the store, decoded nodes, the clock, and where HEAD is."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from zonegit.errors import Refused, UsageError
from zonegit.model import refs
from zonegit.model.commit import Stamp, Tag
from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner, WireName, from_text, relative
from zonegit.model.refs import RefName
from zonegit.repo.caller import login
from zonegit.repo.content import Content, ShortReads
from zonegit.repo.history import read_commit
from zonegit.repo.position import HEAD, Standing, is_ambiguous, lost_in, place_in, standing
from zonegit.repo.results import Position, Revision
from zonegit.repo.revisions import Resolver
from zonegit.store.port import Store
from zonegit.tree.source import Nodes


@dataclass(frozen=True, slots=True)
class Context:
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

    def standing(self) -> Standing:
        """Where the user is."""
        with self.store.read() as reader:
            return standing(reader, self.seat)

    def place(self, zone: str | None, branch: str | None = None) -> Position:
        """The zone and branch that a call is about: HEAD's, where it doesn't say."""
        with self.store.read() as reader:
            return place_in(reader, zone, branch, self.seat)

    def target(self, zone: str | None, branch: str | None = None) -> Position:
        """The same, for a call that writes. `Refused` where it would go where its user never chose to be."""
        with self.store.read() as reader:
            place = place_in(reader, zone, branch, self.seat)
            lost = lost_in(reader, self.seat, zone and place.zone)
            ambiguous = zone is None and is_ambiguous(reader, self.seat)
        if lost and (branch is None or lost.zone != place.zone):
            raise _refusal(lost)
        if ambiguous:
            raise Refused(
                "HEAD names none of the zones here: choose one with 'zonegit zone switch ZONE', or give --zone"
            )
        return place

    def zone_to_choose_in(self, zone: str | None) -> str:
        """The zone whose branch a checkout names. `Refused` where HEAD's is gone and none is named."""
        with self.store.read() as reader:
            place = place_in(reader, zone, None, self.seat)
            lost = None if zone else standing(reader, self.seat).lost
        if lost and lost.zone != place.zone:
            raise _refusal(lost)
        return place.zone

    def resolve(self, revision: str, zone: str | None = None) -> Revision:
        """The commit that an expression names."""
        with self.store.read() as reader:
            return Resolver(reader, place_in(reader, zone, None, self.seat), self.now).resolve(revision)

    def tag_object(self, revision: str, zone: str | None = None) -> tuple[ObjectId, Tag] | None:
        """The tag object that an expression names by itself."""
        with self.store.read() as reader:
            return Resolver(reader, place_in(reader, zone, None, self.seat), self.now).tag_object(revision)

    def content(self, revision: str, zone: str | None = None) -> Content:
        """The records of the commit that an expression names."""
        return Content.of(self.nodes, self.resolve(revision, zone))

    def tip(self, place: Position) -> Content:
        """The records at the tip of a branch. `NotFound` for a tag's name or a commit's."""
        tip = self.ref(refs.head(place.zone, place.branch))
        if tip is None:
            from zonegit.repo.rename_branch import gone

            raise gone(self, place)
        return Content.of(self.nodes, read_commit(self.nodes.source, tip))

    def ref(self, name: RefName) -> ObjectId | None:
        with self.store.read() as reader:
            return reader.ref(name)

    def stamp(self, who: str | None) -> Stamp:
        """Who writes, and when."""
        now = int(self.now())
        name = who
        if name is None:
            name = os.environ.get("ZONEGIT_AUTHOR") or login()
        if not name.strip() or len(name) > 200 or not name.isprintable():
            raise UsageError(
                f"the --author is {name[:80]!r}; write 1 to 200 printable characters, like 'Ada <ada@example.org>'"
            )
        return Stamp(name, now, time.localtime(now).tm_gmtoff // 60)


def _refusal(lost: Position) -> Refused:
    return Refused(
        f"you were on branch {lost.branch} of {lost.zone}, which is gone: choose where to go on with "
        "'zonegit checkout BRANCH' or 'zonegit zone switch ZONE', or give --zone and --branch"
    )


def owner_of(name: str, apex: WireName) -> Owner:
    """The owner of a name as an operator types it, relative to the zone or absolute."""
    return relative(from_text(name, apex), apex)
