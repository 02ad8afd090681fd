"""`undo` and `redo` as an operator meets them."""

import pytest


@pytest.fixture
def changed(zone):
    zone("set", "www", "A", "300", "192.0.2.7", "--author", "Bob <bob@example.org>")
    return zone


def test_undo_says_what_was_undone(changed) -> None:
    result = changed("undo")
    assert result.code == 0
    assert result.lines == [
        "-www.example.org.\t300\tIN\tA\t192.0.2.7",
        "+www.example.org.\t300\tIN\tA\t192.0.2.1",
    ]
    date = changed("reflog", "--json").json[1]["who"]["date"][:10]
    assert result.err.splitlines()[-1] == f"undone: commit: set www A (Bob, {date})"
    assert "serial 2026112003, 1 RRset changed" in result.err
    again = changed("redo")
    assert again.lines[-1] == "+www.example.org.\t300\tIN\tA\t192.0.2.7"
    assert again.err.splitlines()[-1] == f"redone: commit: set www A (Bob, {date})"


def test_json_has_the_commit_and_the_operation(changed) -> None:
    done = changed("undo", "--json").json
    assert (done["branch"], done["change_count"]) == ("main", 1)
    assert done["undone"]["reason"] == "commit: set www A"
    assert done["undone"]["who"]["name"] == "Bob <bob@example.org>"
    redone = changed("redo", "--json").json
    assert redone["old"] == done["new"]
    assert redone["redone"]["reason"] == "commit: set www A"


def test_a_dry_run_says_what_would_be_undone(changed) -> None:
    result = changed("undo", "--dry-run")
    assert "dry run, nothing written" in result.err
    assert "would be undone: commit: set www A (Bob, " in result.err
    assert changed("show", "www", "A").out.endswith("192.0.2.7\n")


def test_message_branch_and_author(changed) -> None:
    changed("branch", "test")
    changed("set", "www", "A", "300", "192.0.2.8", "--branch", "test")
    assert changed("undo", "--branch", "test", "-m", "Oops", "--author", "Eve").code == 0
    commit = changed("log", "-1", "--json", "test").json[0]
    assert (commit["message"], commit["author"]["name"]) == ("Oops", "Eve")


def test_refusals(zone, refused) -> None:
    refused(zone("undo"), 1, "nothing left to undo", "import: Import example.org.zone")
    refused(zone("redo"), 1, "nothing to redo")
    refused(zone("undo", "--branch", "absent"), 5, "no branch absent")
    refused(zone("undo", "-m", ""), 2, "--message is empty")
    refused(zone("undo", "x"), 2, "unrecognized arguments")


def test_a_rename_is_called_so_once(zone) -> None:
    assert zone("rename", "www", "web").code == 0
    assert zone("reflog", "--json").json[0]["reason"] == "rename: www.example.org. to web.example.org."
    assert "undone: rename: www.example.org. to web.example.org. (" in zone("undo").err
