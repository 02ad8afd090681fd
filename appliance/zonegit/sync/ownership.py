"""Which refs a pull may move: a mirror follows what came from its peer, and takes over nothing else.

A branch came from the peer if its zone is mirrored from the peer and the peer had the branch before; a tag did if
its zone is mirrored from the peer. A published version moves with its branch, or if the peer publishes the zone for
this node, unless the zone has a policy of its own here. Everything else is this repository's own: committed or
imported here, or mirrored from another peer. Where the peer's branches and tags are equal to our own, nothing moves
and the zone stays our own: two nodes may be each other's primary, and the peer may mirror the zone from here. An
own branch is taken over where the peer's is ahead of it (a fast-forward). Otherwise the whole zone is refused: none
of its branches and tags moves until an operator gives up what is here (`sync.adoption`). A peer that still has what
a reset or a removal here moved away from is behind, not ahead.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, parse, remote
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.mirrors import PULLED, has_own_policy, mirror_setting
from zonegit.repo.tombstones import is_tombstone
from zonegit.store.port import Reader, RefUpdate


class Permitted(NamedTuple):
    """The moves that a pull may make."""

    updates: tuple[RefUpdate, ...]
    refused: frozenset[str]
    """Zones of the peer's that are this repository's own."""


def permitted(
    reader: Reader,
    peer: str,
    updates: Sequence[RefUpdate],
    publishes: Callable[[str], bool] = lambda _zone: False,
) -> Permitted:
    """The updates without those of refused zones. Remote-tracking refs always move.

    `publishes`: whether the peer publishes a zone that this node writes.
    """
    mirrored = cache(lambda zone: is_mirrored(reader, peer, zone))
    parsed = [(parse(update.name), update) for update in updates]
    offered = _offered(reader, peer, parsed)
    kept: list[tuple[Ref, RefUpdate]] = []
    published: list[tuple[Ref, RefUpdate]] = []
    refused = set()
    for ref, update in parsed:
        own = ref.kind is not RefKind.REMOTE and not mirrored(ref.zone)
        if ref.kind is RefKind.PUBLISHED:
            published.append((ref, update))
            continue
        if own and update.new is None and (ref.kind is RefKind.HEAD or not offered(ref.zone)):
            continue  # what never came from the peer isn't gone because the peer doesn't have it
        if own and ref.kind is RefKind.HEAD and _began_again(reader, update):
            continue
        if ref.kind is not RefKind.REMOTE and not _may_move(reader, peer, ref, update, own=own):
            refused.add(ref.zone)
        kept.append((ref, update))
    taken = {ref.zone for ref, _ in kept if ref.kind is RefKind.HEAD} - refused
    kept += [
        (ref, update)
        for ref, update in published
        if (mirrored(ref.zone) or ref.zone in taken or publishes(ref.zone)) and not has_own_policy(reader, ref.zone)
    ]
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


def _began_again(reader: Reader, update: RefUpdate) -> bool:
    """Whether a branch began again here on top of the tombstone at which the peer has it."""
    if update.new is None or update.old is None or not is_tombstone(reader, update.new):
        return False
    return is_ancestor(reader, update.new, update.old)


def _was_left(reader: Reader, update: RefUpdate) -> bool:
    """Whether a ref was moved away, by somebody here, from where the peer has it."""
    log = reader.reflog(update.name)
    return any(entry.old == update.new and not entry.reason.startswith(PULLED) for entry in log)


def _offered(reader: Reader, peer: str, updates: Sequence[tuple[Ref, RefUpdate]]) -> Callable[[str], bool]:
    """Whether the peer has a zone, once what tracks it has moved."""
    gone = {update.name for ref, update in updates if ref.kind is RefKind.REMOTE and update.new is None}
    new = {
        ref.zone
        for ref, update in updates
        if ref.kind is RefKind.REMOTE and update.new is not None and not is_tombstone(reader, update.new)
    }

    @cache
    def offered(zone: str) -> bool:
        tracked = (
            name for name, _ in reader.live_refs(f"refs/{RefKind.REMOTE}/{peer}/{zone}/") if name not in gone
        )
        return zone in new or any(parse(name).zone == zone for name in tracked)

    return offered
