"""What changes from one tree to another in records: a difference sequence of an IXFR (RFC 1995), without its SOAs.

change = run *
run    = side u8 | records u32 | size u32 | RRs          (side 0: deleted, side 1: added)
"""

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import Final, NamedTuple

from zonegit.model.rrset import SOA_KEY, owner_size, record_count
from zonegit.tree.diff import Difference

Run = tuple[int, bytes]
"""A number of records, and their RRs as they are stored."""

_PACKED: Final = 4 << 10
"""The size of a run of differences, in bytes: messages end between runs."""
_RUN: Final = Struct(">BII")


class Change(NamedTuple):
    """The records deleted and added between two trees, without the apex SOAs."""

    deleted: Sequence[Run]
    added: Sequence[Run]
    records: int
    size: int
    """Bytes of the records."""


def change_of(differences: Iterable[Difference]) -> Change:
    """The change that consists of these differences between RRsets."""
    deleted: list[Run] = []
    added: list[Run] = []
    for key, before, after in differences:
        if key != SOA_KEY:
            lost, gained = record_difference(before, after)
            if lost is not None:
                deleted.append(lost)
            if gained is not None:
                added.append(gained)
    return packed_change(deleted, added)


def packed_change(deleted: Sequence[Run], added: Sequence[Run]) -> Change:
    """The change that consists of these runs, in fewer runs, which are sent faster."""
    both = (*deleted, *added)
    return Change(
        _packed(deleted), _packed(added), sum(number for number, _ in both), sum(len(rrs) for _, rrs in both)
    )


def record_difference(before: bytes | None, after: bytes | None) -> tuple[Run | None, Run | None]:
    """The records deleted from and added to an RRset; all of them if its TTL changed."""
    if before is None or after is None:
        return _run(before), _run(after)
    old = [before[start:end] for start, end in records(before)]
    new = [after[start:end] for start, end in records(after)]
    common = set(old) & set(new)
    lost = [record for record in old if record not in common]
    gained = [record for record in new if record not in common]
    return _joined(lost), _joined(gained)


def encode_change(change: Change) -> bytes:
    """A change as it is stored."""
    return b"".join(
        _RUN.pack(side, number, len(rrs)) + rrs
        for side, runs in enumerate((change.deleted, change.added))
        for number, rrs in runs
    )


def decode_change(data: bytes) -> Change:
    """A stored change."""
    sides: tuple[list[Run], list[Run]] = ([], [])
    at = records = size = 0
    while at < len(data):
        side, number, length = _RUN.unpack_from(data, at)
        at += _RUN.size + length
        sides[side].append((number, data[at - length : at]))
        records += number
        size += length
    return Change(*sides, records, size)


def records(rrs: bytes) -> Iterator[tuple[int, int]]:
    """Where each RR of a run begins and ends."""
    at = 0
    size = len(rrs)
    while at < size:
        rdata = at + owner_size(rrs[at : at + 256]) + 12
        after = rdata + int.from_bytes(rrs[rdata - 2 : rdata], "big")
        yield at, after
        at = after


def _run(payload: bytes | None) -> Run | None:
    return None if payload is None else (record_count(payload), payload)


def _joined(parts: Sequence[bytes]) -> Run | None:
    return (len(parts), b"".join(parts)) if parts else None


def _packed(runs: Sequence[Run]) -> list[Run]:
    """The same records in fewer runs."""
    packed: list[Run] = []
    parts: list[bytes] = []
    count = size = 0
    for number, rrs in runs:
        if size + len(rrs) > _PACKED and parts:
            packed.append((count, b"".join(parts)))
            parts.clear()
            count = size = 0
        parts.append(rrs)
        count += number
        size += len(rrs)
    if parts:
        packed.append((count, b"".join(parts)))
    return packed
