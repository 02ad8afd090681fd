"""`zonegit pull` of mirrored zones: they follow the peer, as they do when a daemon mirrors them.

All zones that are mirrored from the peer are pulled together, so that the time recorded for the last success holds
for all of them. If every zone of the repository is mirrored from the peer, all zones of the peer are pulled, new
ones too.
"""

from collections.abc import Collection, Iterator

from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, RefName, parse
from zonegit.repo.mirrors import mirrored_from
from zonegit.repo.tombstones import is_tombstone
from zonegit.store.port import Reader
from zonegit.sync.arrival import OFFERED
from zonegit.sync.mirror import Moved
from zonegit.sync.pulling import Taken
from zonegit.sync.selection import Selection
from zonegit.sync.wire import PeerRefs


def is_mirror(reader: Reader, peer: str) -> bool:
    """Whether every zone here is mirrored from this peer."""
    mirrored = frozenset(mirrored_from(reader, peer))
    return bool(mirrored) and all(parse(name).zone in mirrored for name, _ in reader.live_refs("refs/heads/"))


def mirrored_refs(reader: Reader, peer: str, refs: PeerRefs, selection: Selection) -> PeerRefs | None:
    """The peer's refs that are followed here; None if the selection has nothing of the mirrored zones."""
    whole = is_mirror(reader, peer)
    zones = frozenset(refs.zones if whole else ()).union(mirrored_from(reader, peer))
    if not zones:
        return None
    theirs = ((tip.zone, tip.name) for tip in refs.branches)
    ours = ((ref.zone, ref.name) for ref in _heads(reader, zones))
    if not any(zone in zones and selection.takes(zone, name) for refs in (theirs, ours) for zone, name in refs):
        return None
    if whole:
        return refs
    lists = refs.lists.of_zones(zones.__contains__)
    there = {name for name, _ in lists.refs}
    gone = dict.fromkeys(name for name in _came(reader, peer, zones) if name not in there)
    return refs._replace(lists=lists, gone=tuple(gone))


def state(reader: Reader) -> dict[RefName, ObjectId]:
    """The ids that all branches, tags, reviews and proposals of this repository point to."""
    return {name: oid for kind in OFFERED for name, oid in reader.refs(f"refs/{kind}/")}


def followed(reader: Reader, peer: str, before: dict[RefName, ObjectId], moved: Moved) -> list[Taken]:
    """The refs that moved since `before` (from `state`)."""
    after = state(reader)
    found = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new:
            message = f"followed {peer}, where it was reset" if name in moved.rewound and new is not None else ""
            ref = parse(name)
            removed = new is None or (ref.kind is RefKind.HEAD and is_tombstone(reader, new))
            found.append(Taken(ref, old, new, "updated", message, removed=removed))
    return found


def _heads(reader: Reader, zones: Collection[str]) -> Iterator[Ref]:
    return (ref for name, _ in reader.refs("refs/heads/") if (ref := parse(name)).zone in zones)


def _came(reader: Reader, peer: str, zones: Collection[str]) -> Iterator[RefName]:
    """The refs that came from the peer, by their names there: tracked branches, tags, and published versions."""
    for zone in zones:
        for name, _ in reader.refs(f"refs/{RefKind.REMOTE}/{peer}/{zone}/"):
            if (ref := parse(name)).zone == zone:
                yield Ref(RefKind.HEAD, zone, ref.name).full
        for kind in (RefKind.TAG, RefKind.PUBLISHED):
            for name, _ in reader.refs(f"refs/{kind}/{zone}/"):
                if parse(name).zone == zone:
                    yield name
