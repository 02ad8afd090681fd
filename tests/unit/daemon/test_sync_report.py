"""What a mirror tells of its exchanges: a peer decides how many there are, and not how long the log gets."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from httpkit import Counted
from zonegit.daemon.sync_report import MOVES, SyncReport
from zonegit.model.refs import Ref, RefKind, head
from zonegit.sync.arrival import Result
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


def test_reviews_are_counted_and_unfit_ones_told_once(caplog: pytest.LogCaptureFixture) -> None:
    report = SyncReport(Counted(), "primary-1")
    caplog.set_level(logging.INFO)
    refs = [Ref(kind, "example.org.", f"{at}") for at, kind in enumerate((RefKind.REVIEW, RefKind.REVIEW))]
    refs.append(Ref(RefKind.PROPOSAL, "example.org.", "1/2"))
    taken = tuple(Result(ref, "updated", None) for ref in refs)
    report.moved(Moved(refs=3, results=taken), ONE, 0)
    assert "pulled peer=primary-1 branches=0 reviews=2 proposals=1 " in caplog.text
    report.moved(Moved(), ONE, 0)
    unfit = [Result(ref, "refused", None, "unfit-review", "it has no signature") for ref in refs]
    for results in (unfit, unfit, [], unfit[:1]):
        report.decided(results)
    lines = [line for line in caplog.text.splitlines() if "left out reviews or proposals" in line]
    assert [line.split(" peer=primary-1 ")[1] for line in lines] == [
        'count=3 reason="it has no signature"',
        'count=1 reason="it has no signature"',
    ]
