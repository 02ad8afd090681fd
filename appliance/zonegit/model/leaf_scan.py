"""Checks a foreign leaf in one pass over its entries, without decoding it.

Nearly all leaves that arrive are fine, and most of their entries are one address each. For these, `scan_leaf` says
all that the store needs to know. It has no opinion of a leaf that is wrong or unusual (stubs, no entries, bytes in
a label that a key escapes): `node.check_node` decides those, and gives the reason.
"""

from struct import unpack_from
from typing import Final, NamedTuple

from zonegit.errors import InvalidObject
from zonegit.model.ids import HEADER_SIZE
from zonegit.model.names import MAX_LABEL
from zonegit.model.node import INLINE_MAX, PLAIN_LEAF
from zonegit.model.rdata import AAAA, CLASS_IN, A
from zonegit.model.rrset import APEX_POINTER, RRKey, check_stored, payload_key

_START: Final = HEADER_SIZE + 7
"""Bytes before the table of ends."""
_RECORDS: Final = _START - 4
_FIXED: Final = 12
"""Bytes of a stored RR between its owner's labels and its RDATA."""


def _address(rtype: int, rdlength: int) -> tuple[bytes, tuple[int, bytes, bytes]]:
    two = rtype.to_bytes(2, "big")
    behind = _FIXED + rdlength, rdlength.to_bytes(2, "big"), b"\0\0" + two
    return APEX_POINTER + two + CLASS_IN.to_bytes(2, "big"), behind


_ADDRESSES: Final = dict((_address(A, 4), _address(AAAA, 16)))
"""Pointer, type and class of an address record -> all bytes from there on, its length of RDATA, and what its key
has behind the owner's label.
"""
_OTHER: Final = 0, b"-", b""
"""No address: its length of RDATA is none."""


class LeafScan(NamedTuple):
    """What a canonical leaf holds."""

    records: int
    first: RRKey
    last: RRKey
    longest: int
    """Bytes of its longest key."""
    addresses: bool = False
    """Whether all its records are known to be addresses."""


def scan_leaf(data: bytes) -> LeafScan | None:
    """Check a node's bytes; None if they aren't a leaf in canonical form, or an unusual one."""
    if not data.startswith(PLAIN_LEAF) or len(data) < _START:
        return None
    count = data[_RECORDS - 2] << 8 | data[_RECORDS - 1]
    base = _START + 2 * count
    if not count or len(data) < base:
        return None
    try:
        return _scan(data, base, unpack_from(f">{count}H", data, _START))
    except (InvalidObject, IndexError):
        return None


def _scan(data: bytes, base: int, ends: tuple[int, ...]) -> LeafScan | None:
    labels: list[bytes] = []
    addresses = True
    first = key = b""
    records = longest = 0
    at = base
    for end in ends:
        stop = base + end
        if not at < stop <= at + INLINE_MAX:
            return None
        label_size = data[at]
        behind = at + 1 + label_size
        size, rdlength, tail = _ADDRESSES.get(data[behind : behind + 6], _OTHER)
        if (
            behind + size == stop
            and data[behind + 10 : behind + 12] == rdlength
            and data[behind + 6] < 0x80
            and 0 < label_size <= MAX_LABEL
        ):
            label = data[at + 1 : behind]
            labels.append(label)
            found = label + tail
            records += 1
        else:
            addresses = False
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
    return LeafScan(records, RRKey(first), RRKey(key), longest, addresses)


def _are_plain(labels: list[bytes]) -> bool:
    """Whether all labels are in lowercase and stand in a key as they are."""
    joined = b"".join(labels)
    return joined == joined.lower() and b"\0" not in joined and b"\1" not in joined
