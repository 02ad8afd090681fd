"""What is said of a merge that stopped: the choices, where it stopped, and how its records are set right."""

import pytest

from samekit import state


@pytest.fixture
def apart(zone):
    """`main` and `feature` gave `www` different addresses; `feature` has a host of its own."""
    zone("branch", "feature")
    zone("set", "new", "A", "300", "192.0.2.30", "--branch", "feature")
    zone("set", "www", "A", "300", "192.0.2.20", "--branch", "feature")
    zone("set", "www", "A", "60", "192.0.2.10")
    return zone


@pytest.fixture
def broken_together(zone):
    """`main` sends mail to `www`, which `feature` made an alias."""
    zone("branch", "feature")
    zone("set", "@", "MX", "300", "10 mail.example.net.", "10 www")
    zone("delete", "www", "--branch", "feature")
    zone("set", "www", "CNAME", "300", "ns1", "--branch", "feature")
    return zone


def test_the_answer_repeats_the_choices(apart) -> None:
    apart("merge", "feature")
    assert "  chosen: www.example.org. A: theirs\n" in apart("merge", "--resolve", "WWW", "A", "theirs").out
    assert "  chosen: www.example.org. A: theirs\n" in apart("status").out
    shown = apart("merge", "--resolve", "www", "A", "base", "--json").json
    assert shown["chosen"] == [{"name": "www.example.org.", "type": "A", "choice": "base"}]
    assert apart("status", "--json").json["stopped"]["chosen"] == shown["chosen"]


def test_a_choice_for_what_is_in_no_conflict_is_told(apart, refused) -> None:
    apart("merge", "feature")
    assert (
        "new.example.org. A is not in conflict; the choice was recorded"
        in apart("merge", "--resolve", "new", "A", "ours").err
    )
    assert apart("merge", "--resolve", "www", "A", "ours").err == ""
    assert apart("merge", "--resolve", "www", "A", "theirs").err == ""
    refused(apart("merge", "--resolve", "ns1", "A", "ours"), 5, "neither side changed ns1.example.org. A")
    assert apart("merge", "--continue").code == 0
    assert apart("show", "new", "A").code == 5


def test_a_dry_run_of_choices_shows_what_they_leave_and_keeps_none(apart, tmp_path) -> None:
    apart("merge", "feature")
    before = state(tmp_path / "repo")
    for argv in (["--theirs"], ["--resolve", "www", "A", "theirs"]):
        tried = apart("merge", *argv, "--dry-run")
        assert tried.code == 0
        assert "dry run, nothing written" in tried.err
        assert "chosen: www.example.org. A: theirs\n  nothing is left to resolve\n" in tried.out
        assert state(tmp_path / "repo") == before
    assert "conflict: www.example.org. A" in apart("status").out


def test_from_elsewhere_the_records_are_set_with_zone_and_branch(apart) -> None:
    command = "zonegit set NAME TYPE TTL RDATA --zone example.org. --branch main"
    assert command not in apart("merge", "feature").err
    assert command not in apart("status").out
    apart("zone", "add", "example.net")
    apart("zone", "switch", "example.net")
    assert f"  {command}\n" in apart("status").out
    assert command in apart("status", "--json").json["stopped"]["ways_on"]
    assert f"correct the records with '{command}', or choose" in apart("merge", "--continue").err
    assert apart(*command.replace("NAME TYPE TTL RDATA", "www A 60 192.0.2.77").split()[1:]).code == 0
    assert command not in apart("status").out
    assert apart("merge", "--continue").code == 0


def test_from_another_branch_they_are_set_with_branch(apart) -> None:
    apart("checkout", "feature")
    stopped = apart("merge", "feature", "--branch", "main")
    assert "--zone example.org. --branch main', or choose" in stopped.err


def test_what_is_broken_together_can_be_resolved_by_choices(broken_together) -> None:
    stopped = broken_together("merge", "feature")
    assert stopped.code == 4
    assert "each side alone is valid, but the merged zone isn't" in stopped.err
    assert "or choose with 'zonegit merge --resolve NAME TYPE ours|theirs|base|both'" in stopped.err
    resolved = broken_together("merge", "--resolve", "@", "MX", "base")
    assert (resolved.err, "nothing is left to resolve" in resolved.out) == ("", True)
    assert broken_together("merge", "--continue").code == 0


def test_a_merge_that_was_undone_is_brought_back_by_redo(apart) -> None:
    assert apart("merge", "feature", "--theirs").code == 0
    assert "redo" not in apart("merge", "feature").err
    assert apart("undo").code == 0
    again = apart("merge", "feature")
    assert (again.code, "already up to date" in again.err, "'zonegit redo' redoes it" in again.err) == (
        0,
        True,
        True,
    )
    assert apart("redo").code == 0
    assert "redo" not in apart("merge", "feature").err
