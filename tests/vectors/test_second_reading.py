"""A second reading of docs/format.md: the tree and the ref index made again from its words, without the package."""

import json
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from blake3 import blake3

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("objects.json").read_text(encoding="utf-8"))
SALT = bytes(range(32))
Entry = tuple[bytes, bytes, int]
"""RR key, what stands in the node (an RRset or a child's id), records."""


def digest(data: bytes) -> bytes:
    return blake3(data).digest()


def ends(entry: Entry, before: int, first: bool, level: int, sizes: tuple[int, int, int]) -> bool:
    smallest, target, largest = sizes
    after = before + size_of(entry, level)
    if after < smallest or (level and first):
        return False
    coin = blake3(entry[0], key=digest(SALT + bytes((level,)))).digest()[:4]
    return after >= largest or int.from_bytes(coin, "big") * target**4 < (after**4 - before**4) * 2**32


def size_of(entry: Entry, level: int) -> int:
    return 40 + len(entry[0]) if level else 2 + len(entry[1])


def node(entries: list[Entry], level: int) -> bytes:
    records = sum(entry[2] for entry in entries)
    data = pack(">BBBBHI", 3, 1, 0, level, len(entries), records)
    if not level:
        at = 0
        for _, rrset, _ in entries:
            at += len(rrset)
            data += pack(">H", at)
        return data + b"".join(rrset for _, rrset, _ in entries)
    data += b"".join(child for _, child, _ in entries) + b"".join(pack(">I", count) for _, _, count in entries)
    previous = b""
    for key, _, _ in entries:
        shared = next((at for at in range(len(key)) if key[: at + 1] != previous[: at + 1]), len(key))
        data += pack(">HH", shared, len(key) - shared) + key[shared:]
        previous = key
    return data


def root(entries: list[Entry], sizes: tuple[int, int, int]) -> bytes:
    level = 0
    while True:
        above: list[Entry] = []
        held: list[Entry] = []
        for at, entry in enumerate(entries):
            before = sum(size_of(other, level) for other in held)
            held.append(entry)
            if ends(entry, before, len(held) == 1, level, sizes) or at + 1 == len(entries):
                above.append((entry[0], digest(node(held, level)), sum(one[2] for one in held)))
                held = []
        if len(above) == 1:
            return above[0][1]
        entries, level = above, level + 1


@pytest.mark.parametrize(("name", "sizes"), [("shipped sizes", (320, 1280, 1900)), ("small nodes", (64, 128, 256))])
def test_a_tree_made_from_the_words_alone(name: str, sizes: tuple[int, int, int]) -> None:
    entries = []
    for label in sorted(b"host%d" % n for n in range(2000)):
        rrset = bytes((len(label),)) + label + b"\xc0\x0c" + pack(">HHIH", 1, 1, 300, 4) + b"\xc0\0\2\1"
        entries.append((label + b"\0\0\0\1", rrset, 1))
    assert root(entries, sizes).hex() == VECTORS["trees"][name]


def cell(refs: dict[bytes, bytes], depth: int) -> bytes:
    """The cell over these refs (digits -> key and id), which share `depth` digits."""
    data = b""
    for digit in range(16):
        below = {path: ref for path, ref in refs.items() if path[depth] == digit}
        if len(below) == 1:
            data += bytes((digit, 0)) + next(iter(below.values()))
        elif below:
            data += bytes((digit, 1)) + digest(cell(below, depth + 1))
    return data


def test_a_ref_index_made_from_the_words_alone() -> None:
    refs: dict[bytes, bytes] = {}
    for name, oid in VECTORS["ref index"]["refs"].items():
        key = digest(name.encode())
        refs[bytes(int(digit, 16) for digit in key.hex())] = key + bytes.fromhex(oid)
    assert digest(cell(refs, 0)).hex() == VECTORS["ref index"]["root"]
    for prefix, found in VECTORS["ref index"]["buckets"].items():
        bucket = {path: ref for path, ref in refs.items() if ref[:1].hex() == prefix}
        assert digest(cell(bucket, 2))[:16].hex() == found
