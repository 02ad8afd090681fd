"""How large an owner's RRsets may be: for a message (RFC 1035 §4.2.2), for zonegitd's answers, for BIND."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from zonegit.model.names import OwnerKey, key_owner
from zonegit.model.rdata import RRSIG
from zonegit.model.rrset import rdatas, record_count
from zonegit.tree.version import MAX_RECORDS, block_weight, excess
from zonegit.zonefile.standing import Types
from zonegit.zonefile.structure import Found
from zonegit.zonefile.types import type_text

_MAX_MESSAGE: Final = 65535
_AROUND: Final = 12 + 4 + 11
"""Bytes of a message's header, of its question behind the name, and of an OPT without options (RFC 6891)."""
_BIND_MOST: Final = 100
"""Records of one type, and types of one owner, that BIND takes (max-records-per-type, max-types-per-name)."""
_SMALL: Final = 12 * _BIND_MOST
"""Bytes of stored RRs that can't be more than that many."""
_FEW: Final = MAX_RECORDS // _BIND_MOST
"""Types that can't have too many records, nor too many bytes, when each is that small."""


def is_small(types: Types) -> bool:
    """Whether nothing here can be too large. (Signatures count for the types that they cover.)"""
    return len(types) <= _FEW and max(map(len, types.values()), default=0) <= _SMALL


def sizes(apex_size: int, owner: OwnerKey, types: Types) -> Iterator[Found]:
    """What is too large at an owner; `apex_size` is that of the apex in bytes."""
    name = len(key_owner(owner))
    covered: Counter[bytes] = Counter()
    too_much = excess(*block_weight(types.values()))
    for rtype, payload in types.items():
        count = record_count(payload)
        # a stored RR is as long as one in an answer, whose owner is a pointer, but for the owner's labels
        size = _AROUND + name + apex_size + len(payload) - count * name
        if size > _MAX_MESSAGE:
            too_much = None
            yield (
                "too-large",
                f"{type_text(rtype)} records need a message of {size:,} bytes; {_MAX_MESSAGE:,} is the most",
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
