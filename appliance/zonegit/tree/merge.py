"""Merges trees that grew from one base: what only some of them changed is taken, contradictions are told by key."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from zonegit.model.ids import ObjectId
from zonegit.model.names import OwnerKey
from zonegit.model.rdata import BESIDE_CNAME, CNAME
from zonegit.model.rrset import RRKey, rr_key
from zonegit.tree import walk
from zonegit.tree.diff import diff
from zonegit.tree.merge_rrset import merge_rrset
from zonegit.tree.source import Nodes

_CNAME: Final = CNAME.to_bytes(2, "big")
_BESIDE: Final = frozenset(rtype.to_bytes(2, "big") for rtype in (CNAME, *BESIDE_CNAME))


@dataclass(frozen=True, slots=True)
class Conflict:
    """Stored RRsets of one key that contradict each other, or what stands at its owner on the other side."""

    base: bytes | None
    sides: tuple[bytes | None, ...]
    """In the order of the sides."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The edits that turn the base into the merge; keys that conflict are not among them."""

    changes: dict[RRKey, bytes | None]
    conflicts: dict[RRKey, Conflict]


def merge(nodes: Nodes, base: ObjectId, sides: Sequence[ObjectId]) -> Merged:
    """Merge trees over their `base`. The order of the sides doesn't change `changes`, nor which keys conflict."""
    touched: dict[RRKey, Conflict] = {}
    for number, side in enumerate(sides):
        for key, old, new in diff(nodes, base, side):
            known = touched.get(key) or Conflict(old, (old,) * len(sides))
            touched[key] = Conflict(old, (*known.sides[:number], new, *known.sides[number + 1 :]))
    changes: dict[RRKey, bytes | None] = {}
    conflicts: dict[RRKey, Conflict] = {}
    for key, values in sorted(touched.items()):
        merged = merge_rrset(values.base, values.sides)
        if merged is None:
            conflicts[key] = values
        else:
            changes[key] = merged.value
    for key in _aliases_beside_other_data(nodes, base, touched, changes):
        conflicts[key] = touched[key]
        del changes[key]
    return Merged(changes, dict(sorted(conflicts.items())))


def _aliases_beside_other_data(
    nodes: Nodes, base: ObjectId, touched: Mapping[RRKey, Conflict], changes: Mapping[RRKey, bytes | None]
) -> Iterable[RRKey]:
    """Keys by which an owner would get a CNAME of one side and other data of another (RFC 1034 §3.6.2)."""
    owners = [OwnerKey(key[:-3]) for key, new in changes.items() if new and key[-2:] == _CNAME]
    found: list[RRKey] = []
    for owner in owners:
        before = dict(walk.under(nodes, base, RRKey(owner + b"\0")))
        mine = [key for key in touched if key.startswith(owner + b"\0")]
        after = before | {key: changes.get(key) for key in mine if key in changes}
        others = [key for key, rrset in after.items() if rrset and key[-2:] not in _BESIDE]
        if others:
            found += [rr_key(owner, CNAME), *(key for key in others if key in changes)]
    return found
