"""A caller who is refused leaves a line in the log, and only so many."""

import logging

import pytest

from zonegit.net.server.rate_limited_log import MOST, RateLimitedLog
from zonegit.ops.log import PERIOD


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.WARNING)
    return lambda: [record.getMessage() for record in caplog.records]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_who_which_key_and_why(lines) -> None:
    clock = Clock()
    refusals = RateLimitedLog(clock)
    refusals.refused("192.0.2.7", "unknown_key", "k1")
    clock.now += PERIOD
    refusals.refused("2001:db8::7", "syntax")
    assert lines() == [
        "refused a request source=192.0.2.7 kid=k1 reason=unknown_key",
        "refused a request source=2001:db8::7 kid=- reason=syntax",
    ]


def test_the_same_again_is_told_once_a_period(lines) -> None:
    clock = Clock()
    refusals = RateLimitedLog(clock)
    for _ in range(5):
        refusals.refused("192.0.2.7", "mac", "k1")
        clock.now += PERIOD / 4
    assert len(lines()) == 2


def test_all_together_leave_so_many_lines_and_the_rest_is_counted(lines) -> None:
    clock = Clock()
    refusals = RateLimitedLog(clock)
    for number in range(1000):
        refusals.refused(f"192.0.2.{number % 250}", "forbidden", f"k{number}", proven=True)
    assert len(lines()) == MOST
    clock.now += PERIOD
    refusals.refused("192.0.2.7", "replayed", "k1", proven=True)
    assert lines()[-1] == f"refused a request source=192.0.2.7 kid=k1 reason=replayed left_out={1000 - MOST}"


def test_strangers_leave_one_line_a_period_and_take_none_from_others(lines) -> None:
    clock = Clock()
    refusals = RateLimitedLog(clock)
    for number in range(1000):
        refusals.refused(f"192.0.2.{number % 250}", "unknown_key", f"k{number}")
        refusals.failed("192.0.2.1", ValueError("what a stranger sent"))
    assert len(lines()) == 1
    refusals.refused("192.0.2.7", "clock_skew", "k1", proven=True)
    assert lines()[1:] == ["refused a request source=192.0.2.7 kid=k1 reason=clock_skew"]
    clock.now += PERIOD
    refusals.refused("192.0.2.7", "mac", "k1")
    assert lines()[2:] == ["refused a request source=192.0.2.7 kid=k1 reason=mac left_out=1999"]


def test_a_key_with_too_many_connections_is_told_once_with_what_to_do(lines) -> None:
    clock = Clock()
    refusals = RateLimitedLog(clock)
    for _ in range(5):
        refusals.crowded("192.0.2.7", "k1")
    (line,) = lines()
    way = "give each secondary its own key, or raise connections_per_source in [replication]"
    assert line == f'too many connections with one key source=192.0.2.7 kid=k1 way="{way}"'


def test_other_loggers_lines_count_among_those_of_strangers(lines, caplog) -> None:
    clock = Clock()
    refusals = RateLimitedLog(clock)
    other = logging.getLogger("some.library")
    other.addFilter(refusals)
    try:
        for number in range(10):
            other.error("what a stranger did: %d", number)
        clock.now += PERIOD
        other.error("what a stranger did: %s", "again")
    finally:
        other.removeFilter(refusals)
    assert lines() == ["what a stranger did: 0", "what a stranger did: again left_out=9"]
