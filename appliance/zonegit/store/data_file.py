"""Recognizes a repository's data file by its first bytes, or what was given instead of one by mistake.

LMDB notices this too, but can't say which mistake it is. A meta page of LMDB 0.9 has: page header, magic number,
version, address, map size, page size, the rest of two databases, number of the last page, number of the last
transaction.
"""

import struct
from typing import Final

START: Final = 1 << 17
"""This many first bytes of a file contain both meta pages, whatever the page size."""
_META: Final = struct.Struct("=16xI20xI92xQQ")
_MAGIC: Final = 0xBEEFC0DE
_PACKED: Final = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
"""How compressed files begin."""


def mistaken(start: bytes) -> str:
    """Why a file with these first bytes isn't a data file, and what to do about it; empty if it may be one."""
    for magic, packer in _PACKED.items():
        if start.startswith(magic):
            return f"is compressed with {packer}: decompress it first"
    if len(start) < _META.size or _META.unpack_from(start)[0] != _MAGIC:
        return "is not a backup: name a file that `zonegit backup` wrote (zone files are for `zonegit import`)"
    return ""


def whole_size(start: bytes) -> int:
    """The size in bytes of a data file up to the last page of its newest version. The file may be shorter, if its
    last pages are free.
    """
    _, page, last, transaction = _META.unpack_from(start)
    second = start[page : page + _META.size]
    if len(second) == _META.size:
        _, _, other, newer = _META.unpack(second)
        last = other if newer > transaction else last
    return int((last + 1) * page)
