"""The refs of a peer that this node knows, kept up to date between exchanges by the journal of the store.

These are the branches that `refs/remotes/<peer>/` tracks, the tags of their zones, and the published versions of
mirrored zones. In a mirror, the heads follow the tracked branches. If a head differs from its tracked branch, the
branch is reported at an impossible id, so that the peer sends it again. Published versions of other zones aren't
stored here; they count as known once the peer has sent them.
"""

from collections.abc import Callable, Collection
from heapq import merge
from itertools import chain, groupby
from typing import Final

from zonegit.model.ids import ID_SIZE, ObjectId
from zonegit.model.refs import RefKind, RefName, head, published, split, tag
from zonegit.repo.mirrors import zones_with_own_policy
from zonegit.store.port import Reader
from zonegit.sync import ref_diff, ref_sketch
from zonegit.sync.peers import highest
from zonegit.sync.ref_diff import Change, Question, split_ref, tips
from zonegit.sync.ref_sketch import SketchAnswer
from zonegit.sync.ref_table import SUM, RefTable
from zonegit.sync.tips import Tip, Tips
from zonegit.sync.wire import PeerRefs

_HEADS: Final = f"refs/{RefKind.HEAD}/"
_TAGS: Final = f"refs/{RefKind.TAG}/"
_PUBLISHED: Final = f"refs/{RefKind.PUBLISHED}/"
_ASTRAY: Final = ObjectId(bytes(ID_SIZE))
"""The impossible id of a branch whose head isn't where the peer had it."""


class KnownRefs:
    """The known refs of one peer. `catch_up` before each question, and apply the answer before the next one."""

    def __init__(self, peer: str, *, mirrored: bool | Callable[[str], bool] = False) -> None:
        """`mirrored`: whether the peer's zones are mirrored here: all, none, or those for whose name it is true."""
        self._peer = peer
        self._prefix = f"refs/{RefKind.REMOTE}/{peer}/"
        self._mirrored = mirrored if callable(mirrored) else lambda _zone: mirrored
        self._epoch = ""
        self._own: frozenset[str] = frozenset()
        """Zones whose published versions here aren't the peer's."""
        self._seq: int | None = None
        self._table = RefTable()

    @classmethod
    def assumed(cls, reader: Reader, peer: str, epoch: str) -> "KnownRefs":
        """For a peer that was never asked: it is assumed to have the refs that are here. To be used once."""
        found = cls(peer)
        found._epoch = epoch
        found._table = RefTable(chain(reader.refs(_HEADS), reader.refs(_TAGS), reader.refs(_PUBLISHED)), epoch)
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
        for zone, tagged in groupby(reader.refs(_TAGS), lambda item: split_ref(item[0])[0]):
            if self._tracks(reader, zone):
                for name, tip in tagged:
                    self._table.move(name, tip)
        for name, tip in reader.refs(_PUBLISHED):
            if self._follows(reader, name):
                self._table.move(name, tip)

    def _follow(self, reader: Reader, moved: Collection[RefName]) -> None:
        # Branches come first, because a zone's tags are known only if one of its branches is.
        for name in moved:
            if name.startswith(self._prefix):
                self._update_branch(reader, name[len(self._prefix) :])
            elif name.startswith(_HEADS) and self._mirrored(split_ref(name)[0]):
                self._update_branch(reader, name[len(_HEADS) :])
        for name in moved:
            if name.startswith(_TAGS):
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
        news = dict(answer.refs())
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
        found = answer.branches, answer.tags
        return self._count_as_known(
            PeerRefs(
                answer.epoch,
                answer.seq,
                answer.root,
                *found,
                gone=tuple(sorted(gone)),
                published=answer.published,
            )
        )

    def differences(self, change: Change) -> PeerRefs:
        """The peer's refs that aren't known here, and the known refs that are gone at the peer."""
        held = {name for name, _ in change.refs() if self._table.get(name) is not None}
        gone = (name for at in change.prefixes for name, _ in self._table.bucket(at) if name not in held)
        branches = Tips(tip for tip in change.branches if self._table.get(head(tip.zone, tip.name)) != tip.oid)
        tags = Tips(tip for tip in change.tags if self._table.get(tag(tip.zone, tip.name)) != tip.oid)
        shown = Tips(tip for tip in change.published if self._table.get(published(tip.zone, tip.name)) != tip.oid)
        state = change.epoch, change.seq, change.root
        return self._count_as_known(PeerRefs(*state, branches, tags, gone=tuple(sorted(gone)), published=shown))

    def _count_as_known(self, found: PeerRefs) -> PeerRefs:
        """The same. Those of the refs that aren't stored here count as known from now on."""
        for tip in found.published:
            if not self._stores_versions(tip.zone):
                self._table.move(published(tip.zone, tip.name), tip.oid)
        for name in found.gone or ():
            if name.startswith(_PUBLISHED) and not self._stores_versions(split_ref(name)[0]):
                self._table.move(name, None)
        return found

    def complete(self, found: PeerRefs) -> PeerRefs:
        """All refs of the peer, from the known ones and the differences."""
        moved = {head(tip.zone, tip.name) for tip in found.branches}
        moved.update((tag(tip.zone, tip.name) for tip in found.tags), found.gone or ())
        moved.update(published(tip.zone, tip.name) for tip in found.published)
        branches, tags, shown = tips({name: tip for name, tip in self._table if name not in moved})
        return PeerRefs(
            found.epoch,
            found.seq,
            found.root,
            _merged(branches, found.branches),
            _merged(tags, found.tags),
            published=_merged(shown, found.published),
        )

    def _update_branch(self, reader: Reader, label: str) -> None:
        """Update a branch of the peer, given as `<zone>/<branch>`."""
        name = RefName(_HEADS + label)
        tip = self._held(reader, name, reader.ref(RefName(self._prefix + label)))
        appears_or_vanishes = (tip is None) != (self._table.get(name) is None)
        self._table.move(name, tip)
        if appears_or_vanishes:
            self._update_tags(reader, split_ref(name)[0])

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
        return self._mirrored(zone) and zone not in self._own

    def _update_tags(self, reader: Reader, zone: str) -> None:
        """Update the tags of a zone: all of them if any of its branches is tracked, otherwise none."""
        held = self._tracks(reader, zone)
        for name, tip in reader.refs(f"{_TAGS}{zone}/"):
            if split_ref(name)[0] == zone:
                self._table.move(name, tip if held else None)

    def _tracks(self, reader: Reader, zone: str) -> bool:
        """Whether any branch of the zone is tracked."""
        names = (name for name, _ in reader.refs(f"{self._prefix}{zone}/"))
        return any(split(name[len(self._prefix) :])[0] == zone for name in names)


def joined(parts: list[PeerRefs]) -> PeerRefs:
    """Differences that came in parts. If refs moved in between, the state is that of the first part."""
    first = parts[0]
    branches = Tips(merge(*(part.branches for part in parts), key=_label))
    tags = Tips(merge(*(part.tags for part in parts), key=_label))
    shown = Tips(merge(*(part.published for part in parts), key=_label))
    gone = sorted(name for part in parts for name in part.gone or ())
    return first._replace(branches=branches, tags=tags, published=shown, gone=tuple(gone))


def _label(tip: Tip) -> str:
    return tip.label


def _merged(kept: Tips, changed: Tips) -> Tips:
    return Tips(merge(kept, changed, key=_label))
