"""Several commits that are picked or reverted: whatever ends them, what is still to do is kept."""

import subprocess
import sys
from pathlib import Path

import pytest

from samekit import state

STRICT = ("--strict", "mx-address")
KILL = """
import os, signal, sys
from zonegit.cli.main import main
from zonegit.repo import combining
commit, made = combining.store_ready, []
def killed(*arguments):
    made.append(commit(*arguments))
    if len(made) == {after} and {inside}:
        os.kill(os.getpid(), signal.SIGKILL)
    return made[-1]
combining.store_ready = killed
plan, planned = combining.draft_plan, []
def counted(*arguments):
    planned.append(0)
    if len(planned) == {after} + 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return plan(*arguments)
combining.draft_plan = counted
sys.exit(main(sys.argv[1:]))
"""


def subjects(run, count):
    return [each["message"].partition("\n")[0] for each in run("log", "-n", str(count), "--json").json]


def todo(run):
    stopped = run("status", "--json").json["stopped"]
    return stopped and (stopped["operation"], stopped["todo"], len(stopped["conflicts"]))


@pytest.fixture
def three(zone):
    """On `b1` behind the fork: `www` as it conflicts with `main`, an MX without an address, a host."""
    zone("checkout", "-b", "b1")
    zone("set", "www", "A", "-", "192.0.2.2", "-m", "Move www")
    zone("set", "@", "MX", "60", "10 nix", "-m", "Point mail to nix")
    zone("set", "c", "A", "60", "192.0.2.30", "-m", "Add c")
    zone("checkout", "main")
    zone("set", "www", "A", "-", "192.0.2.3", "-m", "Move www elsewhere")
    return zone


@pytest.fixture
def hosts(zone):
    """Three hosts on `b1`; `main` has another commit."""
    zone("checkout", "-b", "b1")
    for name in ("one", "two", "three"):
        zone("set", name, "A", "60", "192.0.2.9", "-m", f"Add {name}")
    zone("checkout", "main")
    zone("set", "www", "A", "60", "192.0.2.3", "-m", "Move www")
    return zone


def test_what_a_strict_check_refuses_behind_a_commit_goes_on(three) -> None:
    assert three("cherry-pick", "main..b1").code == 4
    three("cherry-pick", "--resolve", "www", "A", "theirs")
    refused = three("cherry-pick", "--continue", *STRICT)
    assert refused.code == 1
    assert "1 earlier commit was made: continue with 'zonegit cherry-pick --continue', skip" in refused.err
    assert refused.err.count("\n") == 1
    assert subjects(three, 2) == ["Move www", "Move www elsewhere"]
    assert todo(three) == ("cherry-pick", 1, 0)
    assert "zonegit cherry-pick --continue" in three("status").out
    assert three("cherry-pick", "--continue").code == 0
    assert subjects(three, 4) == ["Add c", "Point mail to nix", "Move www", "Move www elsewhere"]
    assert todo(three) is None


def test_what_is_refused_behind_a_skip_can_be_skipped_too(three) -> None:
    three("cherry-pick", "main..b1")
    refused = three("cherry-pick", "--skip", *STRICT)
    assert (refused.code, "nothing moved: continue with" in refused.err) == (1, True)
    assert todo(three) == ("cherry-pick", 1, 0)
    assert three("cherry-pick", "--skip").code == 0
    assert subjects(three, 2) == ["Add c", "Move www elsewhere"]
    assert todo(three) is None


def test_a_refusal_of_the_first_keeps_nothing(three, tmp_path) -> None:
    before = state(tmp_path / "repo")
    refused = three("cherry-pick", "b1~1", "b1", *STRICT)
    assert (refused.code, "--continue" in refused.err) == (1, False)
    assert state(tmp_path / "repo") == before


def test_a_refusal_of_what_comes_later_keeps_the_rest(three) -> None:
    refused = three("cherry-pick", "b1", "b1~1", *STRICT)
    assert (refused.code, "1 earlier commit was made" in refused.err) == (1, True)
    assert todo(three) == ("cherry-pick", 0, 0)
    assert three("cherry-pick", "--abort").code == 0
    assert subjects(three, 1) == ["Add c"]


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("after", [1, 2])
def test_a_killed_range_goes_on_where_it_was(hosts, tmp_path: Path, after, inside) -> None:
    """Inside of a transaction its commit and its state are both lost, behind it both are kept."""
    killed = [sys.executable, "-c", KILL.format(after=after, inside=inside), "cherry-pick", "main..b1"]
    assert subprocess.run(killed, capture_output=True, timeout=60).returncode == -9
    kept = after - 1 if inside else after
    assert subjects(hosts, 3)[kept] == "Move www"
    if kept:
        assert todo(hosts) == ("cherry-pick", 2 - kept, 0)
        assert hosts("cherry-pick", "--continue").code == 0
    else:
        assert todo(hosts) is None
        assert hosts("cherry-pick", "main..b1").code == 0
    assert subjects(hosts, 4) == ["Add three", "Add two", "Add one", "Move www"]


def test_an_interrupted_range_says_how_it_goes_on(hosts, monkeypatch) -> None:
    from zonegit.repo import combining

    drafts = []
    draft_plan = combining.draft_plan

    def interrupted(*arguments):
        drafts.append(draft_plan(*arguments))
        if len(drafts) == 2:
            raise KeyboardInterrupt
        return drafts[-1]

    with monkeypatch.context() as patched:
        patched.setattr(combining, "draft_plan", interrupted)
        stopped = hosts("cherry-pick", "main..b1")
    assert stopped.code == 130
    assert "already committed: [example.org. main " in stopped.err
    assert "'zonegit status' shows how to continue with the rest" in stopped.err
    assert todo(hosts) == ("cherry-pick", 1, 0)
    assert hosts("cherry-pick", "--continue").code == 0
    assert subjects(hosts, 4) == ["Add three", "Add two", "Add one", "Move www"]


def test_a_dry_run_of_several_is_as_the_call(hosts, tmp_path) -> None:
    before = state(tmp_path / "repo")
    tried = hosts("cherry-pick", "main..b1", "--dry-run", "--json")
    assert tried.code == 0
    assert state(tmp_path / "repo") == before
    done = hosts("cherry-pick", "main..b1", "--json")
    assert [each["serial"] for each in tried.json["commits"]] == [each["serial"] for each in done.json["commits"]]
    assert hosts("revert", "HEAD~3..HEAD", "--dry-run", "--json").json["commits"][2]["change_count"] == 1


def test_a_dry_run_of_going_on_shows_all_that_is_to_come(three, tmp_path) -> None:
    three("cherry-pick", "main..b1")
    three("cherry-pick", "--resolve", "www", "A", "theirs")
    before = state(tmp_path / "repo")
    for argv, count in ((["--continue"], 3), (["--skip"], 2)):
        tried = three("cherry-pick", *argv, "--dry-run", "--json")
        assert (tried.code, len(tried.json["commits"])) == (0, count)
        assert state(tmp_path / "repo") == before


def test_a_dry_run_that_meets_a_conflict_shows_what_comes_before_it(three, tmp_path) -> None:
    before = state(tmp_path / "repo")
    tried = three("cherry-pick", "b1", "b1~2", "--dry-run", "--json")
    assert (tried.code, len(tried.json["commits"]), len(tried.json["conflicts"])) == (4, 1, 1)
    assert "dry run, nothing written" in tried.err
    assert state(tmp_path / "repo") == before


def test_a_large_commit_of_several_is_stored_in_groups(hosts, monkeypatch) -> None:
    monkeypatch.setattr("zonegit.repo.store_ahead._GROUP", 1)
    assert hosts("cherry-pick", "main..b1").code == 0
    assert subjects(hosts, 4) == ["Add three", "Add two", "Add one", "Move www"]
    assert hosts("fsck").code == 0


def test_what_was_said_of_signatures_holds_for_all_that_is_to_come(three, monkeypatch) -> None:
    three("cherry-pick", "main..b1", "--unsign")
    from zonegit.repo import combining

    seen = []
    draft_plan = combining.draft_plan
    monkeypatch.setattr(
        combining, "draft_plan", lambda *args: seen.append(args[1].intent.signatures) or draft_plan(*args)
    )
    assert three("cherry-pick", "--continue", "--theirs").code == 0
    assert seen[-3:] == ["unsign"] * 3
