"""Finds what to push to a peer: the refs here that the peer, as far as this repository knows, lacks.

The peer's branches are known from `refs/remotes/<peer>/`, which each pull from the peer updates. The pusher
remembers which offers the peer has answered, so that nothing is offered twice before either side has moved.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, RefName, parse, remote
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.mirrors import PULLED
from zonegit.store.port import Reader
from zonegit.sync.arrival import OFFERED, Offer
from zonegit.sync.ownership import is_mirrored


class Answered(NamedTuple):
    """Where a ref was, here and in the tracking ref of the peer, when the peer answered a push of it."""

    here: ObjectId
    tracked: ObjectId | None


class Unpushed:
    """What one peer lacks. Each look reads only what moved since the last one."""

    def __init__(self, peer: str, covers: Callable[[str], bool]) -> None:
        self._peer = peer
        self._covers = covers
        self._seq: int | None = None
        self._offered: dict[Ref, Answered] = {}
        self._answered: dict[Ref, Answered] = {}
        self.agreed: frozenset[Ref] = frozenset()
        """Refs that the last look found moved and that need no push, whatever the peer answered earlier."""

    def offers(self, reader: Reader) -> list[Offer]:
        """What to push of the refs that moved here or at the peer since the last look; the first look reads all."""
        seq = reader.seq
        moved = reader.moved_since(self._seq) if self._seq is not None else None
        names: Iterable[RefName] = moved if moved is not None else _all(reader)
        found = sorted(set(filter(None, (self._ours(name) for name in names))))
        self.agreed = frozenset(ref for ref in found if self._needs_none(reader, ref))
        offers = [offer for ref in found if (offer := self._offer(reader, ref)) is not None]
        self._seq = seq
        return offers

    def answered(self, refs: Iterable[Ref]) -> None:
        """Note that the peer has answered the offers of these refs, whatever it said."""
        for ref in refs:
            if (offered := self._offered.pop(ref, None)) is not None:
                self._answered[ref] = offered

    def start_over(self) -> None:
        """Look at all refs next time: how the last push ended is unknown, or other zones are covered now."""
        self._seq = None

    def _ours(self, name: RefName) -> Ref | None:
        """The ref here that a moved ref is about; None if it isn't pushed to this peer."""
        ref = parse(name)
        if not self._covers(ref.zone):
            return None
        if ref.kind is RefKind.REMOTE:
            return Ref(RefKind.HEAD, ref.zone, ref.name) if ref.peer == self._peer else None
        return ref if ref.kind in OFFERED else None

    def _needs_none(self, reader: Reader, ref: Ref) -> bool:
        """Whether the ref is gone here, or the peer has it already, or its zone is mirrored from the peer."""
        here, tracked = reader.ref(ref.full), self._tracked(reader, ref)
        if ref.kind.is_review:
            return here is None or self._came(reader, ref)
        if here is None or is_mirrored(reader, self._peer, ref.zone):
            return True
        return tracked is not None and (here == tracked or is_ancestor(reader, here, tracked))

    def _came(self, reader: Reader, ref: Ref) -> bool:
        """Whether a review or proposal is here as it was pulled from the peer."""
        newest = next(iter(reader.reflog(ref.full)), None)
        return newest is not None and newest.reason == f"{PULLED}{self._peer}"

    def _offer(self, reader: Reader, ref: Ref) -> Offer | None:
        here = reader.ref(ref.full)
        if here is None or ref in self.agreed:
            self._answered.pop(ref, None)
            return None
        known = Answered(here, self._tracked(reader, ref))
        if self._answered.get(ref) == known:
            return None
        self._offered[ref] = known
        return Offer(ref, here, known.tracked)

    def _tracked(self, reader: Reader, ref: Ref) -> ObjectId | None:
        """Where the peer's branch was last seen; None for refs of other kinds, which aren't tracked."""
        return reader.ref(remote(self._peer, ref.zone, ref.name)) if ref.kind is RefKind.HEAD else None


def _all(reader: Reader) -> Iterator[RefName]:
    for kind in OFFERED:
        yield from (name for name, _ in reader.refs(f"refs/{kind}/"))
