"""A choice holds as long as the RRset on the branch stands as it stood when it was chosen."""

import pytest

from samekit import state

BOB = ("--author", "Bob <bob@example.org>")


@pytest.fixture
def stopped(zone):
    """A merge of `b1`, which moved `www` otherwise than `main`, and has `more`."""
    zone("checkout", "-b", "b1")
    zone("set", "www", "A", "-", "192.0.2.2")
    zone("set", "more", "A", "60", "192.0.2.4")
    zone("checkout", "main")
    zone("set", "www", "A", "-", "192.0.2.3")
    assert zone("merge", "b1").code == 4
    return zone


def address(run, name="www"):
    return run("show", name, "A").out.split()[-1]


@pytest.mark.parametrize("choice", [("--resolve", "www", "A", "theirs"), ("--theirs",)])
def test_a_later_commit_is_not_overwritten(stopped, tmp_path, choice) -> None:
    assert stopped("merge", *choice).code == 0
    stopped("set", "www", "A", "-", "192.0.2.77", *BOB)
    before = state(tmp_path / "repo")
    again = stopped("merge", "--continue")
    assert again.code == 4
    assert "www.example.org. A changed on main since the choice was made: choose again" in again.err
    assert "192.0.2.77" in again.out
    assert state(tmp_path / "repo") == before
    shown = stopped("status", "--json").json["stopped"]
    assert (len(shown["conflicts"]), shown["chosen"]) == (1, [])
    assert stopped("merge", *choice).code == 0
    assert stopped("merge", "--continue").code == 0
    assert address(stopped) == "192.0.2.2"


def test_a_choice_at_going_on_is_about_what_stands_then(stopped) -> None:
    stopped("merge", "--resolve", "www", "A", "theirs")
    stopped("set", "www", "A", "-", "192.0.2.77", *BOB)
    assert stopped("merge", "--continue", "--ours").code == 0
    assert (address(stopped), address(stopped, "more")) == ("192.0.2.77", "192.0.2.4")


def test_what_else_changes_leaves_a_choice(stopped) -> None:
    stopped("merge", "--resolve", "www", "A", "theirs")
    stopped("set", "other", "A", "60", "192.0.2.77", *BOB)
    assert stopped("merge", "--continue").code == 0
    assert address(stopped) == "192.0.2.2"


def test_a_choice_about_no_conflict_is_not_kept_over_a_later_commit(stopped) -> None:
    stopped("merge", "--resolve", "more", "A", "ours", "--resolve", "www", "A", "ours")
    stopped("set", "more", "A", "60", "192.0.2.88", *BOB)
    again = stopped("merge", "--continue")
    assert (again.code, "more.example.org. A changed on main since" in again.err) == (4, True)
    stopped("merge", "--resolve", "more", "A", "ours")
    assert stopped("merge", "--continue").code == 0
    assert address(stopped, "more") == "192.0.2.88"


def test_a_side_for_all_is_not_for_a_conflict_that_came_later(zone) -> None:
    zone("checkout", "-b", "b1")
    zone("delete", "www")
    zone("set", "www", "CNAME", "300", "ns1")
    zone("set", "mail", "A", "-", "192.0.2.26")
    zone("checkout", "main")
    zone("set", "@", "MX", "300", "10 mail.example.net.", "10 www")
    assert zone("merge", "b1", "--theirs").code == 4
    zone("set", "mail", "A", "-", "192.0.2.77", *BOB)
    zone("set", "@", "MX", "300", "10 mail.example.net.")
    again = zone("merge", "--continue")
    assert (again.code, "mail.example.org. A changed on main since" in again.err) == (4, True)
    assert zone("merge", "--continue", "--theirs").code == 0
    assert address(zone, "mail") == "192.0.2.26"
    assert zone("show", "www", "CNAME").out.split()[-1] == "ns1.example.org."


def test_what_was_set_right_is_not_left_for_a_side_for_all(stopped) -> None:
    stopped("set", "www", "A", "-", "192.0.2.77")
    assert stopped("merge", "--continue", "--theirs").code == 0
    assert address(stopped) == "192.0.2.77"
