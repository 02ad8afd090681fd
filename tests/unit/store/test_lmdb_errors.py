"""What LMDB and the disk say, in words for an operator."""

import errno

import lmdb
import pytest

from zonegit.errors import StoreError, StoreFull
from zonegit.store.lmdb_tables import translated


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (errno.ENOSPC, StoreFull, "no space is left"),
        (errno.EDQUOT, StoreFull, "no space is left"),
        (errno.EFBIG, StoreFull, "no space is left"),
        (errno.EROFS, StoreError, "is read-only; nothing was written"),
        (errno.EACCES, StoreError, "no permission"),
    ],
)
def test_a_write_that_fails(code: int, kind: type[StoreError], words: str) -> None:
    error = lmdb.DiskError("commit")
    error.code = code
    found = translated(error, "/somewhere")
    assert type(found) is kind
    assert words in str(found)
