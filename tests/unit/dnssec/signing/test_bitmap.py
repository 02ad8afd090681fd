"""Bitmaps of types as RFC 4034 §4.1.2 defines them, and which types they have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.dnssec.bitmap import types_in
from zonegit.dnssec.signing.bitmap import answered_types, bitmap
from zonegit.dnssec.signing.standing import Standing
from zonegit.model.rdata import DS, MX, NS, NSEC, RRSIG, A


def test_rfc_4034_4_3_the_example() -> None:
    expected = "0006400100000003041b" + "00" * 26 + "20"
    assert bitmap([A, MX, RRSIG, NSEC, 1234]).hex() == expected


def test_rfc_5155_7_1_an_empty_non_terminal_has_no_types() -> None:
    assert bitmap([]) == b""


@pytest.mark.parametrize("rtype", [0, 7, 8, 255, 256, 65535])
def test_the_last_byte_of_a_block_is_never_zero(rtype: int) -> None:
    made = bitmap([rtype])
    assert made[0] == rtype >> 8
    assert made[1] == (rtype & 255) // 8 + 1 == len(made) - 2
    assert made[-1] == 0x80 >> rtype % 8


@given(st.frozensets(st.integers(0, 65535), max_size=20))
def test_the_verifier_reads_what_was_written(types: frozenset[int]) -> None:
    assert types_in(bitmap(types)) == types


def test_rfc_4035_2_3_a_cut_has_only_the_delegation() -> None:
    assert list(answered_types(Standing.CUT, [A, NS, DS])) == [NS, DS]
    assert list(answered_types(Standing.CUT, [A, NS])) == [NS]
    assert list(answered_types(Standing.AUTHORITATIVE, [A, DS])) == [A, DS]
