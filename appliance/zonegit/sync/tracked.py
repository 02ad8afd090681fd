"""What is held here of a peer's refs, kept up from one exchange to the next by the journal of the store.

These are the branches that `refs/remotes/<peer>/` tracks and the tags of their zones. In a mirror the heads follow
the tracked branches. A head that stands elsewhere than its tracked branch counts as held at no commit, so that the
peer is asked for it again.
"""

from collections import Counter
from heapq import merge
from typing import Final

from zonegit.model.ids import ID_SIZE, ObjectId
from zonegit.model.refs import RefKind, RefName, head, tag
from zonegit.store.port import Reader
from zonegit.sync.peers import highest
from zonegit.sync.ref_diff import Change, Question, split_ref, tips
from zonegit.sync.ref_table import BUCKETS, RefTable
from zonegit.sync.tips import Tips
from zonegit.sync.wire import PeerRefs

_HEADS: Final = f"refs/{RefKind.HEAD}/"
_TAGS: Final = f"refs/{RefKind.TAG}/"
_ASTRAY: Final = ObjectId(bytes(ID_SIZE))
"""Where a branch counts as held that isn't where the peer had it."""


class Tracked:
    """Of one peer. `look` before `question`, and apply the answer before the next look."""

    def __init__(self, peer: str, *, mirrored: bool = False) -> None:
        self._peer = peer
        self._prefix = f"refs/{RefKind.REMOTE}/{peer}/"
        self._mirrored = mirrored
        self._epoch = ""
        self._seq: int | None = None
        self._table = RefTable()
        self._branches: Counter[str] = Counter()
        """How many are held of each zone."""

    def look(self, reader: Reader) -> None:
        """Catch up with what moved here."""
        known = highest(reader, self._peer)
        self._epoch = known.epoch if known else ""
        moved = reader.moved_since(self._seq) if self._seq is not None else None
        if moved is None:
            self._table, self._branches = RefTable(), Counter()
            moved = frozenset(name for name, _ in reader.refs(self._prefix))
        self._seq = None  # until all of it is taken in
        seq = reader.seq
        for name in moved:
            if name.startswith(self._prefix):
                self._branch(reader, name[len(self._prefix) :])
            elif name.startswith(_HEADS) and self._mirrored:
                self._branch(reader, name[len(_HEADS) :])
        for name in moved:
            if name.startswith(_TAGS):
                self._table.move(name, reader.ref(name) if self._branches[split_ref(name)[0]] else None)
        self._seq = seq

    def question(self) -> bytes:
        return Question(self._epoch, self._table.root, self._table.digests).encode()

    def differences(self, change: Change) -> PeerRefs:
        """What of the peer's refs isn't held here, and what is held and gone at the peer."""
        held = {name for name, _ in change.refs() if self._table.get(name) is not None}
        gone = (name for at in change.prefixes for name, _ in self._table.bucket(at) if name not in held)
        branches = Tips(tip for tip in change.branches if self._table.get(head(tip.zone, tip.name)) != tip.oid)
        tags = Tips(tip for tip in change.tags if self._table.get(tag(tip.zone, tip.name)) != tip.oid)
        return PeerRefs(change.epoch, change.seq, change.root, branches, tags, gone=tuple(sorted(gone)))

    def complete(self, change: Change) -> PeerRefs:
        """All refs of the peer, from those held here and what it says of them."""
        differing = set(change.prefixes)
        branches, tags = tips(
            dict(item for at in range(BUCKETS) if at not in differing for item in self._table.bucket(at))
        )
        return PeerRefs(
            change.epoch, change.seq, change.root, _merged(branches, change.branches), _merged(tags, change.tags)
        )

    def _branch(self, reader: Reader, label: str) -> None:
        """Look at a branch of the peer's, by `<zone>/<branch>`."""
        name = RefName(_HEADS + label)
        tip = reader.ref(RefName(self._prefix + label))
        if tip is not None and self._mirrored and reader.ref(name) != tip:
            tip = _ASTRAY
        more = (tip is not None) - (self._table.get(name) is not None)
        self._table.move(name, tip)
        if not more:
            return
        zone, _ = split_ref(name)
        before = self._branches[zone]
        self._branches[zone] += more
        if not before or not self._branches[zone]:
            self._tags(reader, zone)
        if not self._branches[zone]:
            del self._branches[zone]

    def _tags(self, reader: Reader, zone: str) -> None:
        """Hold the tags of a zone, or none of them once none of its branches is held."""
        for name, tip in reader.refs(f"{_TAGS}{zone}/"):
            if split_ref(name)[0] == zone:
                self._table.move(name, tip if self._branches[zone] else None)


def _merged(kept: Tips, told: Tips) -> Tips:
    return Tips(merge(kept, told, key=lambda tip: tip.label))
