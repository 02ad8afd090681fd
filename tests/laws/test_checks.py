"""The short ways of checking foreign records say what the long ones say, whatever the bytes."""

from itertools import accumulate

from hypothesis import example, given, settings
from hypothesis import strategies as st

from zonegit.errors import InvalidObject, InvalidRecord
from zonegit.model import rdata
from zonegit.model.leaf_scan import LeafScan, scan_leaf
from zonegit.model.node import PLAIN_LEAF, check_node
from zonegit.model.rrset import check_all, check_stored, payload_key, payload_keys
from zonegit.tree.servable import checked_plain, leaf_plain
from zonegit.zonefile.rdata.fitting import misfit

LABEL = st.binary(min_size=1, max_size=5).map(lambda label: bytes((len(label),)) + label)
PLAIN = st.text("abz09-_*AZ", min_size=1, max_size=5).map(lambda label: bytes((len(label),)) + label.encode())
NAME = st.lists(LABEL | PLAIN, max_size=3).map(lambda labels: b"".join(labels) + b"\0")
STRING = st.binary(max_size=5).map(lambda text: bytes((len(text),)) + text)
RDATA = st.one_of(
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=16, max_size=16),
    NAME,
    NAME.map(lambda name: b"\0\x0a" + name),
    NAME.map(lambda name: bytes(6) + name),
    st.lists(STRING, max_size=2).map(b"".join),
    st.binary(max_size=20),
)
TYPES = st.sampled_from((1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 41, 46, 99, 0, 255, 65000))

ADDRESSES = st.builds(
    lambda label, tail: bytes((len(label),)) + label.encode() + b"\xc0\x0c\0" + tail,
    st.text("abz09-_*", min_size=1, max_size=63),
    st.sampled_from((b"\1\0\1\0\0\1\x2c\0\4abcd", b"\x1c\0\1\0\0\1\x2c\0\x10" + bytes(16))),
)


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """Stored RRsets of one or two records, some of them spoilt in one byte."""
    owner = b"".join(draw(st.lists(LABEL | PLAIN, max_size=2)))
    head = (
        owner
        + b"\xc0\x0c"
        + draw(TYPES).to_bytes(2, "big")
        + b"\0\1"
        + draw(st.sampled_from((b"\0\0\1\x2c", b"\x80\0\0\0")))
    )
    parts = sorted(draw(st.lists(RDATA, min_size=1, max_size=2)))
    found = bytearray(b"".join(head + len(part).to_bytes(2, "big") + part for part in parts))
    if draw(st.booleans()):
        found[draw(st.integers(0, len(found) - 1))] = draw(st.sampled_from((0, 1, 0x40, 0x41, 0x61, 0xC0, 0xFF)))
    return bytes(found[: draw(st.integers(1, len(found)))] if draw(st.integers(0, 9)) == 0 else found)


@st.composite
def leaves(draw: st.DrawFn) -> bytes:
    """Leaves of a few RRsets, many of which have one thing wrong."""
    entries = draw(st.lists(payloads() | ADDRESSES, max_size=5))
    if draw(st.integers(0, 3)):
        entries = sorted({payload_key(entry): entry for entry in entries if outcome(check_stored, entry)}.items())
        entries = [entry for _, entry in entries]
    ends = list(accumulate(map(len, entries)))
    records = sum(outcome(check_stored, entry) or 1 for entry in entries)
    found = bytearray(PLAIN_LEAF + len(ends).to_bytes(2, "big") + records.to_bytes(4, "big"))
    found += b"".join(end.to_bytes(2, "big") for end in ends) + b"".join(entries)
    if not draw(st.integers(0, 3)):
        found[draw(st.integers(0, len(found) - 1))] ^= draw(st.sampled_from((1, 2, 0x20, 0x80)))
    return bytes(found[: draw(st.integers(0, len(found)))] if not draw(st.integers(0, 9)) else found)


def outcome(check, payload: bytes):
    try:
        return check(payload)
    except InvalidObject:
        return None


@given(payloads())
@example(b"\x01a\xc0\x0c\0\1\0\1\0\0\0\0\0\4\n\0\0\1")
@example(b"\x02a\xc0\x0c\0\1\0\1\0\0\0\0\0\4\n\0\0\1")
@example(b"\x01a\x01b\xc0\x0c\0\1\0\1\0\0\0\0\0\4\n\0\0\1")
@example(b"\x010\x2d" + b"x" * 45 + b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\n\0\0\1")
def test_many_are_checked_as_each_alone(payload: bytes) -> None:
    assert outcome(lambda found: check_all([found]), payload) == outcome(check_stored, payload)
    if outcome(check_stored, payload):
        assert payload_keys([payload, payload]) == (payload_key(payload), payload_key(payload))


@settings(max_examples=500)
@given(leaves())
@example(PLAIN_LEAF + b"\0\1\0\0\0\1\0\5\4abcd")
def test_a_scanned_leaf_is_what_the_decoded_one_is(data: bytes) -> None:
    found, node = scan_leaf(data), outcome(check_node, data)
    if found is not None:
        longest = max(map(len, node.keys))
        types = {int.from_bytes(key[-2:], "big") for key in node.keys}
        assert found[:-1] == LeafScan(node.records, node.keys[0], node.keys[-1], longest)[:-1]
        assert not found.checked or all(rtype != rdata.SOA and rdata.is_checked(rtype) for rtype in types)
        assert not found.checked or leaf_plain(data, longest, misfit) == checked_plain(longest)
    elif node is not None and not node.level:
        assert node.stubs or not node.keys or any(b"\1" in key[:-3] for key in node.keys)


@given(TYPES, RDATA)
def test_canonical_rdata_is_told_by_the_short_way_too(rtype: int, data: bytes) -> None:
    try:
        expected = rdata.canonical(rtype, data) == data
    except InvalidRecord:
        expected = False
    try:
        found = rdata.is_canonical(rtype, data)
    except InvalidRecord:
        found = False
    assert found == expected
