"""The chain of NSEC records (RFC 4034 §4, RFC 4035 §2.3), made from a whole zone or mended after a change."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from zonegit.dnssec.signing.bitmap import answered_types, bitmap
from zonegit.dnssec.signing.denial import (
    changed,
    denial_ttl,
    denied_name,
    denied_names,
    is_large,
    record_ttl,
    replaced,
    stored_record,
)
from zonegit.dnssec.signing.standing import Standing, StandingOwner, occluder
from zonegit.model.names import APEX, APEX_KEY, Owner, OwnerKey, WireName, key_owner
from zonegit.model.rdata import DNAME, NSEC, NSEC3PARAM, RRSIG
from zonegit.model.rrset import RRKey, rr_key
from zonegit.tree.walk import entries, last_before
from zonegit.tree.zone_tree import Tree

_OWN: Final = (RRSIG, NSEC)
"""Types that a name has because it is in the chain."""


class NsecChain(NamedTuple):
    """The NSEC chain of the zone at an apex."""

    apex: WireName

    def whole(self, zone: Tree) -> Iterator[tuple[RRKey, bytes]]:
        """All its records, in canonical order. `zone` is complete but for signatures and the chain."""
        ttl = denial_ttl(zone)
        for name, following in _links(denied_names(zone)):
            yield rr_key(name.key, NSEC), self._record(name, following, ttl)

    def mend(self, signed: Tree, zone: Tree, touched: Sequence[OwnerKey]) -> dict[RRKey, bytes | None]:
        """What changes (None: goes away) in the chain of the version `signed`, to make it that of `zone`.

        `touched` has every owner whose types or standing differ. The cost is theirs, unless they are a good part of
        the zone, the TTL of the whole chain differs, or it wasn't NSEC.
        """
        ttl = denial_ttl(zone)
        if not _continues(signed, ttl) or is_large(zone, touched):
            return replaced(signed, self.whole(zone))
        names = {owner: denied_name(zone, owner) for owner in touched}
        for owner in [owner for owner, name in names.items() if (name is None) == _is_in(signed, owner)]:
            before = _before(zone, owner)
            names.setdefault(before, denied_name(zone, before))
        wanted = {
            rr_key(owner, NSEC): name and self._record(name, _following(zone, name), ttl)
            for owner, name in names.items()
        }
        return changed(signed, wanted)

    def _record(self, name: StandingOwner, following: Owner, ttl: int) -> bytes:
        types = bitmap((*answered_types(name.standing, name.types), *_OWN))
        return stored_record(key_owner(name.key), NSEC, ttl, following + self.apex + types)


def _links(names: Iterator[StandingOwner]) -> Iterator[tuple[StandingOwner, Owner]]:
    """Each name with the owner of the next one. The last leads back to the apex."""
    name = next(names)
    for following in names:
        yield name, key_owner(following.key)
        name = following
    yield name, APEX


def _following(zone: Tree, name: StandingOwner) -> Owner:
    """The owner of the next name. What a name occludes is below it, in one run."""
    start = name.key + b"\1"
    if name.standing is Standing.CUT or DNAME in name.types:
        if not name.key:
            return APEX
        start = name.key[:-1] + b"\1"
    found = next(entries(zone.nodes, zone.root, RRKey(start)), None)
    return key_owner(OwnerKey(found[0][:-3])) if found else APEX


def _before(zone: Tree, owner: OwnerKey) -> OwnerKey:
    """The last name before an owner. If the last owner before it is occluded, that is what occludes it."""
    key = last_before(zone.nodes, zone.root, RRKey(owner + b"\0"))
    before = OwnerKey(key[:-3]) if key else APEX_KEY
    top = occluder(zone, before)
    return before if top is None else top


def _is_in(signed: Tree, owner: OwnerKey) -> bool:
    return signed.payload(rr_key(owner, NSEC)) is not None


def _continues(signed: Tree, ttl: int) -> bool:
    """Whether a signed zone has an NSEC chain and no other, with this TTL."""
    at_apex = signed.at(APEX_KEY)
    return NSEC in at_apex and NSEC3PARAM not in at_apex and record_ttl(at_apex[NSEC]) == ttl
