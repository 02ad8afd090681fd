"""The last step of a mirror's pull: its refs become exactly the peer's, in one transaction.

`refs/remotes/<peer>/` follows the peer's branches, including deletions, and `refs/heads/` follows those; the tags
and published versions of the peer's zones become the peer's. A branch that the peer never had is left alone. A
branch follows even a move that isn't a fast-forward (a reset at the primary); the result lists these, so that they
can be logged. Zones that this repository owns are refused (`sync.ownership`), unfit ones stay as they are
(`sync.unfit_zones`); both are recorded. Reviews and proposals arrive in their own way (`sync.reviews`).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.refs import DEFAULT_BRANCH, Ref, RefKind, RefName, head, parse, published, remote, tag
from zonegit.repo.mirrors import PULLED, mirror_setting, publisher_setting
from zonegit.repo.new_zones import is_taking_over, taking_over
from zonegit.repo.peer_status import LEFT_OUT, REFUSED
from zonegit.repo.position import HEAD
from zonegit.repo.tombstones import is_tombstone
from zonegit.store.port import Reader, RefUpdate, Writer
from zonegit.sync.arrival import Result
from zonegit.sync.expire import lower_expire
from zonegit.sync.ownership import Permitted, contains, is_mirrored, permitted
from zonegit.sync.peers import is_overtaken, remember, succeeded
from zonegit.sync.wire import PeerRefs


class Moved(NamedTuple):
    """What a pull did to the refs here."""

    branches: tuple[RefName, ...] = ()
    """The heads that moved, appeared or were deleted."""
    rewound: tuple[RefName, ...] = ()
    """Those of them whose move wasn't a fast-forward."""
    refs: int = 0
    """How many refs moved in all, including tags and remote-tracking refs."""
    results: tuple[Result, ...] = ()
    """The results for branches and tags of zones that this node also writes (`sync.policy_pull`)."""
    removed: tuple[RefName, ...] = ()
    """Those of the branches that are at tombstones now."""


Mirrors = Callable[[str], bool]
"""Whether this node mirrors a zone (by its canonical name): its branches and tags are exactly the peer's."""


def every(_zone: str) -> bool:
    """All zones, as at a node that writes nothing."""
    return True


def none(_zone: str) -> bool:
    """No zone."""
    return False


def follow(
    writer: Writer,
    peer: str,
    refs: PeerRefs,
    who: Stamp,
    left_out: Mapping[str, str] = MappingProxyType({}),
    mirrors: Mirrors = every,
    publishes: Mirrors = none,
) -> Moved:
    """Move the refs, and record the peer's state and that it was reached at `who.time`.

    The branches and tags of zones that are `left_out` (zone -> reason) don't move. Of zones that this node doesn't
    mirror, only the remote-tracking refs move, and the published versions of those that the peer `publishes`.
    """
    if is_overtaken(writer, peer, refs):
        return Moved()
    allowed = _plan(writer, peer, refs, left_out, mirrors, publishes)
    heads = [update for update in allowed.updates if parse(update.name).kind is RefKind.HEAD]
    moved = Moved(
        tuple(update.name for update in heads),
        tuple(update.name for update in heads if not contains(writer, update.new, update.old)),
        len(allowed.updates),
    )
    if allowed.updates:
        writer.move_refs(allowed.updates, who, f"{PULLED}{peer}")
        moved = moved._replace(removed=removed_of(writer, heads))
    _mark_mirrored(writer, peer, allowed, mirrors)
    _mark_published(writer, peer, allowed, mirrors)
    REFUSED.set(writer, peer, allowed.refused)
    LEFT_OUT.set(writer, peer, left_out)
    point_head(writer)
    lower_expire(writer, peer, moved.branches)
    remember(writer, peer, refs)
    succeeded(writer, peer, who.time)
    return moved


def removed_of(reader: Reader, moved: Iterable[RefUpdate]) -> tuple[RefName, ...]:
    """The branches that these moves have removed: they are at tombstones now, and weren't before."""
    gone = ((name, old) for name, old, _ in moved if old is not None and reader.is_removed(name))
    return tuple(name for name, old in gone if not is_tombstone(reader, old))


def _plan(
    reader: Reader, peer: str, refs: PeerRefs, left_out: Collection[str], mirrors: Mirrors, publishes: Mirrors
) -> Permitted:
    wanted = _wanted(peer, refs)
    updates = [RefUpdate(name, reader.ref(name), oid) for name, oid in wanted.items() if reader.ref(name) != oid]
    updates += [RefUpdate(name, reader.ref(name), None) for name in _vanished(reader, peer, refs, wanted)]
    if mirrors is not every:
        updates = [update for update in updates if _may_follow(parse(update.name), mirrors, publishes)]
    allowed = permitted(reader, peer, updates, publishes)
    if not left_out:
        return allowed
    moves = tuple(
        update
        for update in allowed.updates
        if (ref := parse(update.name)).kind is RefKind.REMOTE or ref.zone not in left_out
    )
    return allowed._replace(updates=moves)


def _may_follow(ref: Ref, mirrors: Mirrors, publishes: Mirrors) -> bool:
    """Whether a ref here is to become the peer's."""
    if ref.kind is RefKind.REMOTE or mirrors(ref.zone):
        return True
    return ref.kind is RefKind.PUBLISHED and publishes(ref.zone)


def _mark_mirrored(writer: Writer, peer: str, allowed: Permitted, mirrors: Mirrors) -> None:
    """Record for each zone whose branches or tags moved that it is mirrored from the peer, so that nobody commits
    to it here.

    A zone whose refs are the same on both sides keeps its owner: the peer may be the one that mirrors it.
    """
    refs = [parse(update.name) for update in allowed.updates]
    moved = {ref.zone for ref in refs if ref.kind is not RefKind.REMOTE and mirrors(ref.zone)}
    for zone in {ref.zone for ref in refs} - allowed.refused:
        if not _is_tracked(writer, peer, zone):
            if is_mirrored(writer, peer, zone):
                writer.set_setting(mirror_setting(zone), None)
        elif zone in moved:
            writer.set_setting(mirror_setting(zone), peer.encode())


def _mark_published(writer: Writer, peer: str, allowed: Permitted, mirrors: Mirrors) -> None:
    """Record for each zone whose version moved although this node writes it that the peer publishes it."""
    refs = [(parse(update.name), update.new) for update in allowed.updates]
    versions = [(ref.zone, new) for ref, new in refs if ref.kind is RefKind.PUBLISHED and not mirrors(ref.zone)]
    for zone in {zone for zone, new in versions if new is not None}:
        writer.set_setting(publisher_setting(zone), peer.encode())


def _is_tracked(reader: Reader, peer: str, zone: str) -> bool:
    """Whether any branch of the zone is tracked from the peer."""
    return any(parse(name).zone == zone for name, _ in reader.live_refs(f"refs/remotes/{peer}/{zone}/"))


def is_followed(
    reader: Reader, peer: str, refs: PeerRefs, mirrors: Mirrors = every, publishes: Mirrors = none
) -> bool:
    """Whether the refs here are already the peer's, except those of zones that are known to be left out.

    A zone that was left out for want of a policy may have one now.
    """
    noted = LEFT_OUT.read(reader).get(peer, {})
    taking = taking_over(reader, (zone for zone, why in noted.items() if is_taking_over(why)))
    left_out = [zone for zone, why in noted.items() if zone in taking or not is_taking_over(why)]
    allowed = _plan(reader, peer, refs, left_out, mirrors, publishes)
    return not allowed.updates and allowed.refused == REFUSED.read(reader).get(peer, frozenset())


def point_head(writer: Writer) -> None:
    """Set HEAD to a branch if it names none, so that a mirror can be read like any repository."""
    if writer.setting(HEAD) is not None:
        return
    heads = [name for name, _ in writer.live_refs("refs/heads/")]
    default = (name for name in heads if parse(name).name == DEFAULT_BRANCH)
    first = next(default, heads[0] if heads else None)
    if first is not None:
        writer.set_setting(HEAD, first.encode())


def _wanted(peer: str, refs: PeerRefs) -> dict[RefName, ObjectId]:
    wanted = {remote(peer, tip.zone, tip.name): tip.oid for tip in refs.branches}
    wanted |= {head(tip.zone, tip.name): tip.oid for tip in refs.branches}
    wanted |= {tag(tip.zone, tip.name): tip.oid for tip in refs.tags}
    wanted |= {published(tip.zone, tip.name): tip.oid for tip in refs.published}
    return wanted


def _vanished(reader: Reader, peer: str, refs: PeerRefs, wanted: dict[RefName, ObjectId]) -> list[RefName]:
    """The refs here that came from the peer and that it no longer has."""
    came = _all_that_came(reader, peer, refs) if refs.gone is None else _named_gone(reader, peer, refs, refs.gone)
    return [name for name in dict.fromkeys(came) if name not in wanted and reader.ref(name) is not None]


def _all_that_came(reader: Reader, peer: str, refs: PeerRefs) -> Iterator[RefName]:
    """All refs here that came from the peer, to compare with a complete list."""
    tracked = [parse(name) for name, _ in reader.refs(f"refs/remotes/{peer}/")]
    for ref in tracked:
        yield ref.full
        yield Ref(RefKind.HEAD, ref.zone, ref.name).full
    for zone in sorted({ref.zone for ref in tracked} | set(refs.zones)):
        yield from _untracked(reader, zone)


def _named_gone(reader: Reader, peer: str, refs: PeerRefs, gone: tuple[RefName, ...]) -> Iterator[RefName]:
    """The refs that a list of differences names as gone, and the tags and published versions of zones that are new
    here, since those haven't been compared yet.
    """
    for ref in map(parse, gone):
        if ref.kind.is_review:
            continue
        if ref.kind is RefKind.HEAD:
            yield remote(peer, ref.zone, ref.name)
        yield ref.full
    for zone in refs.zones:
        if not _is_tracked(reader, peer, zone):
            yield from _untracked(reader, zone)


def _untracked(reader: Reader, zone: str) -> Iterator[RefName]:
    """A zone's tags and published versions: nothing tracks those of a peer."""
    for kind in (RefKind.TAG, RefKind.PUBLISHED):
        yield from (name for name, _ in reader.refs(f"refs/{kind}/{zone}/") if parse(name).zone == zone)
