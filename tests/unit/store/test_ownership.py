"""Whose the files of a repository are: the directory's owner's, and its group's where that may write."""

import errno
import os
from functools import partial

import pytest

from zonegit.errors import StoreError
from zonegit.store.lmdb import LmdbStore


def test_the_group_may_write_where_it_may_write_to_the_directory(tmp_path):
    path = tmp_path / "repo"
    path.mkdir()
    path.chmod(0o2770)
    before = os.umask(0o077)
    try:
        LmdbStore.create(path).close()
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in path.iterdir()} == {0o660}


def test_files_whose_mode_cannot_be_set_are_used_as_they_are(tmp_path, monkeypatch):
    path = tmp_path / "repo"
    LmdbStore.create(path).close()
    path.chmod(0o2770)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "fchmod", refuse)
    LmdbStore.open(path, readonly=True).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_opens_no_repository_of_others(tmp_path):
    mine, other = tmp_path / "mine", tmp_path / "other"
    LmdbStore.create(other).close()
    mine.mkdir()
    os.chown(mine, 12345, 12346)
    os.chown(other, 12345, 12346)
    for call in (LmdbStore.create, LmdbStore.open, partial(LmdbStore.open, readonly=True)):
        for path in (mine, other):
            with pytest.raises(StoreError):
                call(path)
    with pytest.raises(StoreError, match="belongs to 12345, and root opens only its own repositories"):
        LmdbStore.open(other)
    assert list(mine.iterdir()) == []
