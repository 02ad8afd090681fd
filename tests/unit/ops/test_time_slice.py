"""Threads that ask to run as soon as they wake."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from slicekit import slices
from zonegit.ops.time_slice import SHORTEST, ask_for_short_slices

T = TypeVar("T")


def elsewhere(call: Callable[[], T]) -> T:
    """What a call says in a thread that ends with it, so that the thread of the tests stays as it is."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(call).result()


def slice_length() -> int:
    (length,) = slices(Path("/proc/thread-self/sched").read_text())
    return length


def test_it_is_as_short_as_the_kernel_grants() -> None:
    def asked() -> int:
        assert ask_for_short_slices()
        return slice_length()

    assert elsewhere(slice_length) > SHORTEST
    assert elsewhere(asked) == SHORTEST


def test_threads_that_are_started_later_have_it_too() -> None:
    def asked() -> int:
        ask_for_short_slices()
        return elsewhere(slice_length)

    assert elsewhere(asked) == SHORTEST


def test_policy_and_nice_value_stay() -> None:
    def kept() -> bool:
        os.setpriority(os.PRIO_PROCESS, 0, 19)  # of this thread alone
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        assert ask_for_short_slices()
        return (os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)) == (19, os.SCHED_BATCH)

    assert elsewhere(kept)


def test_a_refusal_is_no_error() -> None:
    def refused() -> bool:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        except PermissionError:
            pytest.skip("needs the right to real-time scheduling")
        return not ask_for_short_slices()

    assert elsewhere(refused)


def test_a_machine_whose_calls_have_other_numbers_is_left_alone(monkeypatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "here", "6.18", "#1", "mips")))
    assert not elsewhere(ask_for_short_slices)
