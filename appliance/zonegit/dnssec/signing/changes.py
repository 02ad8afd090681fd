"""What a new complete zone has otherwise than the signed version before it, the chain of denial apart."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple

from zonegit.dnssec.signing.complete import AT_APEX, refuse
from zonegit.dnssec.signing.plan import SigningPlan
from zonegit.model.names import OwnerKey
from zonegit.model.rdata import DNAME, NS
from zonegit.model.rrset import RRKey
from zonegit.tree.diff import diff
from zonegit.tree.zone_tree import Tree

_DNAME: Final = DNAME.to_bytes(2, "big")
_NS: Final = NS.to_bytes(2, "big")


class Changes(NamedTuple):
    """From one signed version to the next."""

    rrsets: dict[RRKey, bytes | None]
    """Stored RRsets that are new or different, and None for those that go away."""
    touched: list[OwnerKey]
    """Every owner whose types or standing may differ, in canonical order."""


class Versions(NamedTuple):
    """What is compared: all trees are of one source."""

    signed: Tree
    """The signed version before."""
    shown: Tree
    """The unsigned zone that it shows."""
    unsigned: Tree
    """The unsigned zone that is to be shown."""
    zone: Tree
    """That zone, complete."""


def changes(versions: Versions, plan: SigningPlan, withdrawn: Collection[RRKey]) -> Changes:
    """The changes. `withdrawn`: keys of former additions.

    `DnssecError` if the zone has got signatures of its own.
    """
    signed, zone = versions.signed, versions.zone
    rrsets: dict[RRKey, bytes | None] = {}
    touched: set[OwnerKey] = set()
    for key in {*_edited(versions, plan), *AT_APEX, *plan.additions, *withdrawn}:
        old, new = signed.payload(key), zone.payload(key)
        if old != new:
            rrsets[key] = new
        if (old is None) != (new is None):
            touched.add(OwnerKey(key[:-3]))
            touched.update(_occluded(key, zone))  # an owner that goes away has keys of its own here
    return Changes(rrsets, sorted(touched))


def _edited(versions: Versions, plan: SigningPlan) -> Iterator[RRKey]:
    """The keys of what the unsigned zones have otherwise."""
    for key, _, new in diff(versions.unsigned.nodes, versions.shown.root, versions.unsigned.root):
        if new is not None:
            refuse(key, plan)
        yield key


def _occluded(key: RRKey, zone: Tree) -> Iterable[OwnerKey]:
    """The owners that an RRset occludes: below a zone cut or a DNAME (RFC 1034 §4.2.1, RFC 6672 §2.3)."""
    owner = OwnerKey(key[:-3])
    if key[-2:] == _DNAME or (owner and key[-2:] == _NS):
        return zone.below(owner)
    return ()
