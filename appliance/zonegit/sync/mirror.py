"""The last step of a pull: our refs become exactly the peer's, in one transaction.

`refs/remotes/<peer>/` follows the peer's branches, deletions too; `refs/heads/` follows those; tags of the peer's
zones become the peer's. A branch here that the peer never had is left alone. A branch follows even a move that
isn't a fast-forward (a reset at the primary); the caller is told, so that it stands in the log. Zones that are this
repository's own are not taken over (`sync.ownership`), unfit ones stand still (`sync.entering`); both are noted.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.refs import DEFAULT_BRANCH, Ref, RefKind, RefName, head, parse, remote, tag
from zonegit.repo.left_out import set_left_out, zones_left_out
from zonegit.repo.position import HEAD
from zonegit.repo.refused import refused_zones, set_refused
from zonegit.repo.writing import mirror_setting
from zonegit.store.port import Reader, RefUpdate, Writer
from zonegit.sync.expire import lower_expire
from zonegit.sync.ownership import PULLED, Permitted, contains, is_mirrored, permitted
from zonegit.sync.peers import remember, succeeded
from zonegit.sync.wire import PeerRefs


@dataclass(frozen=True, slots=True)
class Moved:
    """What a pull did to the refs here."""

    branches: tuple[RefName, ...] = ()
    """Heads that moved, appeared or vanished."""
    rewound: tuple[RefName, ...] = ()
    """Those of them whose move was no fast-forward."""
    refs: int = 0
    """How many refs moved in all: tags, and those that track the peer's, too."""


def follow(
    writer: Writer, peer: str, refs: PeerRefs, who: Stamp, left_out: Mapping[str, str] = MappingProxyType({})
) -> Moved:
    """Move the refs and remember the peer's state, and that it was reached at `who.time`.

    The branches and tags of zones that are `left_out` stand still; by their names, the reasons.
    """
    allowed = _plan(writer, peer, refs, left_out)
    heads = [update for update in allowed.updates if parse(update.name).kind is RefKind.HEAD]
    moved = Moved(
        tuple(update.name for update in heads),
        tuple(update.name for update in heads if not contains(writer, update.new, update.old)),
        len(allowed.updates),
    )
    if allowed.updates:
        writer.move_refs(allowed.updates, who, f"{PULLED}{peer}")
    _mark(writer, peer, allowed)
    set_refused(writer, peer, allowed.refused)
    set_left_out(writer, peer, left_out)
    _point_head(writer)
    lower_expire(writer, peer, moved.branches)
    remember(writer, peer, refs)
    succeeded(writer, peer, who.time)
    return moved


def _plan(reader: Reader, peer: str, refs: PeerRefs, left_out: Collection[str]) -> Permitted:
    wanted = _wanted(peer, refs)
    updates = [RefUpdate(name, reader.ref(name), oid) for name, oid in wanted.items() if reader.ref(name) != oid]
    updates += [RefUpdate(name, reader.ref(name), None) for name in _vanished(reader, peer, refs, wanted)]
    allowed = permitted(reader, peer, updates)
    if not left_out:
        return allowed
    moves = tuple(
        update
        for update in allowed.updates
        if (ref := parse(update.name)).kind is RefKind.REMOTE or ref.zone not in left_out
    )
    return replace(allowed, updates=moves)


def _mark(writer: Writer, peer: str, allowed: Permitted) -> None:
    """Note for each zone whose branches or tags moved where it is mirrored from, so that nobody commits to it here.

    A zone that the peer has exactly as it is here doesn't change hands: the peer may be the one that mirrors it.
    """
    refs = [parse(update.name) for update in allowed.updates]
    moved = {ref.zone for ref in refs if ref.kind is not RefKind.REMOTE}
    for zone in {ref.zone for ref in refs} - allowed.refused:
        if not _is_tracked(writer, peer, zone):
            if is_mirrored(writer, peer, zone):
                writer.set_setting(mirror_setting(zone), None)
        elif zone in moved:
            writer.set_setting(mirror_setting(zone), peer.encode())


def _is_tracked(reader: Reader, peer: str, zone: str) -> bool:
    return any(parse(name).zone == zone for name, _ in reader.refs(f"refs/remotes/{peer}/{zone}/"))


def is_followed(reader: Reader, peer: str, refs: PeerRefs) -> bool:
    """Whether the refs here are the peer's already, but for those of zones that are known to stand still."""
    allowed = _plan(reader, peer, refs, zones_left_out(reader).get(peer, {}))
    return not allowed.updates and allowed.refused == refused_zones(reader).get(peer, frozenset())


def _point_head(writer: Writer) -> None:
    """Let HEAD name a branch, so that a mirror can be read like any repository. A HEAD never moves by itself."""
    if writer.setting(HEAD) is not None:
        return
    heads = [name for name, _ in writer.refs("refs/heads/")]
    default = (name for name in heads if parse(name).name == DEFAULT_BRANCH)
    first = next(default, heads[0] if heads else None)
    if first is not None:
        writer.set_setting(HEAD, first.encode())


def _wanted(peer: str, refs: PeerRefs) -> dict[RefName, ObjectId]:
    wanted = {remote(peer, tip.zone, tip.name): tip.oid for tip in refs.branches}
    wanted |= {head(tip.zone, tip.name): tip.oid for tip in refs.branches}
    wanted |= {tag(tip.zone, tip.name): tip.oid for tip in refs.tags}
    return wanted


def _vanished(reader: Reader, peer: str, refs: PeerRefs, wanted: dict[RefName, ObjectId]) -> list[RefName]:
    """Refs here that came from the peer and are not there any more."""
    came = _all_that_came(reader, peer, refs) if refs.gone is None else _named_gone(reader, peer, refs, refs.gone)
    return [name for name in dict.fromkeys(came) if name not in wanted and reader.ref(name) is not None]


def _all_that_came(reader: Reader, peer: str, refs: PeerRefs) -> Iterator[RefName]:
    """What a complete list is held against."""
    tracked = [parse(name) for name, _ in reader.refs(f"refs/remotes/{peer}/")]
    for ref in tracked:
        yield ref.full
        yield Ref(RefKind.HEAD, ref.zone, ref.name).full
    for zone in sorted({ref.zone for ref in tracked} | set(refs.zones)):
        yield from _tags(reader, zone)


def _named_gone(reader: Reader, peer: str, refs: PeerRefs, gone: tuple[RefName, ...]) -> Iterator[RefName]:
    """What a list of differences names, and the tags of zones that are new here, which nobody compared yet."""
    for name in gone:
        ref = parse(name)
        if ref.kind is RefKind.HEAD:
            yield remote(peer, ref.zone, ref.name)
        yield name
    for zone in refs.zones:
        if not _is_tracked(reader, peer, zone):
            yield from _tags(reader, zone)


def _tags(reader: Reader, zone: str) -> Iterator[RefName]:
    return (name for name, _ in reader.refs(f"refs/tags/{zone}/") if parse(name).zone == zone)
