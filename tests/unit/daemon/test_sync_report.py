"""What a mirror tells of its exchanges: a peer decides how many there are, and not how long the log gets."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from httpkit import Counted
from zonegit.daemon.sync_report import MOVES, SyncReport
from zonegit.model.refs import head
from zonegit.sync.mirror import Moved

ONE: Any = SimpleNamespace(objects=0, size=0)
"""A session that brought nothing."""


def test_a_ref_that_goes_back_and_forth_makes_so_many_lines_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    samples = Counted()
    report = SyncReport(samples, "primary-1")
    caplog.set_level(logging.INFO)
    name = head("example.org.", "main")
    for _ in range(1_000):
        report.moved(Moved((name,), (name,)), ONE, 0)
    assert len(caplog.records) == MOVES
    assert samples.values["sync_duration_seconds_count,peer=primary-1"] == 1_000
