"""Which types may occur together at one owner (RFC 1034 §3.6.2, RFC 2181 §10.1, RFC 6672 §2.4).

The rules hold below a delegation too: servers refuse a zone that breaks them, and the data would be served as
soon as the delegation is removed.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from zonegit.model.names import OwnerKey
from zonegit.model.rdata import BESIDE_CNAME, CNAME, DNAME, NS, SOA
from zonegit.model.rrset import record_count
from zonegit.zonefile.types import type_text
from zonegit.zonefile.zone_lookup import Types

Found = tuple[str, str]
"""The name of a check, and its message."""

STRUCTURAL: Final = frozenset({CNAME, DNAME, NS, SOA})
"""An owner without any of these types breaks no rule."""
_SHOWN: Final = 20
_OLD: Final = frozenset({24, 25, 30})  # SIG, KEY, NXT


def structure(owner: OwnerKey, types: Types) -> Iterator[Found]:
    """The findings about the types at one owner, whatever other owners have."""
    if CNAME in types:
        yield from _beside_cname(types)
        if record_count(types[CNAME]) > 1:
            yield "two-cnames", "more than one CNAME record"
    if DNAME in types and record_count(types[DNAME]) > 1:
        yield "two-dnames", "more than one DNAME record"
    if SOA in types and owner:
        yield "soa-below-apex", "a SOA below the apex; a zone has exactly one, at its apex"
    if NS in types and (owner == b"*\0" or owner.endswith(b"\0*\0")):
        yield (
            "wildcard-ns",
            "NS records at a wildcard, which no resolver can follow (RFC 4592 §4.2); BIND refuses the zone",
        )


def _beside_cname(types: Types) -> Iterator[Found]:
    others = [rtype for rtype in types if rtype != CNAME and rtype not in BESIDE_CNAME]
    if others:
        yield "cname-and-other", f"CNAME beside other data ({type_list(others)})"
    old = [rtype for rtype in types if rtype in _OLD]
    if old:
        yield "cname-and-key", f"CNAME beside {type_list(old)}; NSD, Knot or BIND refuse the zone"


def type_list(rtypes: Iterable[int]) -> str:
    """Types as text: `A, TXT`. After 20 of them, `...` replaces the rest."""
    shown = [type_text(rtype) for rtype in islice(rtypes, _SHOWN + 1)]
    return ", ".join(shown if len(shown) <= _SHOWN else [*shown[:_SHOWN], "..."])
