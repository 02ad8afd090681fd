"""Times at which many zones are due."""

from zonegit.daemon.due_times import DueTimes


def test_the_earliest_comes_first_and_once() -> None:
    due = DueTimes()
    for name, when in (("b", 2.0), ("a", 1.0), ("c", 3.0)):
        due.set(name, when)
    assert due.next() == 1.0
    assert due.take(2.0) == ["a", "b"]
    assert due.take(2.0) == []
    assert (due.get("a"), due.get("c")) == (None, 3.0)


def test_a_time_that_was_replaced_or_discarded_does_not_come() -> None:
    due = DueTimes()
    due.set("a", 5.0)
    due.set("a", 1.0)
    due.set("b", 1.0)
    due.discard("b")
    assert due.take(1.0) == ["a"]
    assert due.take(9.0) == []
    assert due.next() is None


def test_a_zone_that_is_due_again_and_again_takes_no_more_memory() -> None:
    """One that changes each second, and whose refresh is weeks away."""
    due = DueTimes()
    for number in range(100_000):
        due.set("a", 1e6 + number)
    assert len(due) < 2000
    assert due.take(1e7) == ["a"]
