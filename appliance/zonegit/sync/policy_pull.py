"""A pull by policy: remote-tracking refs become exactly the peer's, then each zone's policy decides.

Zones that this node mirrors follow the peer (`sync.mirror`). Zones that it writes too are updated by
`sync.arrival`: a branch moves forward, is merged, or stays as it is and is recorded as diverged. A ref that
disappears at the peer isn't deleted here: only a tombstone removes a zone or branch. Reviews and proposals
arrive by the same rule in all zones, mirrored or not.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from zonegit.errors import Conflict
from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, parse
from zonegit.repo.diverged import forget_diverged, noted_of
from zonegit.repo.mirrors import PULLED, mirror_setting, mirrored_from
from zonegit.store.port import Reader, Store, Writer
from zonegit.sync import limits
from zonegit.sync.arrival import Arrival, Offer, land, plan
from zonegit.sync.mirror import Moved, every, follow, is_followed, none, removed_of
from zonegit.sync.ownership import is_mirrored
from zonegit.sync.peers import highest, is_overtaken, is_undecided, set_undecided
from zonegit.sync.policy import Policy, ff_only
from zonegit.sync.quota import REF_BYTES, VIEW_BYTES
from zonegit.sync.reviews import review_offers
from zonegit.sync.session import Session
from zonegit.sync.unfit_zones import unfit_zones
from zonegit.sync.wire import PeerRefs

TRIES: Final = 3
"""How many plans are made while others may write; the one after them is made while they wait."""


_WRONG: Final = frozenset(("unfit", "seq", "forged-merge", "wrong-object", "name", "new-zone"))
"""Reasons for leaving a zone out: the peer's version isn't acceptable."""


class Rules(NamedTuple):
    """The rules for one peer. Their functions get a zone's canonical name."""

    covers: Callable[[str], bool] = every
    """Whether the zone is fetched at all."""
    mirrors: Callable[[str], bool] = every
    """Whether this node mirrors the zone, so that its branches and tags are exactly the peer's."""
    policy: Callable[[str], Policy] = ff_only
    """What happens to a branch of any other zone that moved on both sides."""
    pulls: bool = True
    """Whether branches of these other zones move at all. If not, only diverged ones are recorded."""
    publishes: Callable[[str], bool] = none
    """Whether the peer's published versions of such a zone are served here."""


MIRROR: Final = Rules()
"""Mirror everything that the peer has."""


class _Planned(NamedTuple):
    """The decisions of a pull about zones that this node writes too."""

    arrival: Arrival
    covers_all: bool
    """Whether they cover everything that is tracked of the peer."""


class PolicySession(Session):
    """A pull by `Rules`."""

    def __init__(
        self,
        store: Store,
        peer: str,
        refs: PeerRefs,
        rules: Rules = MIRROR,
        *,
        again: bool = False,
        compress: bool = False,
        bounds: limits.ClientLimits = limits.CLIENT,
        day: int | None = None,
    ) -> None:
        """`again`: decide again about everything that is tracked of the peer: the rules may have changed."""
        super().__init__(store, peer, _covered(refs, rules.covers), compress=compress, bounds=bounds, day=day)
        self._rules = rules
        self._again = again

    def finish(self, who: Stamp) -> Moved:
        """Move the refs, all in one transaction. `QuotaUsedUp`, `StoreFull`."""
        if self._rules.mirrors is every:
            return super().finish(who)
        self._free_zones()
        for _ in range(TRIES):
            planned = self._plan(who)
            arrival = planned.arrival
            if not arrival.updates and not arrival.diverged and self._is_settled():
                return Moved(results=arrival.results)
            self.quota.check_room(self._store)
            try:
                with self._store.write() as writer:
                    return self._move(writer, planned, who)
            except Conflict:
                continue  # a ref has moved meanwhile
        with self._store.write() as writer:
            return self._move(writer, self._plan(who), who)

    def _plan(self, who: Stamp) -> _Planned:
        with self._store.read() as reader:
            self.left_out = {**self._unnamed, **unfit_zones(reader, self.peer, self._refs)}
            undecided = self._again or is_undecided(reader, self.peer)
            offers = self._offers(reader, undecided=undecided)
            fit = [offer for offer in offers if offer.ref.zone not in self.left_out]
            fit += [offer for offer in review_offers(reader, self._refs.lists) if reader.has(offer.new)]
        arrival = plan(self._store, fit, self._rules.policy, who.time)
        if not self._rules.pulls:
            arrival = Arrival(diverged=arrival.diverged)
        wrong = (each for each in arrival.results if each.reason in _WRONG and not each.ref.kind.is_review)
        self.left_out |= {each.ref.zone: each.message for each in wrong}
        return _Planned(arrival, undecided or self._refs.gone is None)

    def _offers(self, reader: Reader, *, undecided: bool) -> Iterator[Offer]:
        """The refs of the peer, in zones that this node writes too, that differ from those here."""
        refs = self._refs
        found = {Ref(RefKind.HEAD, tip.zone, tip.name): tip.oid for tip in refs.branches}
        for ref, oid in self._tracked(reader, undecided=undecided):
            found.setdefault(ref, oid)
        found |= {Ref(RefKind.TAG, tip.zone, tip.name): tip.oid for tip in refs.tags}
        elsewhere = (each for each in found.items() if reader.ref(each[0].full) != each[1])
        for ref, oid in elsewhere:
            if self._is_written(reader, ref.zone) and reader.has(oid):
                yield Offer(ref, oid)

    def _tracked(self, reader: Reader, *, undecided: bool) -> Iterator[tuple[Ref, ObjectId]]:
        """Tracked branches that this pull may have to decide about although the peer's answer doesn't name them.

        These are all of them if some are `undecided`, and else those that have diverged.
        """
        gone = set(self._refs.gone or ())
        if undecided and self._refs.gone is not None:
            tracked: Iterable[Ref] = (parse(name) for name, _ in reader.refs(f"refs/{RefKind.REMOTE}/{self.peer}/"))
        else:
            noted = noted_of(reader, self.peer)
            tracked = [Ref(RefKind.REMOTE, each.zone, each.branch, self.peer) for each in noted]
        for ref in tracked:
            branch, oid = Ref(RefKind.HEAD, ref.zone, ref.name), reader.ref(ref.full)
            if oid is not None and branch.full not in gone and self._rules.covers(ref.zone):
                yield branch, oid

    def _is_written(self, reader: Reader, zone: str) -> bool:
        """Whether the zone's policy decides: the zone is neither mirrored from this peer nor from another one."""
        return not self._rules.mirrors(zone) and reader.setting(mirror_setting(zone)) is None

    def _is_settled(self) -> bool:
        """Whether nothing is left to do besides the plan."""
        with self._store.read() as reader:
            known = highest(reader, self.peer)
            same = known is not None and (known.epoch, known.seq) == (self._refs.epoch, self._refs.seq)
            return (
                same
                and not noted_of(reader, self.peer)
                and not is_undecided(reader, self.peer)
                and is_followed(reader, self.peer, self._refs, self._rules.mirrors, self._rules.publishes)
            )

    def _free_zones(self) -> None:
        """Make zones writable that were mirrored from this peer until the configuration changed."""
        with self._store.read() as reader:
            known = mirrored_from(reader, self.peer) if self._again else self._refs.zones
            zones = [zone for zone in known if not self._rules.mirrors(zone)]
            bound = [zone for zone in zones if is_mirrored(reader, self.peer, zone)]
        if bound:
            with self._store.write() as writer:
                for zone in bound:
                    writer.set_setting(mirror_setting(zone), None)

    def _move(self, writer: Writer, planned: _Planned, who: Stamp) -> Moved:
        if is_overtaken(writer, self.peer, self._refs):
            return Moved()
        arrival = planned.arrival
        land(writer, arrival, who, f"{PULLED}{self.peer}", self.peer)
        forget_diverged(writer, self.peer, {(each.ref.zone, each.ref.name) for each, _ in arrival.diverged})
        if planned.covers_all:
            set_undecided(writer, self.peer, False)
        rules = self._rules
        followed = follow(writer, self.peer, self._refs, who, self.left_out, rules.mirrors, rules.publishes)
        heads = [update for update in arrival.updates if parse(update.name).kind is RefKind.HEAD]
        moved = Moved(
            (*followed.branches, *(update.name for update in heads)),
            followed.rewound,
            followed.refs + len(arrival.updates),
            arrival.results,
            (*followed.removed, *removed_of(writer, heads)),
        )
        size = sum(map(len, arrival.objects))
        self.quota.spend(writer, REF_BYTES * moved.refs + VIEW_BYTES * writer.appeared + size)
        return moved


def _covered(refs: PeerRefs, covers: Callable[[str], bool]) -> PeerRefs:
    """The refs of the zones that are fetched."""
    if covers is every:
        return refs
    return refs._replace(
        lists=refs.lists.of_zones(covers),
        gone=None if refs.gone is None else tuple(name for name in refs.gone if covers(parse(name).zone)),
    )
