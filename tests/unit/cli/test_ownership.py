"""Root becomes the owner of a repository, where that user can run the program."""

import os

import lmdb
import pytest

from zonegit.cli import ownership
from zonegit.errors import StoreError


@pytest.mark.parametrize("part", [ownership.__file__, lmdb.__file__, os.__file__])
def test_what_the_owner_cannot_read_is_named(monkeypatch, tmp_path, part) -> None:
    owner = os.getuid() or 65534
    os.chown(tmp_path, owner, -1)
    monkeypatch.setenv("SUDO_UID", str(owner))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("zonegit.repo.caller.continue_as", lambda *_: None)
    assert ownership.as_owner(tmp_path) == tmp_path
    monkeypatch.setattr("os.access", lambda file, _mode: file != part)
    with pytest.raises(StoreError) as refused:
        ownership.as_owner(tmp_path)
    assert f", who cannot read {part}, which zonegit needs: install" in str(refused.value)
