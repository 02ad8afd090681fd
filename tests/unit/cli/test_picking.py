"""`revert` and `cherry-pick`."""

import pytest

from samekit import state


def tip(run, revision="HEAD"):
    return run("log", revision, "-n", "1", "--json").json[0]


def addresses(run, name="www"):
    return {line.split()[-1] for line in run("show", name, "A").lines}


@pytest.fixture
def grown(zone):
    """Three commits behind the import: a host, another one, and `www` moved."""
    for number, argv in enumerate([("one", "192.0.2.31"), ("two", "192.0.2.32"), ("www", "192.0.2.10")]):
        zone("set", argv[0], "A", "300", argv[1], "-m", f"Change {number}", "--author", "Bob <bob@example.org>")
    return zone


def test_revert_takes_one_commit_back(grown) -> None:
    target = tip(grown, "HEAD~1")["commit"]
    done = grown("revert", "HEAD~1")
    assert (done.code, done.out) == (0, "-two.example.org.\t300\tIN\tA\t192.0.2.32\n")
    assert tip(grown)["message"] == f'Revert "Change 1"\n\nThis reverts commit {target}.'
    assert grown("reflog", "--json").json[0]["reason"] == 'revert: Revert "Change 1"'
    assert grown("revert", "HEAD").code == 0
    assert tip(grown)["message"].startswith('Reapply "Change 1"\n')
    assert addresses(grown, "two") == {"192.0.2.32"}


def test_revert_of_a_range_begins_with_the_newest(grown) -> None:
    assert grown("revert", "HEAD~3..HEAD").code == 0
    subjects = [commit["message"].partition("\n")[0] for commit in grown("log", "-n", "3", "--json").json]
    assert subjects == ['Revert "Change 0"', 'Revert "Change 1"', 'Revert "Change 2"']
    assert grown("diff", "HEAD~6", "HEAD").out == ""


def test_a_dry_run_tells_each_and_writes_nothing(grown, tmp_path) -> None:
    before = state(tmp_path / "repo")
    done = grown("revert", "HEAD~3..HEAD", "--dry-run", "--json")
    serial = tip(grown)["serial"]
    assert [(each["serial"], each["new"]) for each in done.json["commits"]] == [
        (serial + 1, None),
        (serial + 2, None),
        (serial + 3, None),
    ]
    assert state(tmp_path / "repo") == before


def test_a_merge_is_reverted_to_one_of_its_parents(grown) -> None:
    grown("branch", "side", "HEAD~1")
    grown("set", "side", "A", "300", "192.0.2.99", "--branch", "side")
    assert grown("merge", "side").code == 0
    assert "-m 1" in grown("revert", "HEAD").err
    assert grown("revert", "HEAD", "-m", "3").code == 1
    assert grown("revert", "-m", "2", "HEAD").out.splitlines()[0] == "-www.example.org.\t300\tIN\tA\t192.0.2.10"
    assert "reversing\nchanges made to" in tip(grown)["message"]


def test_cherry_pick_keeps_the_author_and_the_message(grown) -> None:
    grown("checkout", "-b", "side", "HEAD~3")
    assert grown("cherry-pick", "main~2..main", "-x").code == 0
    made = tip(grown)
    picked = tip(grown, "main")
    assert made["author"] == picked["author"]
    assert made["committer"]["name"] == "Ada <ada@example.org>"
    assert made["message"] == f"Change 2\n\n(cherry picked from commit {picked['commit']})"
    assert tip(grown, "HEAD~1")["message"].startswith("Change 1\n")
    assert grown("show", "one", "A").code == 5


def test_what_changes_nothing_is_skipped_and_told(grown, tmp_path) -> None:
    before = state(tmp_path / "repo")
    done = grown("cherry-pick", "HEAD")
    assert (done.code, "skipped a commit" in done.err) == (0, True)
    assert state(tmp_path / "repo") == before


def test_a_zones_first_commit_is_picked_and_not_reverted(run) -> None:
    run("init", "example.org")
    refused = run("revert", "HEAD")
    assert (refused.code, "is the first commit of the zone" in refused.err) == (1, True)
    done = run("cherry-pick", "HEAD")
    assert (done.code, "skipped" in done.err) == (0, True)


def test_it_goes_on_behind_a_conflict(grown) -> None:
    grown("set", "two", "A", "60", "192.0.2.77")
    stopped = grown("revert", "HEAD~4..HEAD~1")
    assert stopped.code == 4
    assert "only the commits before it were made" in stopped.err
    assert "conflict: two.example.org. A" in stopped.out
    assert addresses(grown) == {"192.0.2.1"}, "what came before it is done"
    assert "1 commit still to come" in grown("status").out
    assert grown("revert", "--resolve", "two", "A", "theirs").code == 0
    assert grown("revert", "--continue").code == 0
    assert (grown("show", "one", "A").code, grown("show", "two", "A").code) == (5, 5)
    assert grown("status", "--json").json["stopped"] is None


@pytest.mark.parametrize("way", ["--skip", "--abort"])
def test_skip_and_abort(grown, way) -> None:
    grown("set", "two", "A", "60", "192.0.2.77")
    assert grown("revert", "HEAD~4..HEAD~1", "--json").json["commits"][0]["change_count"] == 1
    assert grown("revert", way).code == 0
    assert grown("show", "one", "A").code == (5 if way == "--skip" else 0)
    assert addresses(grown, "two") == {"192.0.2.77"}
    assert grown("status", "--json").json["stopped"] is None


def test_refusals_leave_the_repository_as_it_was(grown, tmp_path) -> None:
    before = state(tmp_path / "repo")
    for argv, code, word in [
        ([], 2, "REV"),
        (["nowhere"], 5, "nowhere"),
        (["HEAD..HEAD"], 1, "no commits"),
        (["HEAD", "-m", "x"], 2, "--message"),
        (["HEAD", "-m", "2"], 1, "no parent 2"),
        (["HEAD", "HEAD~1", "--message", "x"], 2, "--message"),
        (["HEAD", "--continue"], 2, "--continue"),
        (["HEAD", "--ours"], 2, "--ours"),
        (["--skip"], 5, "has stopped"),
        (["--continue"], 5, "has stopped"),
        (["HEAD", "--branch", "nowhere"], 5, "nowhere"),
    ]:
        for verb in ("revert", "cherry-pick"):
            result = grown(verb, *argv)
            assert (verb, argv, result.code) == (verb, argv, code)
            assert word in result.err
            assert state(tmp_path / "repo") == before
