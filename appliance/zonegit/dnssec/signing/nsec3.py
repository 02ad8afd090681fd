"""The chain of NSEC3 records (RFC 5155 §7.1), made from a whole zone or mended after a change.

Empty non-terminals have records, too. With opt-out, insecure delegations have none, and neither have empty
non-terminals with nothing else below.
"""

from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from itertools import pairwise
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
from zonegit.dnssec.signing.nsec3_hash import OWNER_SIZE, PARAMETERS, Digest, Nsec3, digest_key, hashed
from zonegit.dnssec.signing.nsec3_ring import Broken, Ring
from zonegit.dnssec.signing.standing import Standing, StandingOwner, occluder, standing_owners
from zonegit.errors import DnssecError
from zonegit.model.names import (
    APEX,
    APEX_KEY,
    MAX_NAME,
    OwnerKey,
    WireName,
    absolute,
    key_owner,
    keys_above,
    to_text,
)
from zonegit.model.rdata import DS, NSEC, NSEC3PARAM, RRSIG
from zonegit.model.rrset import RRKey, rr_key
from zonegit.tree.walk import under
from zonegit.tree.zone_tree import Tree

_PARAMETERS_KEY: Final = rr_key(APEX_KEY, NSEC3PARAM)
_PARAMETERS: Final = stored_record(APEX, NSEC3PARAM, 0, PARAMETERS)
"""With TTL 0, as BIND has it: only name servers use it (RFC 5155 §4)."""


class Nsec3Chain(NamedTuple):
    """The NSEC3 chain of the zone at an apex."""

    apex: WireName
    opt_out: bool

    def whole(self, zone: Tree) -> Iterator[tuple[RRKey, bytes]]:
        """All its records and the NSEC3PARAM, in canonical order. `zone` is complete but for signatures and them.

        `DnssecError` if two names have the same hash, or the apex is too long for hashed owners below it.
        """
        self._check_apex()
        ttl = denial_ttl(zone)
        yield _PARAMETERS_KEY, _PARAMETERS
        names = sorted((hashed(key, self.apex), key, types) for key, types in self._names(zone))
        for (digest, key, types), (following, other, _) in pairwise([*names, names[0]]):
            if digest == following and key != other:
                raise self._clash(other)
            yield Nsec3(self.opt_out, following, types).entry(digest, ttl)

    def mend(self, signed: Tree, zone: Tree, touched: Sequence[OwnerKey]) -> dict[RRKey, bytes | None]:
        """What changes (None: goes away) in the chain of the version `signed`, to make it that of `zone`.

        `touched` has every owner whose types or standing differ. The cost is theirs, unless they are a good part of
        the zone, the TTL of the whole chain differs, or it was another one.
        """
        ttl = denial_ttl(zone)
        ring = Ring(signed, hashed(APEX_KEY, self.apex))
        if self._continues(ring, ttl) and not is_large(zone, touched):
            with suppress(Broken):
                digests = self._digests(ring, self._affected(ring, zone, touched))
                return changed(signed, self._mended(ring, digests, ttl))
        return replaced(signed, self.whole(zone))

    def _mended(self, ring: Ring, digests: dict[Digest, bytes | None], ttl: int) -> dict[RRKey, bytes | None]:
        """The records of digests that have these bitmaps now (None: are not in the ring), and around them."""
        present = {digest for digest, types in digests.items() if types is not None}
        there = set(filter(ring.has, digests))
        leaving = there - present
        links = _links(ring, present - there, leaving)
        wanted: dict[RRKey, bytes | None] = {digest_key(digest): None for digest in leaving}
        for digest in present | links.keys():
            types = digests.get(digest)
            record = Nsec3(
                self.opt_out,
                links.get(digest) or ring.record(digest).following,
                ring.record(digest).bitmap if types is None else types,
            )
            key, payload = record.entry(digest, ttl)
            wanted[key] = payload
        return wanted

    def _affected(self, ring: Ring, zone: Tree, touched: Sequence[OwnerKey]) -> dict[OwnerKey, bytes | None]:
        """These owners, and empty non-terminals that come or go with them, with their bitmaps (None: left out)."""
        found: dict[OwnerKey, bytes | None] = {}
        for owner in touched:
            has_below = False
            for key in (owner, *keys_above(owner)):
                if key in found:
                    break
                types = found[key] = self._bitmap_at(zone, key, has_below)
                if (types is not None) == ring.has(hashed(key, self.apex)):
                    break  # so the names above it stay as they are, too
                has_below = types is not None
        return found

    def _digests(self, ring: Ring, names: dict[OwnerKey, bytes | None]) -> dict[Digest, bytes | None]:
        """The bitmaps of these names by digest; None if no name has it now."""
        owners: dict[Digest, OwnerKey] = {}
        found: dict[Digest, bytes | None] = {}
        for key, types in names.items():
            digest = hashed(key, self.apex)
            if types is None:
                found.setdefault(digest, None)
                continue
            is_other = ring.has(digest) and next(under(*ring.signed, RRKey(key)), None) is None
            if is_other or owners.setdefault(digest, key) != key:
                raise self._clash(key)
            found[digest] = types
        return found

    def _names(self, zone: Tree) -> Iterator[tuple[OwnerKey, bytes]]:
        """All names in the chain, with their bitmaps. Empty non-terminals come before the first name below them."""
        last = APEX_KEY
        for name in denied_names(zone):
            types = self._bitmap(name)
            if types is None:
                continue
            for above in keys_above(name.key):
                if last.startswith(above):
                    break
                yield above, b""
            yield name.key, types
            last = name.key

    def _bitmap_at(self, zone: Tree, owner: OwnerKey, has_below: bool) -> bytes | None:
        """The bitmap of an owner or empty non-terminal; None if it isn't in the chain.

        `has_below`: whether a name below it is known to be in the chain. If not, one is searched.
        """
        name = denied_name(zone, owner)
        if name is not None:
            return self._bitmap(name)
        if occluder(zone, owner) is None and (has_below or self._is_above(zone, owner)):
            return b""
        return None

    def _is_above(self, zone: Tree, owner: OwnerKey) -> bool:
        """Whether any name below an owner without records is in the chain."""
        below = standing_owners(under(zone.nodes, zone.root, RRKey(owner)))
        return any(self._bitmap(name) is not None for name in below if name.standing is not Standing.OCCLUDED)

    def _bitmap(self, name: StandingOwner) -> bytes | None:
        """The bitmap of a name that the zone answers for; None if opt-out leaves it out."""
        types = answered_types(name.standing, name.types)
        if name.standing is Standing.CUT and DS not in types:
            return None if self.opt_out else bitmap(types)
        return bitmap((*types, RRSIG) if name.key else (*types, RRSIG, NSEC3PARAM))

    def _continues(self, ring: Ring, ttl: int) -> bool:
        """Whether a signed zone has such a chain and no other, with this TTL."""
        at_apex = ring.signed.at(APEX_KEY)
        first = ring.signed.payload(digest_key(ring.start))
        return (
            NSEC not in at_apex
            and at_apex.get(NSEC3PARAM) == _PARAMETERS
            and first is not None
            and (record_ttl(first), Nsec3.read(first).opt_out) == (ttl, self.opt_out)
        )

    def _check_apex(self) -> None:
        if len(self.apex) > MAX_NAME - OWNER_SIZE:
            raise DnssecError(
                f"{to_text(self.apex)} is too long for NSEC3: hashed owners below it would exceed {MAX_NAME} bytes "
                '(RFC 5155 §10.1); use denial = "nsec"'
            )

    def _clash(self, key: OwnerKey) -> DnssecError:
        name = to_text(absolute(key_owner(key), self.apex))
        return DnssecError(f'{name} has the NSEC3 hash of another name: rename it, or use denial = "nsec"')


def _links(ring: Ring, entering: Set[Digest], leaving: Set[Digest]) -> dict[Digest, Digest]:
    """What follows each digest after which something changes, when these enter and leave a ring."""
    heads = {ring.before(digest) for digest in entering | leaving} - leaving
    tails = {_staying_after(ring, digest, leaving) for digest in heads}
    order = sorted(heads | tails | entering)
    links = zip(order, [*order[1:], *order[:1]], strict=True)
    return {digest: following for digest, following in links if digest in heads or digest in entering}


def _staying_after(ring: Ring, digest: Digest, leaving: Set[Digest]) -> Digest:
    """The first digest after one of the ring that doesn't leave."""
    following = ring.record(digest).following
    while following in leaving:
        following = ring.record(following).following
    return following
