"""Which of a peer's zones stand still here: those with names that the store can't hold, and unfit versions.

Each is told by its name with the reason (`repo.left_out`), and all others go on.
"""

from collections.abc import Iterable
from dataclasses import replace

from zonegit.model.ids import ObjectId
from zonegit.model.refs import MAX_REF, RefKind, head, tag
from zonegit.repo.entering import unfit
from zonegit.repo.left_out import zones_left_out
from zonegit.store.port import Reader
from zonegit.sync.tips import Tip, Tips
from zonegit.sync.wire import PeerRefs


def nameable(peer: str, refs: PeerRefs) -> tuple[PeerRefs, dict[str, str]]:
    """The refs without those of zones that this peer's refs can't be named of here, and the reasons for those."""
    room = {RefKind.HEAD: MAX_REF - len(f"refs/{RefKind.REMOTE}/{peer}/"), RefKind.TAG: MAX_REF - len("refs/tags/")}
    long = {tip.zone: len(tip.label) for tip in refs.branches if len(tip.label) > room[RefKind.HEAD]}
    long |= {tip.zone: len(tip.label) for tip in refs.tags if len(tip.label) > room[RefKind.TAG]}
    if not long:
        return refs, {}
    kept = replace(
        refs,
        branches=Tips(tip for tip in refs.branches if tip.zone not in long),
        tags=Tips(tip for tip in refs.tags if tip.zone not in long),
    )
    most = room[RefKind.HEAD]
    return kept, {zone: f"zone and branch have {size} characters; {most} fit here" for zone, size in long.items()}


def unfit_zones(reader: Reader, peer: str, refs: PeerRefs) -> dict[str, str]:
    """Zones whose branches and tags would come to name a commit that mustn't be in their history."""
    noted = zones_left_out(reader).get(peer, {})
    moving: dict[str, list[ObjectId]] = {}
    for tip in _moving(reader, refs):
        moving.setdefault(tip.zone, []).append(tip.oid)
    found = {zone: unfit(reader, zone, tips, noted.get(zone, "")) for zone, tips in moving.items()}
    return {zone: str(told) for zone, told in found.items() if told is not None}


def _moving(reader: Reader, refs: PeerRefs) -> Iterable[Tip]:
    yield from (tip for tip in refs.branches if reader.ref(head(tip.zone, tip.name)) != tip.oid)
    yield from (tip for tip in refs.tags if reader.ref(tag(tip.zone, tip.name)) != tip.oid)
