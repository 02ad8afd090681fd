"""Two processes that go on with the same: one of them does, the other one is refused and writes nothing."""

import pytest

from samekit import state
from zonegit.errors import Conflict, MergeConflict, NotFound
from zonegit.model.rdata import A
from zonegit.repo import Repository, combining, sequencer
from zonegit.repo.merging import Choice


def address(last: int) -> list[bytes]:
    return [bytes([192, 0, 2, last])]


@pytest.fixture
def apart(repository: Repository) -> Repository:
    """A merge and a cherry-pick of `feature` both stop at `www`; of the pick one commit is to come."""
    repository.create_branch("feature")
    repository.set("www", A, 60, address(1))
    repository.set("www", A, 60, address(2), branch="feature")
    repository.set("new", A, 60, address(3), branch="feature")
    return repository


def stop(repository: Repository, operation: str) -> None:
    with pytest.raises(MergeConflict):
        if operation == "merge":
            repository.merge("feature")
        else:
            repository.cherry_pick("main..feature")


@pytest.mark.parametrize("operation", ["merge", "cherry-pick"])
@pytest.mark.parametrize("other", ["continue", "abort", "resolve"])
def test_one_goes_on(apart: Repository, monkeypatch: pytest.MonkeyPatch, operation, other) -> None:
    stop(apart, operation)
    draft_plan = combining.draft_plan
    before = []

    def meanwhile(context, plan, ours):
        draft = draft_plan(context, plan, ours)
        if not before:
            monkeypatch.undo()
            if other == "continue":
                apart.continue_stopped(operation, [("www", A, "theirs")])
            elif other == "abort":
                apart.abort_stopped(operation)
            else:
                apart.resolve_conflicts(operation, [("www", A, "ours")])
            before.append(state(apart.path))
        return draft

    monkeypatch.setattr(combining, "draft_plan", meanwhile)
    with pytest.raises((Conflict, NotFound), match="another process"):
        apart.continue_stopped(operation, [("www", A, "theirs")])
    assert state(apart.path) == before[0]


def test_it_is_not_resolved_behind_an_abort(apart: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    stop(apart, "merge")
    conflicts_at = sequencer.conflicts_at

    def meanwhile(*arguments):
        apart.abort_stopped("merge")
        return conflicts_at(*arguments)

    monkeypatch.setattr(sequencer, "conflicts_at", meanwhile)
    with pytest.raises(NotFound, match="another process"):
        apart.resolve_conflicts("merge", [("www", A, "theirs")])
    assert apart.unfinished() is None


def test_a_skip_and_an_abort_are_of_what_they_saw(apart: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for call in (apart.skip_stopped, apart.abort_stopped):
        stop(apart, "cherry-pick")
        the_stopped = sequencer.the_stopped

        def meanwhile(context, operation, the_stopped=the_stopped):
            found = the_stopped(context, operation)
            monkeypatch.setattr(sequencer, "the_stopped", the_stopped)
            apart.resolve_conflicts("cherry-pick", [("www", A, Choice.OURS.value)])
            return found

        monkeypatch.setattr(sequencer, "the_stopped", meanwhile)
        with pytest.raises(Conflict, match="another process"):
            call("cherry-pick")
        left = apart.unfinished()
        assert left is not None
        assert [choice for _, _, choice in left.chosen] == ["ours"]
        apart.abort_stopped("cherry-pick")
