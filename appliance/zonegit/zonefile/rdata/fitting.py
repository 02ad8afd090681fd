"""Whether stored RDATA fits its type, fast enough for a whole signed zone.

`misfit` decides as `presentation.check` does, and so as the reader of zone files does: a record that it refuses
could neither be exported nor be read by other implementations. Most records of a signed zone are accepted here by
their bytes; all others are left to `presentation`.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from zonegit.errors import InvalidRecord
from zonegit.model import rdata as types
from zonegit.model.rdata import is_checked, name_end
from zonegit.zonefile.rdata_reading import label_count
from zonegit.zonefile.rdata_writing import bitmap_text

_DIGEST_SIZES: Final = {1: 20, 2: 32, 4: 48}
_PRIVATE: Final = (253, 254)


def misfit(rtype: int, rdata: bytes) -> str | None:
    """Why uncompressed canonical RDATA doesn't fit its type; None if it does."""
    surely = _SURELY.get(rtype)
    if (surely is not None and surely(rdata)) or is_checked(rtype):
        return None
    from zonegit.zonefile.rdata import presentation

    try:
        presentation.check(rtype, rdata)
    except InvalidRecord as error:
        return str(error)
    return None


def _signature(rdata: bytes) -> bool:
    end = name_end(rdata, 18)
    fits = rdata[2] not in _PRIVATE and rdata[4] < 0x80
    return fits and end < len(rdata) and (end == 19 or label_count(rdata[18:end]) <= rdata[3])


def _next_name(rdata: bytes) -> bool:
    bitmap = rdata[name_end(rdata, 0) :]
    return bitmap != b"" and _is_bitmap(bitmap)


def _next_hash(rdata: bytes) -> bool:
    if len(rdata) < 5:
        return False
    at = 5 + rdata[4]
    return rdata[at : at + 1] == b"\x14" and len(rdata) >= at + 21 and _is_bitmap(rdata[at + 21 :])


def _digest(rdata: bytes) -> bool:
    return len(rdata) > 4 and len(rdata) - 4 == _DIGEST_SIZES.get(rdata[3])


def _key(rdata: bytes) -> bool:
    return len(rdata) > 4 and rdata[3] not in _PRIVATE


def _association(rdata: bytes) -> bool:
    return len(rdata) > 3


@lru_cache(maxsize=4096)
def _is_bitmap(bitmap: bytes) -> bool:
    try:
        bitmap_text(bitmap)
    except (ValueError, LookupError):
        return False
    return True


_SURELY: Final[Mapping[int, Callable[[bytes], bool]]] = {
    types.DS: _digest,
    types.RRSIG: _signature,
    types.NSEC: _next_name,
    types.DNSKEY: _key,
    types.NSEC3: _next_hash,
    52: _association,  # TLSA
    types.CDS: _digest,
    types.CDNSKEY: _key,
}
"""Type -> whether its canonical RDATA surely fits; False leaves that to `presentation`."""
