"""When a child that died is started again."""

import signal
from pathlib import Path

import pytest

from daemonkit import until
from idle_child import fail, idle
from zonegit.daemon import child_process
from zonegit.daemon.child_process import FIRST_PAUSE, LONGEST_PAUSE, Child


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(child_process, "monotonic", lambda: now[0])
    return now


def dead(child: Child) -> None:
    assert child.join(30)
    assert child.ended()
    assert not child.ended(), "an end is told once"


def test_pauses_double_while_it_keeps_dying(clock):
    child = Child("x", 3, fail, tuple)
    pauses = []
    for _ in range(3):
        child.start()
        assert child.due is None
        dead(child)
        assert child.due is not None
        pauses.append(child.due - clock[0])
    assert pauses == pytest.approx([FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE])
    assert child.keeps_dying
    assert child.restarts == 3
    child._pause = 100 * LONGEST_PAUSE
    child.start()
    clock[0] += 60
    dead(child)
    assert child.due == pytest.approx(clock[0] + FIRST_PAUSE), "it had lived for a while"
    assert not child.keeps_dying


def test_a_start_that_failed_is_tried_again_later(clock):
    child = Child("x", 3, fail, tuple)
    pauses = []
    for _ in range(9):
        child.postpone()
        assert child.due is not None
        pauses.append(child.due - clock[0])
    assert pauses[:3] == pytest.approx([0.1, 0.2, 0.4])
    assert pauses[-1] == LONGEST_PAUSE
    assert child.restarts == 0


def test_where_memory_is_out_a_child_goes_first_from_its_start_on():
    def rank(pid: object) -> int:
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

    child = Child("x", 3, idle, tuple, expendable=100)
    child.start()
    assert rank(child.pid) == min(rank("self") + 100, 1000)
    child.signal(signal.SIGKILL)
    dead(child)


def test_signals_wait_until_a_child_can_take_them():
    child = Child("x", 3, idle, tuple)
    child.start()
    assert child.pid
    child.signal(signal.SIGHUP)
    child.signal(signal.SIGUSR1)
    assert not child.ended()
    child.signal(signal.SIGKILL)
    until(child.ended, "its end")
    child.signal(signal.SIGTERM)
    assert child.join(0)
