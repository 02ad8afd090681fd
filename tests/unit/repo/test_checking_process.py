"""A zone that is checked in a process beside this one."""

import io
import os
import signal
from collections.abc import Iterator

import pytest

from zonegit.model.names import parse_apex
from zonegit.repo import checking_process
from zonegit.repo.checking_process import checking, checking_beside
from zonegit.zonefile.check import check_entries
from zonegit.zonefile.reader import read_zone

APEX = parse_apex("example.com.")
ZONE = b"""@ 60 SOA ns1 h 1 7200 900 1209600 300
@ 60 NS ns1
a 60 CNAME b
a 60 A 192.0.2.1
d 60 MX 10 nowhere
"""
ENTRIES = read_zone(io.BytesIO(ZONE), name="zone", origin=APEX).entries
FOUND = check_entries(APEX, ENTRIES)


@pytest.fixture
def forks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The processes that are forked in a test, by their ids; afterwards all of them have been waited for."""
    found: list[int] = []
    fork = os.fork

    def counted() -> int:
        child = fork()
        found.append(child)
        return child

    monkeypatch.setattr(os, "fork", counted)
    yield found
    for child in found:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, os.WNOHANG)


def test_the_findings_are_the_same(forks: list[int]) -> None:
    assert FOUND
    with checking_beside(APEX, ENTRIES) as findings:
        assert findings() == FOUND
    assert len(forks) == 1


def test_a_small_zone_is_checked_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    with checking(APEX, ENTRIES) as findings:
        assert findings() == FOUND


def test_a_large_zone_is_checked_beside_unless_there_are_threads(
    forks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
    monkeypatch.setattr(checking_process, "_LARGE", 1)
    for threads, expected in ((1, 1), (2, 1)):
        monkeypatch.setattr(checking_process.threading, "active_count", lambda threads=threads: threads)
        with checking(APEX, ENTRIES) as findings:
            assert findings() == FOUND
        assert len(forks) == expected


def test_without_a_process_the_zone_is_checked_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> int:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(os, "fork", refused)
    with checking_beside(APEX, ENTRIES) as findings:
        assert findings() == FOUND


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_if_the_process_dies_the_zone_is_checked_here(
    forks: list[int], monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    here = os.getpid()

    def dying(*args: object) -> object:
        if os.getpid() != here:
            raise error
        return check_entries(APEX, ENTRIES)

    monkeypatch.setattr(checking_process, "check_entries", dying)
    with checking_beside(APEX, ENTRIES) as findings:
        assert findings() == FOUND
    assert len(forks) == 1


def test_the_process_ends_if_its_findings_are_not_wanted(forks: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking_process, "check_entries", lambda *args: signal.pause())
    with pytest.raises(KeyboardInterrupt), checking_beside(APEX, ENTRIES):
        raise KeyboardInterrupt
    assert len(forks) == 1
