"""Notes of what is being read, and of the zones left out."""

import pytest

from zonegit.ops.crumbs import MOST, Crumbs, size

APEX = b"\7example\0"


@pytest.fixture
def crumbs() -> Crumbs:
    return Crumbs(memoryview(bytearray(size(3))))


def test_a_note_stands_as_long_as_the_reading(crumbs: Crumbs) -> None:
    for process in range(3):
        note = crumbs.note(process, 1)
        with note(APEX):
            assert crumbs.clear(process) == [APEX]
        with note(b"\0"):
            pass
        assert crumbs.clear(process) == []


def test_all_threads_of_a_process_and_no_other_are_told(crumbs: Crumbs) -> None:
    long = b"".join(b"\x3f" + b"x" * 63 for _ in range(3)) + b"\x3d" + b"x" * 61 + b"\0"
    assert len(long) == 255
    crumbs.note(1, 0)(APEX)
    crumbs.note(1, 1)(long)
    crumbs.note(2, 0)(b"\0")
    assert crumbs.clear(0) == []
    assert crumbs.clear(1) == [APEX, long]
    assert crumbs.clear(1) == []
    assert crumbs.clear(2) == [b"\0"]


def test_zones_are_left_out_up_to_a_bound(crumbs: Crumbs) -> None:
    zones = [bytes((1, 32 + number, 0)) for number in range(MOST + 1)]
    assert [crumbs.leave_out(zone) for zone in zones] == [True] * MOST + [False]
    assert crumbs.leave_out(zones[0])
    assert sorted(crumbs.left_out) == zones[:MOST]
    crumbs.take_back(zones[3])
    assert zones[3] not in crumbs.left_out
    assert crumbs.leave_out(zones[MOST])
    crumbs.take_back()
    assert crumbs.left_out == []


def test_carefulness_is_a_processs_own(crumbs: Crumbs) -> None:
    crumbs.set_careful(1, True)
    assert [crumbs.is_careful(process) for process in range(3)] == [False, True, False]
    crumbs.set_careful(1, False)
    assert not crumbs.is_careful(1)
