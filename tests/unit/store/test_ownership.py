"""Whose the files of a repository are: the directory's owner's, and its group's where that may write."""

import errno
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

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

    monkeypatch.setattr(os, "chmod", refuse)
    LmdbStore.open(path, readonly=True).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_makes_files_for_the_owner_of_the_directory():
    with TemporaryDirectory() as place:
        Path(place).chmod(0o755)  # pytest's own directories let nobody through
        path = Path(place) / "repo"
        path.mkdir()
        os.chown(path, 12345, 12346)
        LmdbStore.create(path).close()
        assert os.geteuid() == 0
        (path / "lock.mdb").unlink()
        LmdbStore.open(path).close()
        assert {(file.stat().st_uid, file.stat().st_gid) for file in path.iterdir()} == {(12345, 12346)}
