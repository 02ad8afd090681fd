"""A second reader of DNS messages, which counts the compression pointers that each name needs."""

from dataclasses import dataclass
from typing import NamedTuple

NAMES = {
    2: (0, 1), 3: (0, 1), 4: (0, 1), 5: (0, 1), 6: (0, 2), 7: (0, 1), 8: (0, 1), 9: (0, 1), 12: (0, 1), 14: (0, 2),
    15: (2, 1),
}  # fmt: skip
"""Types of RFC 1035 whose RDATA may be compressed: bytes in front of the names, number of names."""


class Record(NamedTuple):
    """A record with all its names written out, owner and names of RDATA in lowercase."""

    owner: bytes
    rtype: int
    ttl: int
    rdata: bytes


@dataclass(frozen=True, slots=True)
class Decoded:
    """A message read to its last byte."""

    rcode: int
    truncated: bool
    sections: tuple[list[Record], list[Record], list[Record]]
    """Answer, authority, and additional without the OPT."""
    pointers: int
    """The most compression pointers that one name needs."""


def decode(message: bytes) -> Decoded:
    """Read a message with at most one question."""
    most = 0

    def name(at: int) -> tuple[bytes, int]:
        nonlocal most
        found, end, pointers = b"", 0, 0
        while label := message[at]:
            if label >= 0xC0:
                end = end or at + 2
                target = (label & 0x3F) << 8 | message[at + 1]
                assert target < at, "a pointer must lead back"
                at = target
                pointers += 1
                continue
            assert label < 64
            found += message[at : at + 1 + label].lower()
            at += 1 + label
        most = max(most, pointers)
        assert len(found) < 255
        return found + b"\0", end or at + 1

    def record(at: int) -> tuple[Record, int]:
        owner, at = name(at)
        rtype, ttl = int.from_bytes(message[at : at + 2], "big"), int.from_bytes(message[at + 4 : at + 8], "big")
        start = at + 10
        end = start + int.from_bytes(message[at + 8 : start], "big")
        before, names = NAMES.get(rtype, (end - start, 0))
        rdata, at = message[start : start + before], start + before
        for _ in range(names):
            wire, at = name(at)
            rdata += wire
        return Record(owner, rtype, ttl, rdata + message[at:end]), end

    at = 12
    if message[4:6] != b"\0\0":
        at = name(at)[1] + 4
    sections: list[list[Record]] = []
    for offset in (6, 8, 10):
        found = []
        for _ in range(int.from_bytes(message[offset : offset + 2], "big")):
            read, at = record(at)
            found.append(read)
        sections.append([each for each in found if each.rtype != 41])
    assert at == len(message), "bytes behind the last record"
    return Decoded(message[3] & 15, bool(message[2] & 2), (sections[0], sections[1], sections[2]), most)
