"""Whose refs a pull may move: a mirror follows what it got from its peer, and takes over nothing else.

A branch came from the peer if its zone is mirrored from the peer and the peer had the branch before; a tag did if
its zone is mirrored from the peer. Everything else is this repository's own: committed or imported here, or
mirrored from another peer. Where the peer's branches and tags are equal to our own, nothing moves and the zone
stays our own: two nodes may be each other's primary, and the peer may mirror the zone from here. An own branch is
taken over where the peer's is ahead of it (a fast-forward). Otherwise the whole zone is refused: none of its
branches and tags moves until an operator gives up what is here (`sync.adoption`). A peer that still has what a
reset or a removal here moved away from is behind, not ahead.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, parse, remote
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.writing import mirror_setting
from zonegit.store.port import Reader, RefUpdate

PULLED: Final = "pull: "
"""How the reasons of a mirror's moves begin in the reflog."""


@dataclass(frozen=True, slots=True)
class Permitted:
    """What a pull may do of what it would."""

    updates: tuple[RefUpdate, ...]
    refused: frozenset[str]
    """Zones of the peer's that are this repository's own."""


def permitted(reader: Reader, peer: str, updates: Sequence[RefUpdate]) -> Permitted:
    """The updates without those of refused zones. What tracks the peer always moves."""
    mirrored = cache(lambda zone: is_mirrored(reader, peer, zone))
    parsed = [(parse(update.name), update) for update in updates]
    offered = _offered(reader, peer, parsed)
    kept = []
    refused = set()
    for ref, update in parsed:
        own = ref.kind is not RefKind.REMOTE and not mirrored(ref.zone)
        if own and update.new is None and (ref.kind is RefKind.HEAD or not offered(ref.zone)):
            continue  # what never came from the peer isn't gone because the peer doesn't have it
        if ref.kind is not RefKind.REMOTE and not _may_move(reader, peer, ref, update, own=own):
            refused.add(ref.zone)
        kept.append((ref, update))
    moves = tuple(update for ref, update in kept if ref.kind is RefKind.REMOTE or ref.zone not in refused)
    return Permitted(moves, frozenset(refused))


def is_mirrored(reader: Reader, peer: str, zone: str) -> bool:
    """Whether a zone here is mirrored from a peer."""
    return reader.setting(mirror_setting(zone)) == peer.encode()


def contains(reader: Reader, new: ObjectId | None, old: ObjectId | None) -> bool:
    """Whether nothing is lost when a branch moves from `old` to `new`."""
    return old is None or (new is not None and is_ancestor(reader, old, new))


def _may_move(reader: Reader, peer: str, ref: Ref, update: RefUpdate, *, own: bool) -> bool:
    if own and _was_left(reader, update):
        return False
    if ref.kind is RefKind.TAG:
        return not own or update.old is None
    came = not own and reader.ref(remote(peer, ref.zone, ref.name)) is not None
    return came or contains(reader, update.new, update.old)


def _was_left(reader: Reader, update: RefUpdate) -> bool:
    """Whether a ref was moved away, by somebody here, from where the peer has it."""
    log = reader.reflog(update.name)
    return any(entry.old == update.new and not entry.reason.startswith(PULLED) for entry in log)


def _offered(reader: Reader, peer: str, updates: Sequence[tuple[Ref, RefUpdate]]) -> Callable[[str], bool]:
    """Whether the peer has a zone, once what tracks it has moved."""
    gone = {update.name for ref, update in updates if ref.kind is RefKind.REMOTE and update.new is None}
    new = {ref.zone for ref, update in updates if ref.kind is RefKind.REMOTE and update.new is not None}

    @cache
    def offered(zone: str) -> bool:
        tracked = (name for name, _ in reader.refs(f"refs/{RefKind.REMOTE}/{peer}/{zone}/") if name not in gone)
        return zone in new or any(parse(name).zone == zone for name in tracked)

    return offered
