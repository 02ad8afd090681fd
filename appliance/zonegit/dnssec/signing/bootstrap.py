"""Signaling records (RFC 9615): a zone that is signed already vouches for the keys of one that has no DS yet.

The name servers of a new signed zone have names in other zones. In these the operator repeats the new zone's CDS
and CDNSKEY records. The parent finds and validates them there, and makes the first DS of them.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from zonegit.dnssec.signing.standing import Standing, standing
from zonegit.model.names import MAX_NAME, Owner, WireName, is_within, lower, owner_key, relative
from zonegit.model.rdata import CDNSKEY, CDS, CNAME
from zonegit.model.rrset import RRKey, RRset
from zonegit.tree.zone_tree import Tree

_TYPE: Final = b"\x07_dsboot"
_DOMAIN: Final = b"\x07_signal"
_SIGNALED: Final = frozenset((CDS, CDNSKEY))


class Bootstrapped(NamedTuple):
    """A signed zone whose parent has no DS for it yet. Once it has, the zone isn't among these any more (§5.1)."""

    apex: WireName
    name_servers: tuple[WireName, ...]
    """From its NS records."""
    cds: tuple[bytes, ...]
    """RDATA of the CDS records at its apex."""
    cdnskeys: tuple[bytes, ...]
    ttl: int
    """Of both."""


def signaling_rrsets(apex: WireName, zone: Tree, children: Iterable[Bootstrapped]) -> dict[RRKey, bytes]:
    """The stored RRsets that the zone at `apex` has to have beside its own records for these children.

    None for names that the zone delegates or redirects, nor where it has CDS or CDNSKEY records of its own.
    """
    found: dict[RRKey, bytes] = {}
    for child in children:
        for owner in _owners(apex, child):
            if not _is_taken(zone, owner):
                found.update((rrset.key, rrset.encode()) for rrset in _rrsets(owner, child))
    return found


def signaling_name(child: WireName, name_server: WireName) -> WireName | None:
    """Where a child's records are repeated for one of its name servers, in lowercase (§3.2).

    None if the name server's name is in the child itself (§4.1), or if the name would be too long (§4.4).
    """
    name = _TYPE + lower(child)[:-1] + _DOMAIN + lower(name_server)
    return None if is_within(name_server, child) or len(name) > MAX_NAME else WireName(name)


def _owners(apex: WireName, child: Bootstrapped) -> Iterator[Owner]:
    for name_server in child.name_servers:
        name = signaling_name(child.apex, name_server)
        if name is not None and is_within(name, apex):
            yield relative(name, apex)


def _is_taken(zone: Tree, owner: Owner) -> bool:
    key = owner_key(owner)
    types = zone.at(key)
    return (
        standing(zone, key, types) is not Standing.AUTHORITATIVE
        or CNAME in types
        or not _SIGNALED.isdisjoint(types)
    )


def _rrsets(owner: Owner, child: Bootstrapped) -> Iterator[RRset]:
    for rtype, rdatas in ((CDS, child.cds), (CDNSKEY, child.cdnskeys)):
        if rdatas:
            yield RRset.of(owner, rtype, child.ttl, rdatas)
