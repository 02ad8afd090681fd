"""Nodes of the zone tree: their bytes and their decoded form.

    leaf  = header | level u8 = 0 | entries u16 | records u32 | end u16 x entries | RRs
    inner = header | level u8     | entries u16 | records u32 | id 32 x entries | records u32 x entries | keys
    key   = shared u16 | rest u16 | rest bytes      (shared = bytes in common with the key before it)

A leaf's RRs are contiguous, so a transfer gets them unchanged; each `end` counts bytes from the first RR. A leaf
stores no keys: the owner and type in an RR are the key. An RRset above `INLINE_MAX` is an object of its own, and
its entry in the leaf is a *stub*: one RR of class `STUB_CLASS` whose RDATA is `records u32 | id 32`. Flag 1 in the
header of a leaf says that it has stubs. An inner node has each child's id, its number of records and its last key.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from operator import ge, sub
from struct import Struct, error, unpack_from
from typing import Final, NamedTuple

from zonegit.errors import InvalidObject
from zonegit.model.ids import HEADER_SIZE, ID_SIZE, Kind, ObjectId, header, kind_of
from zonegit.model.names import MAX_LABEL
from zonegit.model.rrset import (
    APEX_POINTER,
    FIXED,
    RRKey,
    check_all,
    check_stored,
    owner_size,
    payload_key,
    payload_keys,
    record_count,
)

INLINE_MAX: Final = 1024
"""The largest stored RRset, in bytes, that is stored in the leaf itself."""
MAX_RECORDS: Final = (1 << 32) - 1
"""The most records below one node."""
STUB_CLASS: Final = 0xFF00
HAS_STUBS: Final = 1
"""The flag in a leaf's header."""

_NODE: Final = header(Kind.NODE)[:2]
_INNER: Final = header(Kind.NODE)
PLAIN_LEAF: Final = _INNER + b"\0"
"""What a leaf without stubs begins with."""
_COUNTS: Final = Struct(">BHI")
"""What follows the header: level, entries, records."""
_START: Final = HEADER_SIZE + _COUNTS.size
_STUB: Final = Struct(">I32s")
_KEY: Final = Struct(">HH")
_KEYS: Final = 512
"""Inner nodes whose keys are remembered: in most new versions of a node one child is another, and all keys are the
same."""


class Leaf(NamedTuple):
    """Level 0: stored RRsets (or stubs) in canonical order."""

    keys: tuple[RRKey, ...]
    payloads: tuple[bytes, ...]
    records: int
    stubs: bool
    """Whether any of the payloads is a stub."""

    @property
    def level(self) -> int:
        return 0


class Inner(NamedTuple):
    """Level 1 and above: children in canonical order, each under its last key."""

    level: int
    keys: tuple[RRKey, ...]
    children: tuple[ObjectId, ...]
    counts: tuple[int, ...]
    """Records below each child."""

    @property
    def records(self) -> int:
        return sum(self.counts)


Node = Leaf | Inner


def encode_leaf(payloads: Sequence[bytes]) -> bytes:
    """A leaf of these stored RRsets and stubs, given in canonical order."""
    ends = list(accumulate(map(len, payloads)))
    records = flags = 0
    for payload in payloads:
        count = payload_records(payload)
        if not count:
            flags = HAS_STUBS
            count = stub_target(payload)[0]
        records += count
    return b"".join((_leaf_header(flags, len(ends), records), Struct(f">{len(ends)}H").pack(*ends), *payloads))


def encode_inner(level: int, keys: Sequence[RRKey], children: Sequence[ObjectId], counts: Sequence[int]) -> bytes:
    """An inner node of these children."""
    count = len(keys)
    parts = [_inner_header(level, counts), *children]
    parts.append(Struct(f">{count}I").pack(*counts))
    parts.append(_encoded_keys(tuple(keys)))
    return b"".join(parts)


@lru_cache(_KEYS)
def _encoded_keys(keys: tuple[RRKey, ...]) -> bytes:
    parts: list[bytes] = []
    previous = b""
    for key in keys:
        shared = _shared(previous, key)
        parts.append(_KEY.pack(shared, len(key) - shared) + key[shared:])
        previous = key
    return b"".join(parts)


def _shared(a: bytes, b: bytes) -> int:
    """The length of the longest common prefix of two keys."""
    size = min(len(a), len(b))
    differing = int.from_bytes(a[:size], "big") ^ int.from_bytes(b[:size], "big")
    return size - (differing.bit_length() + 7) // 8


def _inner_header(level: int, counts: Sequence[int]) -> bytes:
    return _INNER + _COUNTS.pack(level, len(counts), sum(counts))


def decode_node(data: bytes) -> Node:
    """Read a node. Structure is checked as far as reading needs; `check_node` checks the rest."""
    if not data.startswith(_NODE):
        raise InvalidObject(f"expected a node, found a {kind_of(data).name.lower()}")
    try:
        level, count, records = _COUNTS.unpack_from(data, HEADER_SIZE)
        if level:
            return _decode_inner(data, level, count)
        payloads = _split_leaf(data, count)
        return Leaf(payload_keys(payloads), payloads, records, bool(data[2] & HAS_STUBS))
    except (error, IndexError):
        raise InvalidObject("node is cut short") from None


def node_parts(data: bytes) -> tuple[int, Sequence[bytes]]:
    """A node's level, and its children's ids or a leaf's entries: enough to compare nodes, no keys decoded."""
    if not data.startswith(_NODE):
        raise InvalidObject(f"expected a node, found a {kind_of(data).name.lower()}")
    try:
        level, count, _ = _COUNTS.unpack_from(data, HEADER_SIZE)
        if not level:
            return 0, _split_leaf(data, count)
        at = _START + ID_SIZE * count
        if at > len(data):
            raise InvalidObject("node is cut short")
        return level, [data[i : i + ID_SIZE] for i in range(_START, at, ID_SIZE)]
    except error:
        raise InvalidObject("node is cut short") from None


def _split_leaf(data: bytes, count: int) -> tuple[bytes, ...]:
    ends = Struct(f">{count}H").unpack_from(data, _START)
    rrs = data[_START + 2 * count :]
    if (ends[-1] if ends else 0) != len(rrs):
        raise InvalidObject("leaf's offsets don't cover its records")
    return tuple([rrs[start:end] for start, end in zip((0, *ends), ends, strict=False)])


def _decode_inner(data: bytes, level: int, count: int) -> Inner:
    at = _START + ID_SIZE * count
    children = tuple([ObjectId(data[i : i + ID_SIZE]) for i in range(_START, at, ID_SIZE)])
    counts = unpack_from(f">{count}I", data, at)
    return Inner(level, _decoded_keys(data[at + 4 * count :], count), children, counts)


@lru_cache(_KEYS)
def _decoded_keys(data: bytes, count: int) -> tuple[RRKey, ...]:
    keys = []
    key = b""
    at = 0
    for _ in range(count):
        shared, rest = data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
        start = at + _KEY.size
        at = start + rest
        if not rest or shared > len(key) or (shared < len(key) and data[start] <= key[shared]):
            raise InvalidObject("inner node's keys are not in canonical order, or not as short as they can be")
        key = key[:shared] + data[start:at]
        keys.append(RRKey(key))
    if at != len(data):
        raise InvalidObject("inner node's keys don't end where its bytes do")
    return tuple(keys)


def check_node(data: bytes, decoded: Node | None = None) -> Node:
    """Decode a foreign node and check that these bytes are its canonical form: order, records, re-encoding.

    The store checks that its children exist and have the counts and last keys that the node gives for them.
    `decoded`: what `decode_node` makes of these bytes, if the caller has it already.
    """
    node = decoded or decode_node(data)
    if isinstance(node, Leaf):
        _check_leaf(data, node)
        if any(map(ge, node.keys, node.keys[1:])):
            raise InvalidObject("leaf's entries are not in canonical order")
    elif not node.keys or node.records > MAX_RECORDS or data[:_START] != _inner_header(node.level, node.counts):
        raise InvalidObject("inner node is empty, or its header doesn't describe its children")
    return node


def _check_leaf(data: bytes, leaf: Leaf) -> None:
    """A leaf is canonical if its entries (the slices between its offsets) and its header are."""
    if max(map(len, leaf.payloads), default=0) > INLINE_MAX:
        raise InvalidObject(f"leaf holds an RRset above {INLINE_MAX} bytes, which needs an object of its own")
    if data[2]:
        stubs = sum(map(is_stub, leaf.payloads))
        records = sum(_check_stub(entry) if is_stub(entry) else check_stored(entry) for entry in leaf.payloads)
    else:
        stubs = 0
        records = check_all(leaf.payloads)
    if data[:_START] != _leaf_header(HAS_STUBS if stubs else 0, len(leaf.payloads), records):
        raise InvalidObject("leaf's header doesn't describe its entries")


def _leaf_header(flags: int, entries: int, records: int) -> bytes:
    return _NODE + bytes((flags,)) + _COUNTS.pack(0, entries, records)


def _check_stub(entry: bytes) -> int:
    records, oid = stub_target(entry)
    if not records or entry != make_stub(payload_key(entry), entry[: owner_size(entry)], records, oid):
        raise InvalidObject("leaf holds a stub that is not in canonical form")
    return records


def is_stub(payload: bytes) -> bool:
    """Whether a leaf's entry points to an `rrset` object instead of holding the RRs."""
    at = owner_size(payload) + 4
    return payload[at : at + 2] == b"\xff\x00"


def make_stub(key: RRKey, owner: bytes, records: int, oid: ObjectId) -> bytes:
    """The entry for an RRset that is stored in the `rrset` object `oid`."""
    fixed = FIXED.pack(int.from_bytes(key[-2:], "big"), STUB_CLASS, 0, _STUB.size)
    return owner + APEX_POINTER + fixed + _STUB.pack(records, oid)


def stub_target(payload: bytes) -> tuple[int, ObjectId]:
    """A stub's number of records and the id of its `rrset` object."""
    try:
        records, oid = _STUB.unpack(payload[owner_size(payload) + 12 :])
    except error:
        raise InvalidObject("a stub is cut short") from None
    return records, ObjectId(oid)


def payload_records(payload: bytes) -> int:
    """The number of records in a leaf's entry; 0 for a stub, whose RRset is stored elsewhere."""
    size = payload[0] + 1
    if size > MAX_LABEL or payload[size] != 0xC0:  # most owners are one label
        size = owner_size(payload)
    start = size + 12
    if start + (payload[start - 2] << 8 | payload[start - 1]) != len(payload):
        return record_count(payload)
    return 0 if payload[start - 8] << 8 | payload[start - 7] == STUB_CLASS else 1


def node_level(data: bytes) -> int:
    """A node's level, without decoding it; 0 is a leaf."""
    return data[HEADER_SIZE]


def inner_keys(data: bytes) -> bytes:
    """An inner node's encoded keys: two nodes with the same bytes here have the same keys."""
    return data[_START + (ID_SIZE + 4) * int.from_bytes(data[HEADER_SIZE + 1 : HEADER_SIZE + 3], "big") :]


def child_at(data: bytes, at: int) -> ObjectId:
    """The child at an index of an inner node, without decoding the node."""
    return ObjectId(data[_START + ID_SIZE * at : _START + ID_SIZE * (at + 1)])


def first_child(data: bytes) -> ObjectId:
    """An inner node's first child, without decoding the node."""
    return ObjectId(data[_START : _START + ID_SIZE])


def leaf_edges(data: bytes) -> tuple[RRKey, RRKey]:
    """A leaf's first and last key, without decoding those between; empty ones if it has no entries."""
    _, count, _ = _COUNTS.unpack_from(data, HEADER_SIZE)
    if not count:
        return RRKey(b""), RRKey(b"")
    base = _START + 2 * count
    start = base + int.from_bytes(data[base - 4 : base - 2], "big") if count > 1 else base
    return payload_key(data[base:]), payload_key(data[start:])


def leaf_longest(data: bytes) -> int:
    """Bytes of a leaf's longest entry, without splitting it."""
    _, count, _ = _COUNTS.unpack_from(data, HEADER_SIZE)
    ends = Struct(f">{count}H").unpack_from(data, _START)
    return max(map(sub, ends, (0, *ends)), default=0)


def node_records(data: bytes) -> int:
    """Records below a node, without decoding it."""
    return int.from_bytes(data[_START - 4 : _START], "big")


def leaf_entries(data: bytes) -> tuple[int, int, bool] | None:
    """A leaf's numbers of entries and of records, and whether it has stubs, undecoded; None for an inner node."""
    level, count, records = _COUNTS.unpack_from(data, HEADER_SIZE)
    return None if level else (count, records, bool(data[2] & HAS_STUBS))


def leaf_rrs(data: bytes) -> tuple[int, bytes] | None:
    """A leaf's number of records and the bytes of all its RRs, without decoding it; None if it has stubs."""
    if data[2] & HAS_STUBS:
        return None
    _, count, records = _COUNTS.unpack_from(data, HEADER_SIZE)
    return records, data[_START + 2 * count :]


def encode_rrset(payload: bytes) -> bytes:
    """The `rrset` object of a large stored RRset: header | records u32 | RRs."""
    return header(Kind.RRSET) + record_count(payload).to_bytes(4, "big") + payload


def decode_rrset(data: bytes) -> bytes:
    """The stored RRset in an `rrset` object."""
    if kind_of(data) is not Kind.RRSET:
        raise InvalidObject(f"expected an rrset, found a {kind_of(data).name.lower()}")
    return data[HEADER_SIZE + 4 :]


def check_rrset(data: bytes) -> bytes:
    """Check a foreign `rrset` object and return its stored RRset."""
    payload = decode_rrset(data)
    check_stored(payload)
    if len(payload) <= INLINE_MAX or encode_rrset(payload) != data:
        raise InvalidObject("rrset object is not in canonical form")
    return payload
