"""Where NS, MX and SRV records lead: to a host that has an address and is no alias.

RFC 1034 §4.2.1, RFC 2181 §10.3, RFC 2782.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from zonegit.model.names import OwnerKey, to_text
from zonegit.model.rdata import AAAA, CNAME, MX, NS, SRV, A
from zonegit.model.rrset import rdatas
from zonegit.zonefile.hostnames import is_host
from zonegit.zonefile.standing import Standing, Types
from zonegit.zonefile.structure import Found
from zonegit.zonefile.types import type_text

ADDRESSES: Final = frozenset({A, AAAA})
_TARGET_AT: Final = {NS: 0, MX: 2, SRV: 6}
_ROOT: Final = b"\0"


class _End(NamedTuple):
    """What is found where a record leads."""

    occluded: bool
    """It is below a delegation, where another zone answers and addresses here are glue."""
    alias: str | None
    """What makes it an alias, in words."""
    address: bool


def name_servers(standing: Standing, types: Types) -> Iterator[tuple[bytes, OwnerKey]]:
    """Targets of NS records that are in the zone, and their keys."""
    for target in _targets(NS, types):
        key = standing.in_zone(target)
        if key is not None:
            yield target, key


def check_servers(standing: Standing, owner: OwnerKey, types: Types) -> Iterator[Found]:
    """Where the NS records of the apex or of a delegation lead."""
    yield from _check_hosts(NS, types)
    for target, key in name_servers(standing, types):
        end = _follow(standing, key)
        refused = "" if owner or end.occluded else "; BIND refuses the zone as a primary"
        if end.alias:
            yield "ns-cname", f"NS target {to_text(target)} is {end.alias} (RFC 2181 §10.3){refused}"
        elif end.address:
            continue
        elif owner and key.startswith(owner):
            yield "missing-glue", f"delegation without the glue it needs: {to_text(target)} has no address"
        else:
            yield "ns-address", f"NS target {to_text(target)} has no address in this zone{refused}"


def check_targets(standing: Standing, types: Types) -> Iterator[Found]:
    """Where the MX and SRV records of an owner lead."""
    for rtype in (MX, SRV):
        if rtype not in types:
            continue
        yield from _check_hosts(rtype, types)
        kind = type_text(rtype)
        for target in _targets(rtype, types):
            key = None if target == _ROOT else standing.in_zone(target)
            if key is None:
                continue
            end = _follow(standing, key)
            if end.occluded or end.address:
                continue
            told = f"is {end.alias} (RFC 2181 §10.3)" if end.alias else "has no address in this zone"
            check = f"{kind.lower()}-{'cname' if end.alias else 'address'}"
            yield check, f"{kind} target {to_text(target)} {told}"


def _follow(standing: Standing, key: OwnerKey) -> _End:
    cover = standing.cover_of(key)
    if cover is not None and not cover.is_cut:
        return _End(False, f"below the DNAME at {standing.text(cover.owner)}", False)
    found = standing.answer(key) if cover is None else standing.at(key)
    alias = "a CNAME" if CNAME in found else None
    return _End(cover is not None, alias, not ADDRESSES.isdisjoint(found))


def _check_hosts(rtype: int, types: Types) -> Iterator[Found]:
    for target in _targets(rtype, types):
        if target != _ROOT and not is_host(target):
            yield (
                "host-target",
                f"{type_text(rtype)} target {to_text(target)} isn't a host name (RFC 1123 §2.1); BIND refuses the "
                "zone as a primary (check-names)",
            )


def _targets(rtype: int, types: Types) -> list[bytes]:
    payload = types.get(rtype)
    return [] if payload is None else [rdata[_TARGET_AT[rtype] :] for rdata in rdatas(payload)]
