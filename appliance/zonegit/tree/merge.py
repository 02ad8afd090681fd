"""Merges trees over one base: takes what only some sides changed, and returns the keys that conflict.

This is the merge of a user's commands (`repo.merging`). The canonical merge, which replication makes and in which
rules decide each conflict, is in `tree.merge_heads` and `tree.merge_cells`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

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


class Conflict(NamedTuple):
    """The stored RRsets of one key that contradict each other, or other records at its owner. None: no RRset."""

    base: bytes | None
    sides: tuple[bytes | None, ...]
    """In the order in which the sides were given."""


class Merged(NamedTuple):
    """The edits that turn the base into the merge; keys that conflict are not among them."""

    changes: dict[RRKey, bytes | None]
    conflicts: dict[RRKey, Conflict]
    touched: Mapping[RRKey, Conflict]
    """The values of each key that any side changed, whether it conflicts or not."""


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
    """Keys in `changes` that conflict because an owner would get a CNAME beside other data (RFC 1034 §3.6.2).

    A CNAME that itself conflicts counts, since it may be chosen. Deletions at the owner conflict, too, because
    choosing the other side means to choose all of its records.
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
