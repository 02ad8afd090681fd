"""Merges trees that grew from one base: what only some of them changed is taken, contradictions are told by key."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
    touched: Mapping[RRKey, Conflict] = field(default_factory=dict, compare=False)
    """All that any side changed, whether it conflicts or not."""


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
    return Merged(changes, dict(sorted(conflicts.items())), touched)


def _aliases_beside_other_data(
    nodes: Nodes, base: ObjectId, touched: Mapping[RRKey, Conflict], changes: Mapping[RRKey, bytes | None]
) -> Iterable[RRKey]:
    """Keys in `changes` that conflict, as an owner would get a CNAME beside other data (RFC 1034 §3.6.2).

    A CNAME that conflicts counts as one that may stand there. What a side deleted there conflicts, too: whoever
    chooses the other side's records means all of them.
    """
    aliases = [key for key in touched if key[-2:] == _CNAME and (key not in changes or changes[key])]
    owners = {OwnerKey(key[:-3]) for key in aliases}
    mine: dict[OwnerKey, list[RRKey]] = {}
    for key in touched if owners else ():
        if key[:-3] in owners:
            mine.setdefault(OwnerKey(key[:-3]), []).append(key)
    for owner, keys in mine.items():
        after = dict(walk.under(nodes, base, RRKey(owner + b"\0")))
        after |= {key: value for key in keys if key in changes and (value := changes[key])}
        gone = [key for key in keys if key in changes and changes[key] is None]
        if any(key not in gone and key[-2:] not in _BESIDE for key in after):
            alias = rr_key(owner, CNAME)
            yield from (key for key in keys if key in changes and (key == alias or key[-2:] not in _BESIDE))
