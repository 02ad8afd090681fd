"""When what is removed leaves a tombstone, and what is told of it."""

from pathlib import Path

import pytest

from zonegit.model.ids import object_id
from zonegit.model.refs import remote
from zonegit.repo import Repository
from zonegit.repo.tombstones import tombstone_objects
from zonegit.store.port import RefUpdate

STAYS = "a tombstone tells"


def settings(tmp_path: Path, text: str) -> None:
    (tmp_path / "repo" / "zonegitd.toml").write_text(text)


def peer(*more: str) -> str:
    return "\n".join(["[[peer]]", "name = 'b'", *more]) + "\n"


def test_removal_by_tombstone_and_the_ways_back(zone) -> None:
    removed = zone("zone", "remove", "example.org", "--tombstone")
    assert (removed.code, removed.out) == (0, "")
    assert f"removed example.org.\n{STAYS} the peers of the removal\n" in removed.err
    assert zone("zone", "list").out == ""
    restored = zone("zone", "restore", "example.org")
    assert restored.code == 0 and "restored example.org. with branch main at" in restored.err
    assert zone("log", "-1").out.splitlines()[-3].strip() == "Restore example.org."
    assert zone("show", "www", "A").code == 0
    zone("branch", "lab")
    deleted = zone("branch", "-D", "lab", "--tombstone")
    back = next(line for line in deleted.err.splitlines() if line.startswith("to undo: zonegit "))
    assert STAYS in deleted.err
    assert zone("branch").out.count("\n") == 1
    assert zone(*back.removeprefix("to undo: zonegit ").split()).code == 0
    assert zone("branch").out.count("\n") == 2
    assert STAYS in zone("branch", "-m", "lab", "test", "--tombstone").err
    assert zone("branch", "-m", "test", "lab").code == 0


def test_the_option_is_refused_where_nothing_goes(zone, refused) -> None:
    refused(zone("branch", "lab", "--tombstone"), 2, "needs -d, -D or -m")
    refused(zone("branch", "--tombstone"), 2, "needs -d, -D or -m")


def test_a_dry_run_tells_of_it_and_leaves_none(zone) -> None:
    told = zone("zone", "remove", "example.org", "--tombstone", "--dry-run").err
    assert told == "dry run, nothing written: would remove example.org., and leave a tombstone\n"
    assert zone("zone", "list").out


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("", False),
        (peer(), False),
        (peer("policy = 'ff-only'"), False),
        (peer("policy = 'merge'"), True),
        (peer("policy = 'hold'"), True),
        (peer("policy = 'merge'", "zones = ['example.net.']"), False),
        (peer("policy = 'merge'", "zones = ['*']", "exclude = ['example.org.']"), False),
        (peer("policy = 'ff-only'") + peer("policy = 'hold'").replace("'b'", "'c'"), True),
        (peer() + "[zone.'example.org.']\nmerge = 'merge'\n", True),
        (peer("policy = 'merge'") + "[zone.'Example.org']\nmerge = 'ff-only'\n", False),
    ],
)
def test_the_configuration_says_whether_one_is_left(zone, tmp_path: Path, text: str, stays: bool) -> None:
    settings(tmp_path, text)
    zone("branch", "lab")
    for argv in (("branch", "-D", "lab"), ("zone", "remove", "example.org")):
        found = zone(*argv)
        assert found.code == 0
        assert (STAYS in found.err) == stays


def seen(path: Path, name: str, branch: str = "main", *, removed: bool = False) -> None:
    """Let a peer have a branch as it is here, or have removed it."""
    with Repository.open(path / "repo") as repository, repository._store.write() as writer:
        tip = repository.resolve(branch)
        objects = tombstone_objects(repository._context.nodes, tip, tip.commit.author, "Remove") if removed else []
        writer.insert(objects)
        there = object_id(objects[-1]) if objects else tip.id
        update = RefUpdate(remote(name, "example.org.", branch), None, there)
        writer.move_refs([update], tip.commit.author, "fetch")


@pytest.mark.parametrize("removed", [False, True])
@pytest.mark.parametrize("text", ["", peer("policy = 'merge'")])
def test_a_branch_that_a_peer_has_leaves_one(zone, tmp_path: Path, text: str, removed: bool) -> None:
    settings(tmp_path, text)
    zone("branch", "lab")
    for branch in ("main", "lab"):
        seen(tmp_path, "b", branch, removed=removed)
    assert STAYS in zone("branch", "-D", "lab").err
    assert STAYS in zone("zone", "remove", "example.org").err


@pytest.mark.parametrize(
    "text", [peer("policy = 'ff-only'"), peer("policy = 'merge'") + "[zone.'example.org.']\nmerge = 'ff-only'\n"]
)
def test_that_a_peer_may_bring_it_back_is_told_where_none_is_left(zone, tmp_path: Path, text: str) -> None:
    settings(tmp_path, text)
    zone("branch", "lab")
    zone("branch", "mine")
    for branch in ("main", "lab"):
        seen(tmp_path, "b", branch)
    seen(tmp_path, "c", "main")
    assert "may bring it back" not in zone("branch", "-D", "mine").err
    told = "it too, and may bring it back: remove it there, or use --tombstone here"
    assert f"b has {told}" in zone("branch", "-D", "lab").err
    found = zone("zone", "remove", "example.org")
    assert f"b and 1 other peer have {told}" in found.err
    assert STAYS not in found.err


@pytest.mark.parametrize(
    "text", [peer("policy = 'merged'"), "[zone.'example.org.']\nmerge = 3\n", peer("policy = 'merge'", "zones = 3")]
)
def test_a_setting_that_is_wrong_stops_it(zone, refused, tmp_path: Path, text: str) -> None:
    settings(tmp_path, text)
    before = zone("zone", "list").out
    refused(zone("zone", "remove", "example.org"), 2, "zonegitd.toml")
    assert zone("zone", "list").out == before


KEPT = "the branch's history is kept: others write the zone too\n"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", False),
        (peer("policy = 'ff-only'"), False),
        (peer("policy = 'merge'"), True),
        (peer("policy = 'hold'"), True),
        (peer() + "[zone.'example.org.']\nmerge = 'merge'\n", True),
        (peer("policy = 'merge'") + "[zone.'example.org.']\nmerge = 'ff-only'\n", False),
    ],
)
def test_a_reset_keeps_the_history_where_others_write(zone, tmp_path: Path, text: str, kept: bool) -> None:
    settings(tmp_path, text)
    zone("set", "bad", "A", "300", "192.0.2.66")
    planned = zone("reset", "--hard", "HEAD~1", "--dry-run")
    assert (KEPT.replace(" is ", " would be ") in planned.err) == kept
    assert zone("show", "bad", "A").code == 0
    done = zone("reset", "--hard", "HEAD~1")
    assert (done.code, KEPT in done.err) == (0, kept)
    assert zone("show", "bad", "A").code == 5
    assert zone("log", "--oneline").out.count("\n") == (3 if kept else 2)
    assert KEPT not in zone("reset", "--hard", "HEAD").err
    assert zone("undo").code == 0
    assert zone("show", "bad", "A").code == 0


def test_a_reset_keeps_the_history_of_a_branch_that_a_peer_has(zone, tmp_path: Path) -> None:
    zone("branch", "lab", "HEAD")
    seen(tmp_path, "b")
    for branch, kept in (("main", True), ("lab", False)):
        zone("set", "bad", "A", "300", "192.0.2.66", "--branch", branch)
        done = zone("reset", "--hard", f"{branch}~1", "--branch", branch)
        assert (done.code, KEPT in done.err) == (0, kept)


def test_nothing_is_exported_or_checked_of_a_tombstone(zone, refused) -> None:
    zone("zone", "remove", "example.org", "--tombstone")
    zone("zone", "add", "example.org")
    stone = zone("log", "--json").json[1]["commit"]
    for argv in (
        ("export",),
        ("check",),
        ("cherry-pick",),
        ("reset", "--hard"),
        ("checkout", "-b", "x"),
    ):
        refused(zone(*argv, stone), 1, "removed the branch, and has no records")
    assert "Remove example.org." in zone("show", stone).out
    assert zone("diff", f"{stone}~1", stone).out.count("\n-") == 6
