"""Laws of the values: canonical order, decode o encode = id, and that bytes which aren't canonical never pass."""

from random import Random

import dns.name
from hypothesis import given
from hypothesis import strategies as st

from modelkit import (
    commits,
    damaged,
    inners,
    label_bytes,
    large_rrsets,
    leaves,
    objects,
    owner_labels,
    owners,
    rrsets,
    tags,
    wire_names,
    zone_objects,
)
from zonegit.errors import InvalidName, InvalidObject, InvalidRecord, OutOfZone
from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import Kind, kind_of
from zonegit.model.names import (
    Owner,
    WireName,
    absolute,
    from_text,
    join,
    key_owner,
    labels,
    lower,
    owner_key,
    relative,
    to_text,
)
from zonegit.model.node import (
    Leaf,
    check_node,
    check_rrset,
    decode_node,
    decode_rrset,
    encode_inner,
    encode_leaf,
    encode_rrset,
    is_stub,
)
from zonegit.model.rdata import name_end
from zonegit.model.rrset import RRset, check_stored, key_parts, payload_key, record_count
from zonegit.model.zone import Zone
from zonegit.store.tables import MAX_KEY


@given(owner_labels, owner_labels)
def test_keys_sort_as_dnspython_sorts_names(one: list[bytes], two: list[bytes]) -> None:
    apex = [b"example", b"org", b""]
    a, b = (owner_key(Owner(lower(join(found)))) for found in (one, two))
    x, y = dns.name.Name([*one, *apex]), dns.name.Name([*two, *apex])
    assert (a < b, a == b) == (x < y, x == y)


@given(st.lists(st.lists(label_bytes, max_size=2), min_size=2, max_size=12))
def test_lists_of_names_sort_as_dnspython_sorts_them(names: list[list[bytes]]) -> None:
    by_key = sorted(names, key=lambda name: owner_key(Owner(lower(join(name)))))
    by_name = sorted(names, key=lambda name: dns.name.Name([*name, b""]))
    assert [lower(join(name)) for name in by_key] == [lower(join(name)) for name in by_name]


@given(owners)
def test_an_owners_key_gives_the_owner_back(owner: Owner) -> None:
    assert key_owner(owner_key(owner)) == owner
    assert join(labels(owner)) == owner


@given(owners, owners)
def test_a_key_begins_with_anothers_exactly_for_names_below_it(one: Owner, two: Owner) -> None:
    below = labels(one)[len(labels(one)) - len(labels(two)) :] == labels(two) and len(one) >= len(two)
    assert owner_key(one).startswith(owner_key(two)) == below


@given(st.lists(st.binary(min_size=63, max_size=63), min_size=3, max_size=3), st.binary(min_size=61, max_size=61))
def test_every_key_of_a_view_fits_lmdb(most: list[bytes], rest: bytes) -> None:
    owner = Owner(join([*most, rest]))
    assert len(owner) == 254
    assert len(owner_key(owner)) <= len(owner_key(Owner(join([b"\0" * 63] * 3 + [b"\0" * 61])))) == 504
    assert MAX_KEY >= 4 + 504 + 1  # a view's key, and where the one after it is sought


@given(wire_names)
def test_names_survive_their_text(wire: bytes) -> None:
    assert from_text(to_text(wire)) == wire
    assert name_end(wire, 0) == len(wire)
    assert from_text(dns.name.from_wire(wire, 0)[0].to_text()) == wire


@given(st.binary(max_size=300))
def test_any_bytes_hold_a_name_or_none(data: bytes) -> None:
    try:
        end = name_end(data, 0)
    except InvalidRecord:
        return
    assert dns.name.from_wire(data, 0)[1] == end


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_an_invalid_one(text: str) -> None:
    try:
        wire = from_text(text)
    except InvalidName:
        return
    assert name_end(wire, 0) == len(wire)


@given(owners, wire_names)
def test_a_name_is_its_owner_below_the_apex(owner: Owner, wire: bytes) -> None:
    apex = WireName(lower(wire))
    assert relative(absolute(owner, apex), apex) == owner


@given(wire_names, wire_names)
def test_names_outside_are_told_from_names_inside(wire: bytes, other: bytes) -> None:
    apex = WireName(lower(other))
    inside = dns.name.from_wire(wire, 0)[0].is_subdomain(dns.name.from_wire(apex, 0)[0])
    try:
        assert absolute(relative(wire, apex), apex) == lower(wire)
    except OutOfZone:
        assert not inside
    else:
        assert inside


@given(rrsets())
def test_an_rrset_survives_its_stored_form(rrset: RRset) -> None:
    payload = rrset.encode()
    assert RRset.decode(payload) == rrset
    assert check_stored(payload) == record_count(payload) == len(rrset.rdatas)
    assert payload_key(payload) == rrset.key
    assert key_parts(rrset.key) == (rrset.owner, rrset.rtype)


@given(rrsets(), st.randoms(use_true_random=False))
def test_an_rrset_has_one_form_whatever_order_its_records_came_in(rrset: RRset, rng: Random) -> None:
    shuffled = [*rrset.rdatas, *rrset.rdatas]
    rng.shuffle(shuffled)
    assert RRset.of(rrset.owner, rrset.rtype, rrset.ttl, shuffled) == rrset


@given(leaves() | inners())
def test_a_node_survives_its_bytes(data: bytes) -> None:
    node = check_node(data)
    assert decode_node(data) == node
    if isinstance(node, Leaf):
        assert encode_leaf(node.payloads) == data
        assert list(node.keys) == sorted(node.keys)
    else:
        assert encode_inner(node.level, node.keys, node.children, node.counts) == data


@given(large_rrsets())
def test_a_large_rrset_survives_its_object(rrset: RRset) -> None:
    data = encode_rrset(rrset.encode())
    if len(rrset.encode()) > 1024:
        assert check_rrset(data) == rrset.encode() == decode_rrset(data)


@given(commits)
def test_a_commit_survives_its_bytes(commit: Commit) -> None:
    assert Commit.decode(commit.encode()) == commit


@given(tags)
def test_a_tag_survives_its_bytes(tag: Tag) -> None:
    assert Tag.decode(tag.encode()) == tag


@given(zone_objects)
def test_a_zone_survives_its_bytes(zone: Zone) -> None:
    assert Zone.decode(zone.encode()) == zone


def accepted(data: bytes) -> bool:
    """Whether the model takes these bytes for an object. It must refuse with `InvalidObject` and nothing else."""
    checks = {
        Kind.NODE: check_node,
        Kind.RRSET: check_rrset,
        Kind.COMMIT: Commit.decode,
        Kind.TAG: Tag.decode,
        Kind.ZONE: Zone.decode,
    }
    try:
        checks[kind_of(data)](data)
    except InvalidObject:
        return False
    return True


def again(data: bytes) -> bytes:
    """An accepted object made again from nothing but the values in it."""
    kind = kind_of(data)
    if kind is Kind.COMMIT:
        return Commit.decode(data).encode()
    if kind is Kind.TAG:
        return Tag.decode(data).encode()
    if kind is Kind.ZONE:
        return Zone.decode(data).encode()
    if kind is Kind.RRSET:
        return encode_rrset(anew(decode_rrset(data)))
    node = decode_node(data)
    if isinstance(node, Leaf):
        return encode_leaf([entry if is_stub(entry) else anew(entry) for entry in node.payloads])
    return encode_inner(node.level, node.keys, node.children, node.counts)


def anew(payload: bytes) -> bytes:
    found = RRset.decode(payload)
    return RRset.of(found.owner, found.rtype, found.ttl, found.rdatas).encode()


@given(objects)
def test_every_object_is_accepted_and_is_its_own_canonical_form(data: bytes) -> None:
    if kind_of(data) is not Kind.RRSET or len(data) > 1024 + 7:
        assert accepted(data)
        assert again(data) == data


@given(damaged() | st.binary(max_size=100))
def test_damaged_objects_are_refused_or_canonical(data: bytes) -> None:
    if accepted(data):
        assert again(data) == data


@given(damaged(rrsets().map(RRset.encode)))
def test_damaged_rrsets_are_refused_or_canonical(payload: bytes) -> None:
    try:
        check_stored(payload)
    except InvalidObject:
        return
    assert anew(payload) == payload


@given(damaged(rrsets().map(RRset.encode)))
def test_damaged_entries_are_refused_or_canonical(payload: bytes) -> None:
    try:
        leaf = check_node(encode_leaf([payload]))
    except (InvalidObject, IndexError):
        return  # the encoder is given canonical entries only
    assert isinstance(leaf, Leaf)
    assert leaf.payloads == (payload,)
