"""Checks a foreign leaf in one pass over its entries, without decoding it.

Nearly all leaves that arrive are fine, and most of their entries are one record each, whose owner is one label. For
these, `scan_leaf` says all that the store needs to know. It looks at single bytes: compiled, that is cheaper than
slices of them. It has no opinion of a leaf that is wrong or unusual (stubs, no entries, bytes in
a label that a key escapes): `node.check_node` decides those, and gives the reason.
"""

from typing import Final, NamedTuple

from zonegit.errors import InvalidObject, InvalidRecord
from zonegit.model.ids import HEADER_SIZE
from zonegit.model.names import MAX_LABEL
from zonegit.model.node import INLINE_MAX, PLAIN_LEAF
from zonegit.model.rdata import AAAA, CLASS_IN, META_TYPES, RRSIG, SOA, A, is_canonical, is_checked
from zonegit.model.rrset import RRKey, check_stored, payload_key

_START: Final = HEADER_SIZE + 7
"""Bytes before the table of ends."""
_RECORDS: Final = _START - 4
_FIXED: Final = 12
"""Bytes of a stored RR between its owner's labels and its RDATA."""
_A: Final = b"\0\0" + A.to_bytes(2, "big")
_AAAA: Final = b"\0\0" + AAAA.to_bytes(2, "big")
"""What stands behind the owner in an address record's key."""
_OTHERS: Final = META_TYPES | {SOA, RRSIG}
"""Types that have no place in a zone, or whose RDATA is checked against more than itself."""


class LeafScan(NamedTuple):
    """What a canonical leaf holds."""

    records: int
    first: RRKey
    last: RRKey
    longest: int
    """Bytes of its longest key."""
    checked: bool = False
    """Whether all its records are of types whose RDATA can't be wrong any more (`rdata.is_checked`), and no SOA."""


def scan_leaf(data: bytes) -> LeafScan | None:
    """Check a node's bytes; None if they aren't a leaf in canonical form, or an unusual one."""
    if not data.startswith(PLAIN_LEAF) or len(data) < _START:
        return None
    count = data[_RECORDS - 2] << 8 | data[_RECORDS - 1]
    base = _START + 2 * count
    if not count or len(data) < base:
        return None
    try:
        return _scan(data, base)
    except (InvalidObject, InvalidRecord, IndexError):
        return None


def _scan(data: bytes, base: int) -> LeafScan | None:
    labels: list[bytes] = []
    checked = True
    first = key = b""
    records = longest = 0
    at = base
    for end in range(_START, base, 2):
        stop = base + (data[end] << 8 | data[end + 1])
        if not at < stop <= at + INLINE_MAX:
            return None
        size = data[at]
        # Behind the label stand the pointer to the apex C0 0C, type, class 00 01, TTL, length of RDATA, RDATA.
        behind = at + 1 + size
        rdata = behind + _FIXED
        if (
            0 < size <= MAX_LABEL
            and data[behind + 10] << 8 | data[behind + 11] == stop - rdata
            and data[behind] == 0xC0
            and data[behind + 1] == 0x0C
            and data[behind + 4] << 8 | data[behind + 5] == CLASS_IN
            and data[behind + 6] < 0x80
            and (tail := _key_tail(data, behind + 2, stop))
        ):
            if tail is not _A and tail is not _AAAA:
                checked = checked and is_checked(data[behind + 2] << 8 | data[behind + 3])
            label = data[at + 1 : behind]
            labels.append(label)
            found = label + tail
            records += 1
        else:
            checked = False
            entry = data[at:stop]
            records += check_stored(entry)
            found = payload_key(entry)
        if found <= key:
            return None
        if len(found) > longest:
            longest = len(found)
        first = first or found
        key = found
        at = stop
    fits = at == len(data) and records == int.from_bytes(data[_RECORDS:_START], "big")
    if not fits or not _are_plain(labels):
        return None
    return LeafScan(records, RRKey(first), RRKey(key), longest, checked)


def _key_tail(data: bytes, at: int, stop: int) -> bytes:
    """What stands behind the owner in a record's key; empty if its RDATA, which ends at `stop`, isn't canonical or
    can't be checked alone. The type stands at `at`.
    """
    rtype = data[at] << 8 | data[at + 1]
    rdata = at + 10
    if rtype == A:
        return _A if stop - rdata == 4 else b""
    if rtype == AAAA:
        return _AAAA if stop - rdata == 16 else b""
    if rtype in _OTHERS or not is_canonical(rtype, data[rdata:stop]):
        return b""
    return b"\0\0" + data[at : at + 2]


def _are_plain(labels: list[bytes]) -> bool:
    """Whether all labels are in lowercase and stand in a key as they are."""
    joined = b"".join(labels)
    return joined == joined.lower() and b"\0" not in joined and b"\1" not in joined
