"""Records taken out of blocks, whatever their size."""

import pytest

from zonegit.dns.wire.rrsets import node_of, rdata_of, signatures, split, ttl_of, with_ttl
from zonegit.model.rdata import RRSIG, TXT, A
from zonegit.tree.version import BLOCK_ITEM

SIZES = (0, 1, 255, 256, 257, 65535)


def rr(rtype: int, ttl: int, rdata: bytes) -> bytes:
    return (
        b"\xc0\x0c"
        + rtype.to_bytes(2, "big")
        + b"\0\1"
        + ttl.to_bytes(4, "big")
        + len(rdata).to_bytes(2, "big")
        + rdata
    )


@pytest.mark.parametrize("size", SIZES)
def test_records_of_any_size(size: int) -> None:
    one, other = rr(TXT, 70_000, b"x" * size), rr(TXT, 70_000, b"y")
    for rrs in (one + other, other + one):
        assert sorted(split(rrs)) == sorted((one, other))
        assert b"".join(split(rrs)) == rrs
        assert list(split(with_ttl(rrs, 1 << 31))) == [each[:6] + b"\x80\0\0\0" + each[10:] for each in split(rrs)]
    assert rdata_of(one + other) == b"x" * size
    assert ttl_of(one) == 70_000


def test_the_signatures_of_one_type_among_others() -> None:
    of_a, of_txt = (rr(RRSIG, 60, rtype.to_bytes(2, "big") + bytes(300)) for rtype in (A, TXT))
    block = (
        BLOCK_ITEM.pack(A, 1, 16)
        + rr(A, 60, bytes(4))
        + BLOCK_ITEM.pack(RRSIG, 3, 3 * len(of_a))
        + of_a
        + of_txt
        + of_a
    )
    node = node_of(block)
    assert node == {A: (1, rr(A, 60, bytes(4))), RRSIG: (3, of_a + of_txt + of_a)}
    assert signatures(node, A) == (2, of_a * 2)
    assert signatures(node, TXT) == (1, of_txt)
    assert signatures(node, 15) is None
    assert signatures({RRSIG: (1, of_a)}, A) == (1, of_a)
    assert signatures({RRSIG: (1, of_a)}, TXT) is None
    assert signatures({}, A) is None
