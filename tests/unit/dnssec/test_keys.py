"""DNSKEY records of which a part is missing."""

import pytest

from zonegit.dnssec.keys import zone_key

ALGORITHMS = (5, 7, 8, 10, 13, 14, 15, 16)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("key", [b"", b"\0", b"\0\0", b"\0\0\0", b"\1", b"\3\1\0\1", b"\xff", b"\0\xff\xff\1"])
def test_a_key_that_is_cut_short_verifies_nothing(algorithm: int, key: bytes) -> None:
    found = zone_key(bytes((1, 1, 3, algorithm)) + key)
    assert found is not None
    assert found.verify is not None
    assert not found.verify(b"signature", b"data")
