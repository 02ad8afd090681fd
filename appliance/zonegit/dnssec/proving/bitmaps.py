"""The bitmap that an NSEC or NSEC3 record must have, in its one form (RFC 4034 §4.1.2)."""

from collections.abc import Collection
from itertools import groupby

from zonegit.dnssec.bitmap import difference, types_in


def fault(bitmap: bytes, there: Collection[int]) -> str | None:
    """What is wrong with the bitmap of a name that has these types."""
    if message := difference(types_in(bitmap), there):
        return message
    return None if bitmap == _bitmap(there) else "its types aren't in the shortest form"


def _bitmap(types: Collection[int]) -> bytes:
    parts = []
    for window, members in groupby(sorted(types), lambda rtype: rtype >> 8):
        low = [rtype & 0xFF for rtype in members]
        bits = sum(1 << (255 - rtype) for rtype in low).to_bytes(32, "big")[: low[-1] // 8 + 1]
        parts.append(bytes((window, len(bits))) + bits)
    return b"".join(parts)
