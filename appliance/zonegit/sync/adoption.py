"""Replace a zone here by a peer's (adoption), and undo that (restoration).

    plan = adoption(reader, peer, zone)         # or restoration; then, in the same transaction,
    carry_out(writer, plan, who)

An adoption makes a zone that a pull refuses (`sync.ownership`) a mirror of the peer's. Tips that would be lost
get a name first: a branch `before-adopt-<branch or tag>`. A restoration puts those branches back and makes the
zone this repository's own again.
"""

from typing import Final, NamedTuple

from zonegit.errors import NotFound, Refused, UsageError
from zonegit.model.commit import Stamp, Tag
from zonegit.model.ids import Kind, ObjectId, kind_of
from zonegit.model.refs import Ref, RefKind, RefName, head, parse, tag
from zonegit.repo.admission import check_entering
from zonegit.repo.mirrors import mirror_setting
from zonegit.repo.peer_status import REFUSED
from zonegit.store.port import Reader, RefUpdate, Writer
from zonegit.sync.expire import lower_expire
from zonegit.sync.ownership import contains, is_mirrored

PREFIX: Final = "before-adopt-"
_LABEL: Final = 64
"""Characters of a branch's name, at most."""


class Plan(NamedTuple):
    """The moves of a zone's refs."""

    peer: str
    zone: str
    moved: tuple[RefUpdate, ...]
    """Branches that follow the peer's, or that are put back."""
    names: tuple[RefUpdate, ...]
    """Branches `before-adopt-…` that are made, or deleted."""
    kept: tuple[tuple[RefName, str], ...] = ()
    """Refs whose tip would be lost, and the branches that are to name them."""
    mirrored: bool = True
    """Whether the zone is a mirror of the peer's afterwards; else it is this repository's own."""


def peer_with(reader: Reader, zone: str, peer: str | None = None) -> str:
    """The peer that has a zone: the one that is named, else the only one. `NotFound`, `UsageError`."""
    refs = (parse(name) for name, _ in reader.live_refs(f"refs/{RefKind.REMOTE}/"))
    peers = {ref.peer for ref in refs if ref.zone == zone}
    if peer is not None and peer in peers:
        return peer
    if not peers or peer is not None:
        what = f"{peer} isn't known to have" if peer is not None else "no peer is known to have"
        raise NotFound(f"{what} {zone}: `zonegit fetch` looks, and so does a zonegitd with this [primary]")
    if len(peers) > 1:
        raise UsageError(f"which peer's {zone}? There are {', '.join(sorted(peers))}: name one")
    return peers.pop()


def adoption(reader: Reader, peer: str, zone: str) -> Plan:
    """Make a zone a mirror of the peer's as it was last seen.

    `Refused` where there is nothing to give up, `InvalidZone` where the peer's zone is unfit.
    Tags become the peer's with its next pull; until then they are as they were.
    """
    mirrored = is_mirrored(reader, peer, zone)
    if mirrored and zone not in REFUSED.read(reader).get(peer, frozenset()):
        raise Refused(f"{zone} is mirrored from {peer} already: there is nothing to adopt")
    names = _Names(reader, zone)
    moves = []
    theirs = _of_zone(reader, f"{RefKind.REMOTE}/{peer}", zone)
    for name, tip in theirs:
        local = head(zone, name)
        old = reader.ref(local)
        if old == tip:
            continue
        if not contains(reader, tip, old):
            names.keep(local, name, old)
        moves.append(RefUpdate(local, old, tip))
    for name, oid in [] if mirrored else _of_zone(reader, RefKind.TAG, zone):
        names.keep(tag(zone, name), name, _commit(reader, oid))
    check_entering(reader, zone, [tip for _, tip in theirs])
    return Plan(peer, zone, tuple(moves), tuple(names.updates), tuple(names.kept))


def restoration(reader: Reader, peer: str, zone: str) -> Plan:
    """Put back what an adoption kept, and make the zone this repository's own. `NotFound` if nothing was kept."""
    branches = dict(_of_zone(reader, RefKind.HEAD, zone))
    kept = {name: name.removeprefix(PREFIX) for name in branches if name.startswith(PREFIX)}
    back = {name: old for name, old in kept.items() if old in branches}
    if not back:
        raise NotFound(f"{zone} has no branch {PREFIX}… to put back: there is no adoption to undo")
    moves = tuple(RefUpdate(head(zone, old), branches[old], branches[name]) for name, old in back.items())
    drops = tuple(RefUpdate(head(zone, name), branches[name], None) for name in back)
    return Plan(peer, zone, moves, drops, mirrored=False)


def carry_out(writer: Writer, plan: Plan, who: Stamp) -> None:
    """Move the refs, in the transaction in which the plan was made."""
    reason = f"adopt: {plan.peer}" if plan.mirrored else f"adopt: {plan.peer}, undone"
    writer.move_refs([*plan.names, *plan.moved], who, reason)
    writer.set_setting(mirror_setting(plan.zone), plan.peer.encode() if plan.mirrored else None)
    if plan.mirrored:
        lower_expire(
            writer, plan.peer, [head(plan.zone, name) for name, _ in _of_zone(writer, RefKind.HEAD, plan.zone)]
        )
    refused = REFUSED.read(writer).get(plan.peer, frozenset()) - {plan.zone}
    REFUSED.set(writer, plan.peer, refused if plan.mirrored else refused | {plan.zone})


class _Names:
    """New branches of a zone for tips that no other ref may name afterwards."""

    def __init__(self, reader: Reader, zone: str) -> None:
        self._zone = zone
        self._taken = {name for name, _ in _of_zone(reader, RefKind.HEAD, zone)}
        self.updates: list[RefUpdate] = []
        self.kept: list[tuple[RefName, str]] = []

    def keep(self, ref: RefName, label: str, oid: ObjectId | None) -> None:
        number = 1
        name = _shortened(label, "")
        while name in self._taken:
            number += 1
            name = _shortened(label, f"-{number}")
        self._taken.add(name)
        self.updates.append(RefUpdate(head(self._zone, name), None, oid))
        self.kept.append((ref, name))


def _shortened(label: str, ending: str) -> str:
    return (PREFIX + label)[: _LABEL - len(ending)].rstrip(".") + ending


def _commit(reader: Reader, oid: ObjectId) -> ObjectId:
    """The commit that a tag names."""
    data = reader.get(oid)
    return Tag.decode(data).target if kind_of(data) is Kind.TAG else oid


def _of_zone(reader: Reader, kind: str, zone: str) -> list[tuple[str, ObjectId]]:
    """Labels and tips of this very zone's refs (`refs/heads/a/` is also how a zone `a/b` begins)."""
    found: list[tuple[Ref, ObjectId]] = [(parse(name), oid) for name, oid in reader.refs(f"refs/{kind}/{zone}/")]
    return [(ref.name, oid) for ref, oid in found if ref.zone == zone]
