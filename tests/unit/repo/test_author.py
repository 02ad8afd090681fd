"""Who a commit's author is where nobody says."""

import os

import pytest

from zonegit.repo.context import Context
from zonegit.store.memory import MemoryStore


@pytest.fixture
def author(monkeypatch):
    """`author(uid, **environment)` is the name in a stamp."""

    def call(uid, **environment):
        for name in ("ZONEGIT_AUTHOR", "SUDO_USER", "SUDO_UID"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"LOGNAME": "root", **environment}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(os, "geteuid", lambda: uid)
        return Context.over(MemoryStore()).stamp(None).name

    return call


def test_under_sudo_it_is_the_caller(author) -> None:
    assert author(0, SUDO_USER="alice", SUDO_UID="1001") == "alice (sudo)"
    assert author(0, SUDO_USER="alice", ZONEGIT_AUTHOR="Ada <ada@example.org>") == "Ada <ada@example.org>"


def test_else_it_is_the_user_at_this_host(author) -> None:
    here = f"root@{os.uname().nodename}"
    assert author(0) == here
    assert author(0, SUDO_USER="root") == here
    assert author(0, SUDO_USER="") == here
    assert author(1001, LOGNAME="bob", SUDO_USER="alice") == f"bob@{os.uname().nodename}"
