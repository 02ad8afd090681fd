"""What a file is by how it begins: a repository's data file, or what was handed over in its place by mistake.

LMDB finds that out too, but not which mistake it is. A meta page is LMDB 0.9's: page header, magic number, version,
address, map size, page size, the rest of two databases, number of the last page, number of the last transaction.
"""

import struct
from typing import Final

START: Final = 1 << 17
"""Bytes of a file that hold both meta pages, whatever the size of a page."""
_META: Final = struct.Struct("=16xI20xI92xQQ")
_MAGIC: Final = 0xBEEFC0DE
_PACKED: Final = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
"""How compressed files begin."""


def mistaken(start: bytes) -> str:
    """Why a file that begins so is no data file, and what to do about it; empty for what may be one."""
    for magic, packer in _PACKED.items():
        if start.startswith(magic):
            return f"is compressed with {packer}: unpack it first"
    if len(start) < _META.size or _META.unpack_from(start)[0] != _MAGIC:
        return "is no backup: name a file of `zonegit backup` (zone files are for `zonegit import`)"
    return ""


def whole_size(start: bytes) -> int:
    """Bytes that a data file's newest version reaches to. It may do with less, if its last pages are free."""
    _, page, last, transaction = _META.unpack_from(start)
    second = start[page : page + _META.size]
    if len(second) == _META.size:
        _, _, other, newer = _META.unpack(second)
        last = other if newer > transaction else last
    return int((last + 1) * page)
