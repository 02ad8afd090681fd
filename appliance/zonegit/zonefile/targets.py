"""Checks on targets: those of NS, MX and SRV must have an address and be no alias; a CNAME's may lack its final
dot.

RFC 1034 §4.2.1, RFC 2181 §10.3, RFC 2782.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from zonegit.model.names import APEX_KEY, OwnerKey, key_owner, owner_text, to_text
from zonegit.model.rdata import AAAA, CNAME, MX, NS, SRV, A
from zonegit.model.rrset import rdatas
from zonegit.zonefile.hostnames import is_host, is_host_key
from zonegit.zonefile.structure import Found
from zonegit.zonefile.types import type_text
from zonegit.zonefile.zone_lookup import Types, ZoneLookup

ADDRESSES: Final = frozenset({A, AAAA})
_TARGET_AT: Final = {NS: 0, MX: 2, SRV: 6}
_ROOT: Final = b"\0"
_REMEMBERED: Final = 1 << 16


class End(NamedTuple):
    """The target of a record, and what is there."""

    key: OwnerKey | None
    """The target's; None if it is not in this zone."""
    is_host: bool
    occluded: bool
    """Whether it is below a delegation, where another zone answers and addresses here are glue."""
    alias: str | None
    """What makes it an alias, in words."""
    has_address: bool
    """Whether it has one here, or may have one elsewhere."""


class Targets:
    """Looks up the targets of a zone's records. Many records share the same few targets, so results are cached."""

    def __init__(self, lookup: ZoneLookup) -> None:
        self._lookup = lookup
        self._apex_is_host = is_host(lookup.apex)
        self._known: dict[bytes, End] = {}

    def ends(self, rtype: int, types: Types) -> Iterator[tuple[bytes, End]]:
        """Each target of an owner's records of a type, and what is there."""
        payload = types.get(rtype)
        if payload is None:
            return
        at = _TARGET_AT[rtype]
        for rdata in rdatas(payload):
            target = rdata[at:]
            end = self._known.get(target)
            if end is None:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                end = self._known[target] = self._follow(target)
            yield target, end

    def check_servers(self, owner: OwnerKey, servers: Iterable[tuple[bytes, End]]) -> Iterator[Found]:
        """Check the NS records of the apex or of a delegation."""
        for target, end in servers:
            refused = "" if owner or end.occluded else "; BIND refuses the zone as a primary"
            if not end.is_host:
                yield _no_host(NS, target)
            if end.alias:
                yield "ns-cname", f"NS target {to_text(target)} is {end.alias} (RFC 2181 §10.3){refused}"
            elif end.has_address or end.key is None:
                continue
            elif owner and end.key.startswith(owner):
                yield "missing-glue", f"delegation without the glue it needs: {to_text(target)} has no address"
            else:
                yield "ns-address", f"NS target {to_text(target)} has no address in this zone{refused}"

    def check_targets(self, types: Types) -> Iterator[Found]:
        """Check the MX and SRV records of an owner."""
        for rtype in (MX, SRV):
            for target, end in self.ends(rtype, types):
                kind = type_text(rtype)
                if not end.is_host:
                    yield _no_host(rtype, target)
                if end.occluded or end.has_address:
                    continue
                message = f"is {end.alias} (RFC 2181 §10.3)" if end.alias else "has no address in this zone"
                check = f"{kind.lower()}-{'cname' if end.alias else 'address'}"
                yield check, f"{kind} target {to_text(target)} {message}"

    def check_alias(self, types: Types) -> Iterator[Found]:
        """Check whether a CNAME's target seems to lack its final dot, so that this zone's name was appended."""
        lookup = self._lookup
        for target in rdatas(types[CNAME]) if CNAME in types else ():
            if len(target) <= 1 + target[0] + len(lookup.apex):  # one label, as most have
                continue
            key = lookup.in_zone(target)
            top = OwnerKey(key[: key.find(b"\0") + 1]) if key else APEX_KEY
            if key and not lookup.exists(top) and not lookup.answer(top, {}):
                message = f"CNAME target {to_text(target)} isn't in this zone"
                yield "cname-target", f"{message}; did you mean {owner_text(key_owner(key))}.?"

    def _follow(self, target: bytes) -> End:
        lookup = self._lookup
        key = None if target == _ROOT else lookup.in_zone(target)
        if key is None:
            return End(None, target == _ROOT or is_host(target), False, None, True)
        host = self._apex_is_host and is_host_key(key) is not None
        types = lookup.at(key)
        cover = lookup.cover_of(key, types)
        if cover is not None and not cover.is_cut:
            return End(key, host, False, f"below the DNAME at {lookup.text(cover.owner)}", False)
        found = lookup.answer(key, types) if cover is None else types
        alias = "a CNAME" if CNAME in found else None
        return End(key, host, cover is not None, alias, not ADDRESSES.isdisjoint(found))


def _no_host(rtype: int, target: bytes) -> Found:
    return (
        "host-target",
        f"{type_text(rtype)} target {to_text(target)} isn't a host name (RFC 1123 §2.1); BIND refuses the zone as "
        "a primary (check-names)",
    )
