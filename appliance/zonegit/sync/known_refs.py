"""The refs of a peer that this node knows, kept up to date between exchanges by the journal of the store.

These are the branches that `refs/remotes/<peer>/` tracks, the tags, reviews and proposals of their zones, and the
published versions of mirrored zones and of those that the peer publishes for this node. In a mirror, the heads
follow the tracked branches. If a head differs from its tracked branch, the branch is reported at an impossible id,
so that the peer sends it again. Published versions of other zones aren't stored here; they count as known once the
peer has sent them. So do reviews and proposals that were refused here, or that the peer lacks, once that was dealt
with (`settle`).
"""

from collections.abc import Callable, Collection
from itertools import chain, groupby
from typing import Final

from zonegit.model.ids import ID_SIZE, ObjectId
from zonegit.model.refs import RefKind, RefName, published, split
from zonegit.repo.mirrors import zones_with_own_policy
from zonegit.store.port import Reader
from zonegit.sync import ref_diff, ref_sketch
from zonegit.sync.peers import highest
from zonegit.sync.ref_diff import Change, Question
from zonegit.sync.ref_lists import REVIEWS, in_order, merged, ref_name, split_ref
from zonegit.sync.ref_sketch import SketchAnswer
from zonegit.sync.ref_table import SUM, RefTable
from zonegit.sync.wire import PeerRefs
from zonegit.sync.work import finish, never

_HEADS: Final = f"refs/{RefKind.HEAD}/"
_OF_ZONES: Final = tuple(f"refs/{kind}/" for kind in RefKind if not kind.names_commits)
"""Tags, reviews and proposals, which nothing tracks: assumed to be at the peer if any branch of the zone is."""
_PUBLISHED: Final = f"refs/{RefKind.PUBLISHED}/"
_ASTRAY: Final = ObjectId(bytes(ID_SIZE))
"""The impossible id of a branch whose head isn't where the peer had it."""


class KnownRefs:
    """The known refs of one peer. `catch_up` before each question, and apply the answer before the next one."""

    def __init__(
        self,
        peer: str,
        *,
        mirrored: bool | Callable[[str], bool] = False,
        publishes: Callable[[str], bool] = lambda _zone: False,
    ) -> None:
        """`mirrored`: whether the peer's zones are mirrored here: all, none, or those for whose name it is true.

        `publishes`: whether the peer's published versions of a zone are served here, mirrored or not.
        """
        self._peer = peer
        self._prefix = f"refs/{RefKind.REMOTE}/{peer}/"
        self._publishes = publishes
        self._mirrored = mirrored if callable(mirrored) else lambda _zone: mirrored
        self._epoch = ""
        self._own: frozenset[str] = frozenset()
        """Zones whose published versions here aren't the peer's."""
        self._seq: int | None = None
        self._table = RefTable()
        self.shows_many = False
        """Whether the peer's last list was so long that asking for differences costs less."""

    @classmethod
    def assumed(cls, reader: Reader, peer: str, epoch: str) -> "KnownRefs":
        """For a peer that was never asked: it is assumed to have the refs that are here. To be used once."""
        found = cls(peer)
        found._epoch = epoch
        found._table = RefTable(chain.from_iterable(map(reader.refs, (_HEADS, *_OF_ZONES, _PUBLISHED))), epoch)
        return found

    def catch_up(self, reader: Reader) -> None:
        """Catch up with what moved here."""
        known = highest(reader, self._peer)
        epoch = known.epoch if known else ""
        if epoch != self._epoch:
            self._epoch, self._seq = epoch, None
        moved = reader.moved_since(self._seq) if self._seq is not None else None
        own = zones_with_own_policy(reader)
        if own != self._own:
            self._own, moved = own, None
        self._seq = None  # until everything is read, in case of an error
        seq = reader.seq
        if moved is None:
            self._read(reader)
        else:
            self._follow(reader, moved)
        self._seq = seq

    def _read(self, reader: Reader) -> None:
        """Read everything again."""
        self._table = RefTable(epoch=self._epoch)
        for name, tip in reader.refs(self._prefix):
            held = RefName(_HEADS + name[len(self._prefix) :])
            self._table.move(held, self._held(reader, held, tip))
        untracked = chain.from_iterable(map(reader.refs, _OF_ZONES))
        for zone, refs in groupby(untracked, lambda item: split_ref(item[0])[0]):
            if self._tracks(reader, zone):
                for name, tip in refs:
                    self._table.move(name, tip)
        for name, tip in reader.refs(_PUBLISHED):
            if self._follows(reader, name):
                self._table.move(name, tip)

    def _follow(self, reader: Reader, moved: Collection[RefName]) -> None:
        # Branches come first, because a zone's tags and reviews are known only if one of its branches is.
        for name in moved:
            if name.startswith(self._prefix):
                self._update_branch(reader, name[len(self._prefix) :])
            elif name.startswith(_HEADS) and self._mirrored(split_ref(name)[0]):
                self._update_branch(reader, name[len(_HEADS) :])
        for name in moved:
            if name.startswith(_OF_ZONES):
                held = self._tracks(reader, split_ref(name)[0])
                self._table.move(name, reader.ref(name) if held else None)
            elif name.startswith(_PUBLISHED) and self._follows(reader, name):
                self._table.move(name, reader.ref(name))

    def moved_here(self, reader: Reader) -> int:
        """How many branches here differ from where the peer had them: about as many may have moved there."""
        held = ((tip, self._table.get(name)) for name, tip in reader.refs(_HEADS))
        return sum(theirs not in (None, tip) for tip, theirs in held)

    def question(self, first: int = 0) -> bytes:
        """The question by buckets, beginning with bucket `first`; the answer may come in parts."""
        known = self._epoch, self._table.root, self._table.digests
        return Question(*known, first=first, most=ref_diff.PART).encode()

    @property
    def epoch(self) -> str:
        """The peer's epoch as remembered; empty if it isn't: no sketch can be made then."""
        return self._epoch

    def sketch(self, width: int, fine: int = 0) -> bytes:
        """The question by a sketch of this width, with counts of the width `fine`."""
        return ref_sketch.question(self._table, self._epoch, width, fine).encode()

    def resolved(self, answer: SketchAnswer) -> PeerRefs | None:
        """The differences by a sketch's answer; None if applying them doesn't give the peer's sum."""
        table = self._table
        news = dict(answer.lists.refs)
        named = [table.named(element) for element in answer.gone]
        gone = {name for name in named if name is not None and name not in news}
        total = table.sum
        for name, tip in news.items():
            total += table.fingerprint(name, tip)
        for name in (*gone, *news):
            held = table.get(name)
            total -= 0 if held is None else table.fingerprint(name, held)
        if (total - answer.sum) % (1 << 8 * SUM):
            return None
        state = answer.epoch, answer.seq, answer.root
        return self._count_as_known(PeerRefs(*state, answer.lists, gone=tuple(sorted(gone))))

    def differences(self, change: Change) -> PeerRefs:
        """The peer's refs that aren't known here, and the known refs that are gone at the peer."""
        held = {name for name, _ in change.lists.refs if self._table.get(name) is not None}
        gone = (name for at in change.prefixes for name, _ in self._table.bucket(at) if name not in held)
        news = change.lists.kept(lambda kind, tip: self._table.get(ref_name(kind, tip)) != tip.oid)
        state = change.epoch, change.seq, change.root
        return self._count_as_known(PeerRefs(*state, news, gone=tuple(sorted(gone))))

    def _count_as_known(self, found: PeerRefs) -> PeerRefs:
        """The same. Those of the refs that aren't stored here count as known from now on."""
        for tip in found.published:
            if not self._stores_versions(tip.zone):
                self._table.move(published(tip.zone, tip.name), tip.oid)
        for name in found.gone or ():
            if name.startswith(_PUBLISHED) and not self._stores_versions(split_ref(name)[0]):
                self._table.move(name, None)
        return found

    def settle(self, found: PeerRefs) -> None:
        """The differences were dealt with. Which reviews and proposals the peer has is known from them, so that it
        isn't asked again about those that were refused here, or that it lacks.
        """
        for kind, tip in found.lists.kept_tags:
            self._table.move(ref_name(kind, tip), tip.oid)
        for name in found.gone or ():
            if name.startswith(REVIEWS):
                self._table.move(name, None)

    def complete(self, found: PeerRefs) -> PeerRefs:
        """All refs of the peer, from the known ones and the differences."""
        moved = {name for name, _ in found.lists.refs}.union(found.gone or ())
        known = finish(in_order([[(name, tip) for name, tip in self._table if name not in moved]], never))
        return PeerRefs(found.epoch, found.seq, found.root, merged([known, found.lists]))

    def _update_branch(self, reader: Reader, label: str) -> None:
        """Update a branch of the peer, given as `<zone>/<branch>`."""
        name = RefName(_HEADS + label)
        tip = self._held(reader, name, reader.ref(RefName(self._prefix + label)))
        appears_or_vanishes = (tip is None) != (self._table.get(name) is None)
        self._table.move(name, tip)
        if appears_or_vanishes:
            self._update_untracked(reader, split_ref(name)[0])

    def _held(self, reader: Reader, name: RefName, tip: ObjectId | None) -> ObjectId | None:
        """The id at which a branch is reported, given the id of its tracking ref."""
        astray = tip is not None and reader.ref(name) != tip and self._mirrored(split_ref(name)[0])
        return _ASTRAY if astray else tip

    def _follows(self, reader: Reader, name: RefName) -> bool:
        """Whether a published version here is the peer's."""
        zone = split_ref(name)[0]
        return self._stores_versions(zone) and self._tracks(reader, zone)

    def _stores_versions(self, zone: str) -> bool:
        """Whether the peer's published versions of a zone are stored here."""
        return (self._mirrored(zone) or self._publishes(zone)) and zone not in self._own

    def _update_untracked(self, reader: Reader, zone: str) -> None:
        """Update the tags, reviews and proposals of a zone: all if any of its branches is tracked, else none."""
        held = self._tracks(reader, zone)
        for name, tip in chain.from_iterable(reader.refs(f"{prefix}{zone}/") for prefix in _OF_ZONES):
            if split_ref(name)[0] == zone:
                self._table.move(name, tip if held else None)

    def _tracks(self, reader: Reader, zone: str) -> bool:
        """Whether any branch of the zone is tracked."""
        names = (name for name, _ in reader.refs(f"{self._prefix}{zone}/"))
        return any(split(name[len(self._prefix) :])[0] == zone for name in names)


def joined(parts: list[PeerRefs]) -> PeerRefs:
    """Differences that came in parts. If refs moved in between, the state is that of the first part."""
    gone = sorted(name for part in parts for name in part.gone or ())
    return parts[0]._replace(lists=merged(part.lists for part in parts), gone=tuple(gone))
