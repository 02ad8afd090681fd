"""The bitmap that an NSEC or NSEC3 record must have, in its one form (RFC 4034 §4.1.2)."""

from collections.abc import Collection
from functools import lru_cache
from itertools import groupby

from zonegit.dnssec.bitmap import difference, types_in


def fault(bitmap: bytes, there: Collection[int]) -> str | None:
    """What is wrong with the bitmap of a name that has these types."""
    if bitmap == _bitmap(frozenset(there)):
        return None
    return difference(types_in(bitmap), there) or "its types aren't in the shortest form"


@lru_cache(maxsize=1 << 10)
def _bitmap(types: frozenset[int]) -> bytes:
    parts = []
    for window, members in groupby(sorted(types), lambda rtype: rtype >> 8):
        low = [rtype & 0xFF for rtype in members]
        bits = sum(1 << (255 - rtype) for rtype in low).to_bytes(32, "big")[: low[-1] // 8 + 1]
        parts.append(bytes((window, len(bits))) + bits)
    return b"".join(parts)
