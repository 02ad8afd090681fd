"""Bytes that come near an object's canonical form, one way of missing it each."""

import pytest

from modelkit import RDATA
from zonegit.errors import InvalidObject, InvalidRecord
from zonegit.model.commit import Commit, Stamp, Tag
from zonegit.model.ids import Kind, ObjectId, header, kind_of
from zonegit.model.names import Owner, join
from zonegit.model.node import check_node, check_rrset, encode_inner, encode_leaf, encode_rrset, make_stub
from zonegit.model.rrset import RRKey, RRset, check_stored

WWW = RRset.of(join([b"www"]), 1, 300, [b"\1\2\3\4"])
TWO = RRset.of(join([b"www"]), 1, 300, [b"\1\2\3\4", b"\1\2\3\5"])
LARGE = RRset.of(join([b"www"]), 1, 300, [bytes((1, 2, 3, n)) for n in range(99)])
ID = ObjectId(b"\7" * 32)
WHO = Stamp("Ada <ada@example.org>", 1767225600, 60)
SOA = b"\2ns\0\5admin\0"


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\xc0\x0c", b"\xc0\xff"),
        (b"\xc0\x0c", b"\0"),
        (b"www", b"wWw"),
        (b"\3www", b"\x43www"),
        (b"\0\1\0\1", b"\0\1\0\3"),
        (b"\0\1\0\1", b"\0\xff\0\1"),
        (b"\0\1\0\1", b"\0\0\0\1"),
        (b"\0\0\1\x2c", b"\x80\0\1\x2c"),
        (b"\0\4\1", b"\0\3\1"),
        (b"\0\4\1", b"\0\5\1"),
        (b"\1\2\3\4", b"\1\2\3"),
        (b"\1\2\3\4", b"\1\2\3\4\5"),
    ],
)
def test_a_stored_rr_near_its_form_is_refused(old: bytes, new: bytes) -> None:
    payload = replaced(WWW.encode(), old, new)
    with pytest.raises(InvalidObject):
        check_stored(payload)
    with pytest.raises(InvalidObject):
        check_node(header(Kind.NODE) + b"\0\0\1\0\0\0\1" + len(payload).to_bytes(2, "big") + payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\3www",
        b"\3www\xc0",
        b"\3www\xc0\x0c\0\1\0\1\0\0\0\0\0",
        TWO.encode()[:-1],
        TWO.encode()[20:] + TWO.encode()[:20],
        TWO.encode()[:20] * 2,
        replaced(TWO.encode(), b"\1\x2c\0\4\1\2\3\5", b"\1\x2d\0\4\1\2\3\5"),
        TWO.encode()[:20] + replaced(TWO.encode()[20:], b"www", b"wwx"),
        TWO.encode()[:20] + replaced(TWO.encode()[20:], b"\xc0\x0c", b"\xc0\x0d"),
        replaced(RRset.of(Owner(b""), 6, 0, [SOA + bytes(20)]).encode(), SOA + bytes(4), SOA + b"\0\0\0\1"),
        replaced(RRset.of(Owner(b""), 2, 0, [b"\2ns\0"]).encode(), b"ns", b"Ns"),
        replaced(RRset.of(Owner(b""), 2, 0, [b"\2ns\0"]).encode(), b"\2ns\0", b"\2ns\xc0"),
        replaced(RRset.of(Owner(b""), 16, 0, [b"\2ns"]).encode(), b"\2ns", b"\3ns"),
        WWW.encode()[:8].replace(b"\3www", b"\x3f" + b"x" * 63 + b"\x3f" + b"y" * 63) * 2,
    ],
)
def test_an_rrset_near_its_form_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidObject):
        check_stored(payload)


def test_a_signatures_ttl_is_its_original_ttl() -> None:
    rdata = b"\0\1\x08\2\0\0\x0e\x10" + bytes(10) + b"\0" + b"sig"
    payload = RRset.of(Owner(b""), 46, 5, [rdata]).encode()
    assert check_stored(payload) == 1
    with pytest.raises(InvalidObject, match="Original TTL"):
        check_stored(replaced(payload, b"\0\1\0\0\x0e\x10\0", b"\0\1\0\0\x0e\x11\0"))


def test_a_signatures_ttl_is_a_possible_one() -> None:
    rdata = b"\0\1\x08\2\x80\0\0\0" + bytes(10) + b"\0" + b"sig"
    with pytest.raises(InvalidRecord, match="Original TTL"):
        RRset.of(Owner(b""), 46, 5, [rdata])
    good = RRset.of(Owner(b""), 46, 5, [b"\0" * 18 + b"\0", b"\1" + b"\0" * 17 + b"\0"]).encode()
    assert check_stored(good) == 2
    second = good[31:]
    bad = good[:31] + second[:6] + b"\x80" + second[7:16] + b"\x80" + second[17:]
    with pytest.raises(InvalidObject, match="Original TTL"):
        check_stored(bad)


def test_soas_that_differ_in_their_serials_alone_are_one() -> None:
    one, two = SOA + b"\0\0\0\1" + bytes(16), SOA + b"\0\0\0\2" + bytes(16)
    rrset = RRset.of(Owner(b""), 6, 300, [one, two])
    assert rrset.rdatas == (SOA + bytes(20),)
    assert check_stored(rrset.encode()) == 1


NAME = b"\3NaM\3Org\0"


@pytest.mark.parametrize(
    ("rtypes", "rdata"),
    [
        ((2, 3, 4, 5, 7, 8, 9, 12, 39), NAME),
        ((6,), NAME + NAME + bytes(20)),
        ((14, 17), NAME + NAME),
        ((15, 18, 21, 36), b"A\1" + NAME),
        ((26,), b"A\1" + NAME + NAME),
        ((33,), b"ABCDEF" + NAME),
        ((35,), b"ABCD\1U\1E\1R" + NAME),
        ((24, 46), b"ABCD" + bytes(14) + NAME + b"SIG"),
        ((47,), NAME + b"ABC"),
        ((64, 65), b"A\1" + NAME + b"ABC"),
        ((107,), b"A\1" + NAME),
        ((13, 99, 65280), b"\3ABC\3DEF"),
    ],
)
def test_names_in_rdata_are_lowercased_where_rfc_6840_says_so(rtypes: tuple[int, ...], rdata: bytes) -> None:
    for rtype in rtypes:
        wanted = rdata if rtype in (47, 64, 65, 107) else rdata.replace(NAME, NAME.lower())
        assert RRset.of(Owner(b""), rtype, 60, [rdata]).rdatas == (wanted,)


@pytest.mark.parametrize("rtype", sorted(RDATA))
def test_rdata_that_is_cut_short_is_refused(rtype: int) -> None:
    if rtype == 65280:
        return  # opaque, so of any size (RFC 3597)
    with pytest.raises(InvalidRecord):
        RRset.of(Owner(b""), rtype, 0, [b""])


LEAF = encode_leaf([WWW.encode()])


@pytest.mark.parametrize(
    "data",
    [
        LEAF[:2] + b"\1" + LEAF[3:],
        LEAF[:2] + b"\2" + LEAF[3:],
        LEAF[:9] + b"\2" + LEAF[10:],
        LEAF + b"\0",
        LEAF[:-1],
        LEAF[:4],
        encode_leaf([TWO.encode(), WWW.encode()]),
        encode_leaf([WWW.encode(), WWW.encode()]),
        encode_leaf([RRset.of(join([b"xxx"]), 1, 0, [b"1234"]).encode(), WWW.encode()]),
        encode_leaf([LARGE.encode()]),
        header(Kind.NODE) + b"\0\0\2" + bytes(4) + b"\0\5\0\0",
        header(Kind.NODE) + b"\0\xff\xff" + bytes(4),
        encode_leaf([make_stub(WWW.key, WWW.owner, 0, ID)]),
        replaced(encode_leaf([make_stub(WWW.key, WWW.owner, 3, ID)]), b"\xff\0\0\0\0\0", b"\xff\0\0\0\0\1"),
        replaced(encode_leaf([make_stub(WWW.key, WWW.owner, 3, ID)]), b"\xc0\x0c", b"\xc0\x0d"),
        header(Kind.NODE) + b"\1\0\0" + bytes(4),
    ],
)
def test_a_leaf_near_its_form_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidObject):
        check_node(data)


INNER = encode_inner(1, [RRKey(b"a\0\0\0\1"), RRKey(b"ab\0\0\0\1")], [ID, ID], [1, 2])


@pytest.mark.parametrize(
    "data",
    [
        INNER[:2] + b"\1" + INNER[3:],
        INNER[:9] + b"\7" + INNER[10:],
        INNER + b"\0",
        INNER[:-1],
        INNER[:60],
        encode_inner(1, [RRKey(b"b"), RRKey(b"a")], [ID, ID], [1, 2]),
        encode_inner(1, [RRKey(b"a"), RRKey(b"a")], [ID, ID], [1, 2]),
        INNER[:6] + bytes(4) + INNER[10:-16] + replaced(INNER[-16:], b"\0\1\0\5b", b"\0\0\0\6ab"),
        replaced(INNER, b"\0\0\0\1\0\0\0\2", b"\x80\0\0\1\x80\0\0\2"),
    ],
)
def test_an_inner_node_near_its_form_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidObject):
        check_node(data)


@pytest.mark.parametrize(
    "data",
    [
        encode_rrset(WWW.encode()),
        encode_rrset(LARGE.encode())[:-1],
        replaced(encode_rrset(LARGE.encode()), b"\0\0\0\x63", b"\0\0\0\x62"),
        replaced(encode_rrset(LARGE.encode()), header(Kind.RRSET), header(Kind.RRSET, 1)),
        header(Kind.RRSET),
        LEAF,
    ],
)
def test_an_rrset_object_near_its_form_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidObject):
        check_rrset(data)


COMMIT = Commit(ID, (), "example.org.", 1, 1, WHO, WHO, "m\n").encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\1\1\0", b"\1\1\1"),
        (b"\1\1\0", b"\5\1\0"),
        (b"0707", b"070G"),
        (b"zone-root", b"zone-boot"),
        (b"zone example.org.", b"zone Example.org."),
        (b"zone example.org.", b"zone example.org"),
        (b"seq 1", b"seq 01"),
        (b"seq 1", b"seq -1"),
        (b"seq 1", b"seq " + b"9" * 40),
        (b"seq 1\n", b""),
        (b"+0100", b"+0060"),
        (b"+0100", b"-0000"),
        (b"author", b"auth\xff"),
        (b"\n\nm", b"\nm"),
        (b"\n\nm", b"\nX-Header v\n\nm"),
        (b"\n\nm", b"\nheader\n\nm"),
        (b"author Ada", b"author \x01"),
    ],
)
def test_a_commit_near_its_form_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(InvalidObject):
        Commit.decode(replaced(COMMIT, old, new))


def test_the_root_is_a_zone() -> None:
    assert Commit.decode(replaced(COMMIT, b"zone example.org.", b"zone .")).zone == "."


def test_a_commits_parents_are_few_and_each_stands_once() -> None:
    ids = tuple(ObjectId(bytes((n,)) * 32) for n in range(17))
    for parents in (ids, (ids[0], ids[0])):
        data = Commit(ID, parents, "example.org.", 1, 1, WHO, WHO, "m").encode()
        with pytest.raises(InvalidObject, match="parents"):
            Commit.decode(data)


def test_unknown_headers_are_kept_as_they_came() -> None:
    data = replaced(COMMIT, b"\n\nm", b"\nsignature ed25519 abc\nnew-in-v2  two spaces\n\nm")
    assert Commit.decode(data).extra == (("signature", "ed25519 abc"), ("new-in-v2", " two spaces"))
    assert Commit.decode(data).encode() == data


def test_a_commit_or_tag_that_is_too_large_is_not_made() -> None:
    with pytest.raises(InvalidObject, match="shorten"):
        Commit(ID, (), "example.org.", 1, 1, WHO, WHO, "m" * 20_000).encode()
    with pytest.raises(InvalidObject, match="shorten"):
        Tag(ID, "example.org.", "v1", WHO, "m" * 20_000).encode()


def test_a_tag_near_its_form_is_refused() -> None:
    data = Tag(ID, "example.org.", "v1", WHO, "m").encode()
    for old, new in [(b"\5\1\0", b"\5\1\2"), (b"tag v1\n", b""), (b"+0100", b"+0160"), (b"\n\nm", b"m")]:
        with pytest.raises(InvalidObject):
            Tag.decode(replaced(data, old, new))


@pytest.mark.parametrize("data", [b"", b"\1", b"\1\1", b"\0\1\0", b"\6\1\0", b"\1\2\0", b"\xff\xff\xff"])
def test_a_header_of_another_kind_or_version_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidObject):
        kind_of(data)
