"""The zones of a peer that can't be followed: those with names too long for the store, with unfit versions, and new
ones that would take over names of a zone with a policy.

Each is reported with its reason (`repo.peer_status`); all other zones are followed.
"""

from collections.abc import Iterable
from typing import Final

from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId, short
from zonegit.model.refs import MAX_REF, RefKind, head
from zonegit.repo.admission import unfit
from zonegit.repo.mirrors import has_own_policy
from zonegit.repo.new_zones import taking_over
from zonegit.repo.peer_status import LEFT_OUT
from zonegit.repo.tombstones import is_tombstone
from zonegit.store.insert import SEQ_STEP
from zonegit.store.port import Reader
from zonegit.sync.ref_lists import ref_name
from zonegit.sync.tips import Tip
from zonegit.sync.wire import PeerRefs

_FAR: Final = SEQ_STEP // 2
"""How far a published version's number may be ahead of its branch's."""


def nameable(peer: str, refs: PeerRefs) -> tuple[PeerRefs, dict[str, str]]:
    """The refs without those of zones whose names are too long here, and the reasons for leaving them out."""
    room = {RefKind.HEAD: MAX_REF - len(f"refs/{RefKind.REMOTE}/{peer}/"), RefKind.TAG: MAX_REF - len("refs/tags/")}
    long = {tip.zone: len(tip.label) for tip in refs.branches if len(tip.label) > room[RefKind.HEAD]}
    long |= {tip.zone: len(tip.label) for tip in refs.tags if len(tip.label) > room[RefKind.TAG]}
    if not long:
        return refs, {}
    kept = refs._replace(lists=refs.lists.of_zones(lambda zone: zone not in long))
    most = room[RefKind.HEAD]
    return kept, {zone: f"zone and branch have {size} characters; {most} fit here" for zone, size in long.items()}


def unfit_zones(reader: Reader, peer: str, refs: PeerRefs) -> dict[str, str]:
    """Zones that may not begin, or whose refs would bring an unfit commit into their history, with the reasons."""
    noted = LEFT_OUT.read(reader).get(peer, {})
    moving: dict[str, list[ObjectId]] = {}
    for _, tip in _moving(reader, refs):
        moving.setdefault(tip.zone, []).append(tip.oid)
    found = {zone: unfit(reader, zone, tips, noted.get(zone, "")) for zone, tips in moving.items()}
    beginning = {tip.zone for tip in refs.branches if tip.zone in moving and not is_tombstone(reader, tip.oid)}
    refused = {zone: str(reason) for zone, reason in found.items() if reason}
    return taking_over(reader, beginning) | refused | _far_ahead(reader, refs)


def _far_ahead(reader: Reader, refs: PeerRefs) -> dict[str, str]:
    """Zones with a published version whose number is too far above its branch's.

    The store can't bound that, since a version has no parents. But a number must stay possible that is higher, for
    the next version and for a commit of the branch (`store.insert.SEQ_STEP`).
    """
    branches = {(tip.zone, tip.name): tip.oid for tip in refs.branches}
    found = {}
    for kind, tip in _moving(reader, refs):
        if kind is RefKind.PUBLISHED and not has_own_policy(reader, tip.zone):
            branch = branches.get((tip.zone, tip.name)) or reader.ref(head(tip.zone, tip.name))
            seq, base = _seq(reader, tip.oid), _seq(reader, branch) if branch else 0
            if seq > base + _FAR:
                found[tip.zone] = f"its published version {short(tip.oid)} is numbered {seq}, far ahead of {base}"
    return found


def _seq(reader: Reader, commit: ObjectId) -> int:
    return Commit.decode(reader.get(commit)).seq


def _moving(reader: Reader, refs: PeerRefs) -> Iterable[tuple[RefKind, Tip]]:
    followed = ((kind, tip) for kind, tip in refs.lists.tips if not kind.is_review)
    return ((kind, tip) for kind, tip in followed if reader.ref(ref_name(kind, tip)) != tip.oid)
