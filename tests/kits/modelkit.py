"""Hypothesis strategies for the values of the model: names, RRsets, nodes, commits, and damaged bytes of them."""

from hypothesis import strategies as st

from zonegit.model.commit import Commit, Stamp, Tag
from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner, join, lower
from zonegit.model.node import INLINE_MAX, encode_inner, encode_leaf, encode_rrset, make_stub
from zonegit.model.rrset import RRKey, RRset
from zonegit.model.zone import Shape, Zone

SPECIAL = b"\0\1\2*.\\-_aZz09\x7f\x80\xc0\xff"
label_bytes = st.one_of(
    st.sampled_from([b"www", b"a", b"A", b"*", b"_tcp", b"\0", b"\1", b"\1\1", b"\0\1", b"\2", b"x" * 63]),
    st.lists(st.sampled_from(SPECIAL), min_size=1, max_size=6).map(bytes),
    st.binary(min_size=1, max_size=63),
)


def _fits(labels: list[bytes]) -> bool:
    return sum(map(len, labels)) + len(labels) < 200


owner_labels = st.lists(label_bytes, max_size=5).filter(_fits)
owners = owner_labels.map(lambda labels: Owner(lower(join(labels))))
wire_names = st.lists(label_bytes, max_size=4).filter(_fits).map(lambda labels: bytes(join(labels)) + b"\0")
strings = st.binary(max_size=40).map(lambda text: bytes((len(text),)) + text)
ttls = st.integers(0, (1 << 31) - 1)
ids = st.binary(min_size=32, max_size=32).map(ObjectId)


def fields(*parts: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.tuples(*parts).map(b"".join)


def raw(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


RDATA: dict[int, st.SearchStrategy[bytes]] = {
    1: raw(4),
    2: wire_names,
    6: fields(wire_names, wire_names, raw(20)),
    15: fields(raw(2), wire_names),
    16: st.lists(strings, min_size=1, max_size=3).map(b"".join),
    28: raw(16),
    33: fields(raw(6), wire_names),
    35: fields(raw(4), strings, strings, strings, wire_names),
    43: fields(raw(4), st.binary(max_size=32)),
    46: fields(raw(4), ttls.map(lambda ttl: ttl.to_bytes(4, "big")), raw(10), wire_names, st.binary(max_size=64)),
    47: fields(wire_names, st.binary(max_size=20)),
    64: fields(raw(2), wire_names, st.binary(max_size=20)),
    65280: st.binary(max_size=30),
}


@st.composite
def rrsets(draw: st.DrawFn, most: int = 4) -> RRset:
    rtype = draw(st.sampled_from(sorted(RDATA)))
    rdatas = draw(st.lists(RDATA[rtype], min_size=1, max_size=most))
    return RRset.of(draw(owners), rtype, draw(ttls), rdatas)


@st.composite
def large_rrsets(draw: st.DrawFn) -> RRset:
    count = draw(st.integers(80, 120))
    return RRset.of(draw(owners), 1, 60, [draw(raw(2)) + bytes((n, 1)) for n in range(count)])


@st.composite
def leaves(draw: st.DrawFn) -> bytes:
    small = {rrset.key: rrset.encode() for rrset in draw(st.lists(rrsets(most=2), max_size=6))}
    entries = {key: payload for key, payload in small.items() if len(payload) <= INLINE_MAX}
    for rrset in draw(st.lists(rrsets(), max_size=2)):
        entries[rrset.key] = make_stub(rrset.key, rrset.owner, draw(st.integers(1, 99)), draw(ids))
    return encode_leaf([entries[key] for key in sorted(entries)])


@st.composite
def inners(draw: st.DrawFn) -> bytes:
    keys = sorted({RRKey(rrset.key) for rrset in draw(st.lists(rrsets(most=1), min_size=1, max_size=6))})
    children = [draw(ids) for _ in keys]
    return encode_inner(draw(st.integers(1, 255)), keys, children, [draw(st.integers(1, 1 << 28)) for _ in keys])


text = st.text(st.characters(min_codepoint=32, exclude_characters="\x7f", exclude_categories=["Cs"]), max_size=20)
stamps = st.builds(
    Stamp, text.filter(bool), st.integers(-(10**14), 10**14), st.integers(-99 * 60 - 59, 99 * 60 + 59)
)
extras = st.lists(st.tuples(st.from_regex(r"[a-z][a-z0-9-]{0,9}", fullmatch=True), text), max_size=2).map(tuple)
zones = st.sampled_from([".", "example.org.", "0/25.2.0.192.in-addr.arpa.", "a\\.b.\\000\\255."])
messages = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
commits = st.builds(
    Commit,
    zone_root=ids,
    parents=st.lists(ids, max_size=3, unique=True).map(tuple),
    zone=zones,
    seq=st.integers(0, 10**20),
    generation=st.integers(0, 10**6),
    author=stamps,
    committer=stamps,
    message=messages,
    extra=extras,
)
tags = st.builds(Tag, target=ids, zone=zones, name=text, tagger=stamps, message=messages, extra=extras)
shapes = st.tuples(raw(32), st.lists(st.integers(64, 16384), min_size=3, max_size=3)).map(
    lambda made: Shape(made[0], *sorted(made[1]))
)
zone_objects = st.builds(Zone, ids, shapes, st.integers(0, (1 << 64) - 1))
objects = st.one_of(
    leaves(),
    inners(),
    large_rrsets().map(lambda rrset: encode_rrset(rrset.encode())),
    commits.map(Commit.encode),
    tags.map(Tag.encode),
    zone_objects.map(Zone.encode),
)


@st.composite
def damaged(draw: st.DrawFn, source: st.SearchStrategy[bytes] = objects) -> bytes:
    """Good bytes with one to three of: a byte changed, bytes put in, taken out, cut off, doubled."""
    data = draw(source)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        end = draw(st.integers(at, min(len(data), at + 8)))
        new = draw(st.one_of(st.binary(max_size=4), st.just(b""), st.just(data[at:end] * 2), st.just(b"\xff\xff")))
        data = data[:at] + new + data[end:] if draw(st.booleans()) else data[:at] + new + data[at + len(new) :]
    return data
