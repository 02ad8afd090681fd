"""Sign a zone: from scratch, or as far as it differs from the signed version before it.

Both give the same tree if keys and times are the same. Otherwise they differ in the signatures of what didn't
change: a version that continues another one keeps these.
"""

from collections.abc import Collection, Iterable, Iterator
from heapq import merge

from zonegit.dnssec.signing.chain import chain_for
from zonegit.dnssec.signing.changes import Versions, changes
from zonegit.dnssec.signing.complete import Entry, complete, own_entries
from zonegit.dnssec.signing.digest import with_digest
from zonegit.dnssec.signing.plan import SigningPlan
from zonegit.dnssec.signing.rrsig import ToSign, chunks, rrsig_rrsets
from zonegit.dnssec.signing.standing import StandingOwner, signed_types, standing_owners
from zonegit.dnssec.signing.update import Update
from zonegit.model.names import OwnerKey
from zonegit.model.rdata import RRSIG
from zonegit.model.rrset import RRKey, rr_key
from zonegit.model.zone import Shape
from zonegit.tree.build import Built, build
from zonegit.tree.edit import edit
from zonegit.tree.walk import entries
from zonegit.tree.zone_tree import Tree


def sign_zone(unsigned: Tree, shape: Shape, plan: SigningPlan) -> Built:
    """The signed tree of a zone, from scratch. `DnssecError` if the zone has signatures of its own."""
    zone = complete(unsigned, shape, plan)
    own = own_entries(entries(zone.nodes, zone.root), plan)
    built = build(shape, _signed(merge(own, chain_for(plan).whole(zone)), plan))
    return with_digest(zone.nodes, built, shape, plan) if plan.zonemd else built


def sign_again(
    signed: Tree,
    shown: Tree,
    unsigned: Tree,
    shape: Shape,
    plan: SigningPlan,
    renew: Collection[OwnerKey] = (),
    withdrawn: Collection[RRKey] = (),
) -> Built:
    """The signed tree of the zone `unsigned`, from the version `signed`, which shows the unsigned zone `shown`.

    Unchanged RRsets keep their signatures, except the SOA, and what is at the owners `renew`. `withdrawn`: keys of
    RRsets that were among that version's additions and aren't any more. The cost is that of the change. All trees
    are of one source, and of this shape. `DnssecError` if the zone has got signatures of its own.
    """
    zone = complete(unsigned, shape, plan)
    found = changes(Versions(signed, shown, unsigned, zone), plan, withdrawn)
    rrsets = {**found.rrsets, **chain_for(plan).mend(signed, zone, found.touched)}
    update = Update(signed, zone, plan, rrsets, frozenset(renew))
    rrsigs = [
        (rr_key(owner.owner, RRSIG), made)
        for part in chunks(update.owners(found.touched), _weight)
        for owner, made in zip(part, rrsig_rrsets(part, plan), strict=True)
    ]
    built = edit(signed.nodes, signed.root, shape, [*rrsets.items(), *rrsigs])
    return with_digest(signed.nodes, built, shape, plan) if plan.zonemd else built


def _signed(found: Iterable[Entry], plan: SigningPlan) -> Iterator[Entry]:
    """The entries of a zone with its chain, and the signatures of each owner."""
    for owners in chunks(standing_owners(found), lambda owner: len(owner.types)):
        to_sign = [ToSign(owner.key, _rrsets(owner)) for owner in owners]
        for owner, rrsigs in zip(owners, rrsig_rrsets(to_sign, plan), strict=True):
            types = {**owner.types, RRSIG: rrsigs} if rrsigs else owner.types
            yield from [(rr_key(owner.key, rtype), types[rtype]) for rtype in sorted(types)]


def _rrsets(owner: StandingOwner) -> list[bytes]:
    """What is signed at an owner."""
    return [owner.types[rtype] for rtype in signed_types(owner.standing, owner.types)]


def _weight(owner: ToSign) -> int:
    return len(owner.rrsets)
