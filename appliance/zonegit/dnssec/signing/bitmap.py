"""The bitmaps of types in NSEC and NSEC3 records (RFC 4034 §4.1.2, RFC 5155 §3.2.1)."""

from collections.abc import Collection, Iterable
from functools import lru_cache
from itertools import groupby
from typing import Final

from zonegit.dnssec.signing.standing import Standing
from zonegit.model.rdata import DS, NS

_AT_A_CUT: Final = frozenset({NS, DS})


def answered_types(standing: Standing, types: Collection[int]) -> Collection[int]:
    """Those of an owner's types that the zone answers for: at a cut, only the delegation (RFC 4035 §2.3)."""
    return types if standing is Standing.AUTHORITATIVE else [rtype for rtype in types if rtype in _AT_A_CUT]


def bitmap(types: Iterable[int]) -> bytes:
    """The bitmap of these types; empty if there are none."""
    return _bitmap(frozenset(types))


@lru_cache(maxsize=1 << 12)
def _bitmap(types: frozenset[int]) -> bytes:
    return b"".join(_window(number, list(low)) for number, low in groupby(sorted(types), lambda rtype: rtype >> 8))


def _window(number: int, types: list[int]) -> bytes:
    """The block of 256 types in which these ascending ones are."""
    bits = bytearray((types[-1] & 0xFF) // 8 + 1)
    for rtype in types:
        bits[(rtype & 0xFF) // 8] |= 0x80 >> rtype % 8
    return bytes((number, len(bits))) + bits
