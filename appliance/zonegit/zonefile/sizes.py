"""Bounds on the size of an owner's RRsets: those of a message (RFC 1035 §4.2.2), of zonegitd and of BIND."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from zonegit.model.names import OwnerKey, key_owner
from zonegit.model.rdata import RRSIG
from zonegit.model.rrset import rdatas, record_count
from zonegit.tree.version import MAX_MESSAGE, MAX_RECORDS, block_weight, excess, message_size
from zonegit.zonefile.structure import Found
from zonegit.zonefile.types import type_text
from zonegit.zonefile.zone_lookup import Types

_BIND_MOST: Final = 100
"""Records of one type, and types of one owner, that BIND takes (max-records-per-type, max-types-per-name)."""
SMALL: Final = 12 * _BIND_MOST
"""Bytes of stored RRs below which there can't be more records than that."""
_FEW: Final = MAX_RECORDS // _BIND_MOST
"""With at most this many types, each that small, an owner can't have too many records or bytes in all."""


def is_small(types: Types) -> bool:
    """Whether no bound can be exceeded here. (Signatures count for the types that they cover.)"""
    return len(types) <= _FEW and max(map(len, types.values()), default=0) <= SMALL


def sizes(apex_size: int, owner: OwnerKey, types: Types) -> Iterator[Found]:
    """The bounds that an owner exceeds; `apex_size` is the size of the apex in bytes."""
    name = len(key_owner(owner))
    covered: Counter[bytes] = Counter()
    too_much = excess(*block_weight(types.values()))
    for rtype, payload in types.items():
        count = record_count(payload)
        size = message_size(name, apex_size, payload)
        if size > MAX_MESSAGE:
            too_much = None
            yield (
                "too-large",
                f"{type_text(rtype)} records need a message of {size:,} bytes; {MAX_MESSAGE:,} is the maximum",
            )
        if rtype == RRSIG:
            covered = Counter(rdata[:2] for rdata in rdatas(payload))
            count = max(covered.values())
        if count > _BIND_MOST:
            yield (
                "large-rrset",
                f"{count} {type_text(rtype)} records; BIND (9.18.28 and later) refuses a zone with more than "
                f"{_BIND_MOST} of a type at a name (max-records-per-type)",
            )
    if too_much:
        yield "large-owner", too_much
    kinds = len(types) + len(covered) - (1 if covered else 0)
    if kinds > _BIND_MOST:
        yield (
            "many-types",
            f"{kinds} types; BIND (9.18.28 and later) refuses a zone with more than {_BIND_MOST} at a name "
            "(max-types-per-name)",
        )
