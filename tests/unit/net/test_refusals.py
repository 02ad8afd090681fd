"""A caller who is refused leaves a line in the log, and only so many."""

import logging

import pytest

from zonegit.net.refusals import MOST, PERIOD, Refusals


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.WARNING)
    return lambda: [record.getMessage() for record in caplog.records]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_who_which_key_and_why(lines) -> None:
    refusals = Refusals(Clock())
    refusals.tell("192.0.2.7", "unknown_key", "k1")
    refusals.tell("2001:db8::7", "syntax")
    assert lines() == [
        "refused a caller source=192.0.2.7 kid=k1 reason=unknown_key",
        "refused a caller source=2001:db8::7 kid=- reason=syntax",
    ]


def test_the_same_again_is_told_once_a_period(lines) -> None:
    clock = Clock()
    refusals = Refusals(clock)
    for _ in range(5):
        refusals.tell("192.0.2.7", "mac", "k1")
        clock.now += PERIOD / 4
    assert len(lines()) == 2


def test_all_together_leave_so_many_lines_and_the_rest_is_counted(lines) -> None:
    clock = Clock()
    refusals = Refusals(clock)
    for number in range(1000):
        refusals.tell(f"192.0.2.{number % 250}", "unknown_key", f"k{number}")
    assert len(lines()) == MOST
    clock.now += PERIOD
    refusals.tell("192.0.2.7", "mac", "k1")
    assert lines()[-1] == f"refused a caller source=192.0.2.7 kid=k1 reason=mac left_out={1000 - MOST}"
