"""`merge`, and going on with one that stopped."""

from pathlib import Path

import pytest

from samekit import state

CONFLICT = """\
conflict: www.example.org. A
  base    300  192.0.2.1
  ours     60  192.0.2.10          (Ada, {day}: Move www to the new rack)
  theirs  300  192.0.2.20          (Bob, {day}: Renumber)
"""


def tip(run, revision="HEAD"):
    return run("log", revision, "-n", "1", "--json").json[0]


def kept(path: Path) -> dict[str, object]:
    """All but what is stopped."""
    found = state(path)
    settings = found["settings"]
    assert isinstance(settings, list)
    found["settings"] = [each for each in settings if b"MERGE" not in each[0]]
    return found


@pytest.fixture
def forked(zone):
    """`zone`, whose branch `feature` has a new host."""
    zone("checkout", "-b", "feature")
    zone("set", "new", "A", "300", "192.0.2.30", "-m", "A new host", "--author", "Bob <bob@example.org>")
    zone("checkout", "main")
    return zone


@pytest.fixture
def apart(forked):
    """Both branches also gave `www` another address."""
    bob = ("--author", "Bob <bob@example.org>", "--branch", "feature")
    forked("set", "www", "A", "300", "192.0.2.20", "-m", "Renumber", *bob)
    forked("set", "www", "A", "60", "192.0.2.10", "-m", "Move www to the new rack")
    return forked


def test_a_fast_forward_moves_the_branch(forked) -> None:
    done = forked("merge", "feature")
    assert (done.code, done.out) == (0, "+new.example.org.\t300\tIN\tA\t192.0.2.30\n")
    assert tip(forked) == tip(forked, "feature")
    assert forked("reflog", "--json").json[0]["reason"] == "merge feature: Fast-forward"


def test_a_message_that_a_fast_forward_has_no_use_for_is_told(forked) -> None:
    assert "the message was not used" in forked("merge", "feature", "-m", "Take it").err
    assert tip(forked)["message"] == "A new host"
    assert "the message" not in forked("merge", "feature", "-m", "Take it").err


def test_what_is_there_already_changes_nothing(forked, tmp_path) -> None:
    before = state(tmp_path / "repo")
    for name in ("main", "HEAD~0", tip(forked)["commit"]):
        done = forked("merge", name)
        assert (done.code, done.out) == (0, "")
        assert "already up to date" in done.err
    assert state(tmp_path / "repo") == before


def test_a_merge_commit_has_both_parents_and_gits_message(forked) -> None:
    ours, theirs = tip(forked)["commit"], tip(forked, "feature")["commit"]
    assert forked("merge", "feature", "--no-ff").code == 0
    made = tip(forked)
    assert (made["parents"], made["message"]) == ([ours, theirs], "Merge branch 'feature'")
    assert forked("reflog", "--json").json[0]["reason"] == "merge feature: Merge branch 'feature'"


def test_both_sides_changes_are_taken(forked) -> None:
    forked("add", "www", "A", "-", "192.0.2.2")
    forked("add", "www", "A", "-", "192.0.2.3", "--branch", "feature")
    forked("delete", "mail", "AAAA")
    assert forked("merge", "feature", "-m", "Both").code == 0
    assert [line.split()[-1] for line in forked("show", "www", "A").lines] == [
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.3",
    ]
    assert forked("show", "new", "A").code == 0
    assert tip(forked)["message"] == "Both"


def test_conflicts_stop_it_and_move_nothing(apart, tmp_path) -> None:
    before = kept(tmp_path / "repo")
    result = apart("merge", "feature")
    day = tip(apart)["author"]["date"][:10]
    assert (result.code, result.out) == (4, CONFLICT.format(day=day))
    assert result.err.count("\n") == 1
    assert kept(tmp_path / "repo") == before
    assert "conflict: www.example.org. A" in apart("status").out
    stopped = apart("status", "--json").json["stopped"]
    assert (stopped["operation"], stopped["branch"], stopped["name"]) == ("merge", "main", "feature")
    assert apart("merge", "--abort").code == 0
    assert apart("status", "--json").json["stopped"] is None
    assert state(tmp_path / "repo") == before


def test_conflicts_as_json(apart) -> None:
    result = apart("merge", "feature", "--json")
    assert result.code == 4
    assert (result.json["operation"], result.json["zone"], result.json["commits"]) == ("merge", "example.org.", [])
    (conflict,) = result.json["conflicts"]
    assert (conflict["name"], conflict["type"]) == ("www.example.org.", "A")
    sides = {side: [record["rdataA"] for record in conflict[side]] for side in ("base", "ours", "theirs")}
    assert sides == {"base": ["192.0.2.1"], "ours": ["192.0.2.10"], "theirs": ["192.0.2.20"]}
    assert conflict["theirs_by"]["message"] == "Renumber"


@pytest.mark.parametrize(
    ("choice", "address"),
    [
        ("ours", {"192.0.2.10"}),
        ("theirs", {"192.0.2.20"}),
        ("base", {"192.0.2.1"}),
        ("both", {"192.0.2.10", "192.0.2.20"}),
    ],
)
def test_choices(apart, choice, address) -> None:
    apart("merge", "feature")
    assert "nothing is left to resolve" in apart("merge", "--resolve", "www", "A", choice).out
    assert apart("merge", "--continue").code == 0
    assert {line.split()[-1] for line in apart("show", "www", "A").lines} == address
    assert len(tip(apart)["parents"]) == 2


def test_one_side_for_all(apart) -> None:
    assert apart("merge", "feature", "--theirs").code == 0
    assert apart("show", "www", "A").out.endswith("192.0.2.20\n")


def test_a_record_set_right_resolves_a_conflict(apart) -> None:
    apart("merge", "feature")
    assert apart("merge", "--continue").code == 4
    apart("set", "www", "A", "300", "192.0.2.1")
    assert apart("merge", "--continue").code == 0
    assert apart("show", "www", "A").out.endswith("192.0.2.1\n")
    assert apart("show", "new", "A").code == 0


def test_what_is_broken_together_is_a_conflict(forked, tmp_path) -> None:
    forked("delete", "mail")
    forked("set", "@", "MX", "300", "10 www")
    forked("set", "www", "CNAME", "300", "ns1", "--branch", "feature", "--dry-run")
    forked("delete", "www", "--branch", "feature")
    forked("set", "www", "CNAME", "300", "ns1", "--branch", "feature")
    before = kept(tmp_path / "repo")
    result = forked("merge", "feature")
    assert result.code == 4
    assert "mx-cname" in result.out
    assert kept(tmp_path / "repo") == before
    assert "mx-cname" in forked("status").out
    assert forked("merge", "--continue").code == 4
    assert forked("merge", "--continue", "--strict", "none").code == 0


def test_refusals_leave_the_repository_as_it_was(apart, tmp_path) -> None:
    apart("zone", "add", "example.net")
    other = apart("log", "-n", "1", "--zone", "example.net", "--json").json[0]["commit"]
    before = state(tmp_path / "repo")
    for argv, code, word in [
        (["merge"], 2, "REV"),
        (["merge", "feature", "--ff-only"], 1, "--ff-only"),
        (["merge", "feature", "--ff-only", "--no-ff"], 2, "--no-ff"),
        (["merge", "nowhere"], 5, "nowhere"),
        (["merge", other], 1, "example.net."),
        (["merge", "feature", "--continue"], 2, "--continue"),
        (["merge", "feature", "--resolve", "www", "A", "ours"], 2, "--resolve"),
        (["merge", "feature", "--dry-run"], 4, "dry run"),
        (["merge", "feature", "-m", ""], 2, "--message"),
        (["merge", "feature", "--branch", "nowhere"], 5, "nowhere"),
        (["merge", "--continue"], 5, "has stopped"),
        (["merge", "--abort"], 5, "has stopped"),
        (["merge", "--resolve", "www", "A", "ours"], 5, "has stopped"),
        (["merge", "--resolve", "www", "A", "mine"], 2, "mine"),
        (["merge", "--abort", "--ours"], 2, "--abort"),
    ]:
        result = apart(*argv)
        assert (argv, result.code) == (argv, code)
        assert word in result.err
        assert result.err.count("\n") == 1
        assert state(tmp_path / "repo") == before


def test_where_nothing_has_stopped_nothing_else_is_suggested(zone, refused) -> None:
    for way in ("--continue", "--abort"):
        result = zone("merge", way)
        refused(result, 5, "no merge, revert or cherry-pick has stopped\n")


def test_refusals_while_a_merge_has_stopped(apart, tmp_path) -> None:
    apart("merge", "feature")
    before = state(tmp_path / "repo")
    for argv, code, word in [
        (["merge", "feature"], 1, "merge --continue"),
        (["revert", "HEAD"], 1, "merge --abort"),
        (["revert", "--continue"], 1, "merge --continue"),
        (["cherry-pick", "feature"], 1, "merge --continue"),
        (["cherry-pick", "--abort"], 1, "merge --abort"),
        (["merge", "--resolve", "ns1", "A", "ours"], 5, "neither side"),
        (["merge", "--resolve", "www.example.org", "A", "ours"], 5, "www.example.org.example.org. A;"),
        (["merge", "--continue", "--branch", "feature"], 2, "on main of example.org."),
        (["--zone", "example.net", "merge", "--continue"], 2, "on main of example.org."),
        (["merge", "--continue", "--zone", "example.net"], 2, "on main of example.org."),
        (["merge", "--continue", "--resolve", "ns1", "A", "ours"], 5, "neither side"),
    ]:
        result = apart(*argv)
        assert (argv, result.code) == (argv, code)
        assert word in result.err
        assert state(tmp_path / "repo") == before


def test_an_alias_has_no_both(forked) -> None:
    forked("set", "alias", "CNAME", "300", "www")
    forked("set", "alias", "CNAME", "300", "ns1", "--branch", "feature")
    assert forked("merge", "feature").code == 4
    refused = forked("merge", "--resolve", "alias", "CNAME", "both")
    assert (refused.code, "can't be both" in refused.err) == (1, True)
    assert forked("merge", "--ours").code == 0
    assert forked("merge", "--continue").code == 0


@pytest.mark.parametrize(("side", "left"), [("ours", {"A", "TXT"}), ("theirs", {"CNAME"})])
def test_an_alias_beside_other_data_conflicts_with_all_of_it(forked, side, left) -> None:
    forked("set", "mail", "TXT", "300", "ours")
    forked("delete", "@", "MX")
    forked("delete", "mail", "--branch", "feature", "--strict", "none")
    forked("set", "mail", "CNAME", "300", "www", "--branch", "feature")
    stopped = forked("merge", "feature", "--json").json
    assert {each["type"] for each in stopped["conflicts"]} == {"A", "TXT", "CNAME"}
    forked("merge", f"--{side}")
    assert forked("merge", "--continue").code == 0
    assert {line.split()[3] for line in forked("show", "mail", "ANY").lines} == left


def test_choices_resolve_what_is_broken_together(forked) -> None:
    forked("delete", "mail")
    forked("set", "@", "MX", "300", "10 www")
    forked("delete", "www", "--branch", "feature")
    forked("set", "www", "CNAME", "300", "ns1", "--branch", "feature")
    assert forked("merge", "feature").code == 4
    assert "mx-cname" in forked("merge", "--resolve", "new", "A", "ours").out
    resolved = forked("merge", "--resolve", "www", "CNAME", "ours", "--resolve", "www", "A", "ours")
    assert "nothing is left to resolve" in resolved.out
    assert forked("merge", "--continue").code == 0
    assert (forked("show", "www", "A").code, forked("show", "new", "A").code) == (0, 5)


def test_abort_works_when_everything_else_is_gone(apart) -> None:
    apart("merge", "feature", "--branch", "main")
    apart("checkout", "-b", "elsewhere")
    apart("branch", "-D", "main")
    result = apart("merge", "--continue")
    assert (result.code, "merge --abort" in result.err) == (5, True)
    assert "cannot continue" in apart("status").out
    assert apart("merge", "--resolve", "www", "A", "ours").code == 5
    assert apart("merge", "--abort").code == 0
