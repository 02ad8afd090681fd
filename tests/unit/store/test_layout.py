"""What readers of views see of an entry without unsealing it."""

import pytest
from hypothesis import given
from hypothesis.strategies import binary, integers

from zonegit.store.layout import VIEW_ENTRY, head_of_entry, seal
from zonegit.tree.version import BLOCK_ITEM

U32 = integers(0, 0xFFFFFFFF)


@given(binary(min_size=1, max_size=40), integers(0, 0xFFFF), U32, U32, binary(max_size=80))
def test_the_head_of_an_entry_is_its_seal_and_its_first_rrset(key, rtype, records, size, rrs):
    sealed = seal(key, BLOCK_ITEM.pack(rtype, records, size) + rrs)
    assert head_of_entry(sealed) == (int.from_bytes(sealed[:4], "big"), rtype, records, size)
    assert sealed[VIEW_ENTRY:] == rrs
    with pytest.raises(IndexError):
        head_of_entry(sealed[: VIEW_ENTRY - 1])
