"""`branch`, `checkout`, `tag` and `reset`."""

import pytest

from samekit import state


def tip(run, revision="HEAD"):
    return run("log", revision, "-n", "1", "--json").json[0]["commit"]


def test_branch_edit_and_back(zone) -> None:
    assert zone("checkout", "-b", "test").code == 0
    zone("set", "www", "A", "300", "192.0.2.7")
    assert [line.split()[:2] for line in zone("branch").lines] == [["main", tip(zone, "main")[:12]], ["*", "test"]]
    assert zone("checkout", "main").code == 0
    assert zone("show", "www", "A").out.endswith("192.0.2.1\n")
    assert zone("show", "www", "A", "test").out.endswith("192.0.2.7\n")


def test_branch_makes_lists_and_deletes(zone) -> None:
    zone("set", "www", "A", "300", "192.0.2.7")
    assert zone("branch", "old", "HEAD~1").code == 0
    assert zone("branch", "--json").json == [
        {"name": "main", "commit": tip(zone), "current": True},
        {"name": "old", "commit": tip(zone, "HEAD~1"), "current": False},
    ]
    assert zone("branch", "-d", "old").code == 0
    assert [item["name"] for item in zone("branch", "--json").json] == ["main"]


def test_tags(zone) -> None:
    assert zone("tag").out == ""
    assert zone("tag", "v1").code == 0
    zone("set", "www", "A", "300", "192.0.2.7")
    assert zone("tag", "v2", "-m", "the second").code == 0
    light, heavy = zone("tag", "--json").json
    assert light == {"name": "v1", "commit": tip(zone, "HEAD~1"), "tag": None}
    made = heavy.pop("tag")
    assert heavy == {"name": "v2", "commit": tip(zone)}
    assert (made["name"], made["tagger"]["name"], made["message"]) == ("v2", "Ada <ada@example.org>", "the second")
    assert zone("cat-object", made["object"]).out.startswith("tag ")
    assert zone("show", "www", "A", "v1").out.endswith("192.0.2.1\n")
    assert zone("tag", "-d", "v1").code == 0
    assert [line.split()[0] for line in zone("tag").lines] == ["v2"]


def test_a_branch_with_commits_of_its_own_is_deleted_by_force_alone(zone, refused, go_back) -> None:
    zone("checkout", "-b", "test")
    zone("set", "www", "A", "300", "192.0.2.7")
    zone("set", "www", "A", "300", "192.0.2.8")
    was = tip(zone)
    zone("checkout", "main")
    refused(zone("branch", "-d", "test"), 1, "2 commits that main lacks", "branch -D test")
    deleted = zone("branch", "-D", "test")
    assert deleted.code == 0
    assert f"deleted branch test (was {was[:12]})" in deleted.err
    for expression in ("test@{0}", "test@{1}", was):
        assert tip(zone, expression) == was
    assert tip(zone, "test@{2}") == tip(zone, f"{was}~1")
    assert go_back(deleted).code == 0
    assert tip(zone, "test") == was
    assert zone("branch", "-D", "test").code == 0
    assert zone("branch", "test", "test@{0}").code == 0
    assert tip(zone, "test") == was
    assert [tip(zone, f"test@{{{number}}}") for number in range(5)] == [was] * 5


def test_a_merged_branch_is_deleted_and_comes_back(zone, go_back) -> None:
    zone("branch", "old")
    zone("set", "www", "A", "300", "192.0.2.7")
    assert zone("branch", "-d", "old", "--dry-run").code == 0
    deleted = zone("branch", "-d", "old")
    assert deleted.code == 0
    assert go_back(deleted).code == 0
    assert tip(zone, "old") == tip(zone, "HEAD~1")


def test_what_is_merged_is_asked_of_head_s_branch(zone, refused) -> None:
    """As git asks it: that a third branch has the commits doesn't count."""
    zone("checkout", "-b", "test")
    zone("set", "www", "A", "300", "192.0.2.7")
    zone("branch", "third")
    zone("checkout", "main")
    refused(zone("branch", "-d", "test"), 1, "main")
    zone("checkout", "third")
    assert zone("branch", "-d", "test").code == 0


def test_a_branch_of_another_zone_is_compared_with_its_default_one(zone, refused, go_back) -> None:
    zone("branch", "test")
    zone("set", "www", "A", "300", "192.0.2.7", "--branch", "test")
    zone("zone", "add", "example.net")
    zone("zone", "switch", "example.net")
    refused(zone("branch", "-d", "test", "--zone", "example.org"), 1, "main")
    assert zone("branch", "-d", "main", "--zone", "example.org").code == 0
    zone("branch", "main", "test", "--zone", "example.org")
    deleted = zone("branch", "-d", "test", "--zone", "example.org")
    assert deleted.code == 0
    assert go_back(deleted).code == 0
    assert [item["name"] for item in zone("branch", "--json", "--zone", "example.org").json] == ["main", "test"]


@pytest.mark.parametrize("message", [[], ["-m", "with a message"]])
def test_a_deleted_tag_comes_back_as_it_was(zone, go_back, message) -> None:
    zone("tag", "v1", *message)
    zone("set", "www", "A", "300", "192.0.2.7")
    what = [zone("tag", "--json").out, zone("cat-object", tag_id(zone)).out]
    deleted = zone("tag", "-d", "v1")
    assert f"deleted tag v1 (was {tag_id(zone, deleted)}" in deleted.err
    assert go_back(deleted).code == 0
    assert [zone("tag", "--json").out, zone("cat-object", tag_id(zone, deleted)).out] == what


def tag_id(zone, deleted=None) -> str:
    """What the tag v1 points to, a commit or an object of its own, by what its deletion prints."""
    deleted = deleted or zone("tag", "-d", "v1", "--dry-run")
    return deleted.err.partition("(was ")[2].partition(")")[0]


def test_the_way_back_names_zone_branch_and_repository(zone, go_back, tmp_path, monkeypatch) -> None:
    zone("branch", "test")
    zone("set", "www", "A", "300", "192.0.2.7", "--branch", "test")
    was = tip(zone, "test")
    zone("zone", "add", "example.net")
    zone("zone", "switch", "example.net")
    repo = tmp_path / "repo"
    monkeypatch.delenv("ZONEGIT_REPO")
    monkeypatch.chdir(tmp_path)
    where = ("--repo", repo, "--zone", "example.org", "--branch", "test")
    assert go_back(zone("reset", "--hard", "main", *where)).code == 0
    assert zone("diff", was, "test", *where[:4]).out == ""
    assert zone("show", "www", "A", "test", *where[:4]).out.endswith("192.0.2.7\n")


def test_reset_goes_back_and_tells_the_way_forth(zone) -> None:
    zone("set", "www", "A", "300", "192.0.2.7")
    was = tip(zone)
    result = zone("reset", "--hard", "HEAD~1")
    assert result.code == 0
    assert result.lines == ["-www.example.org.\t300\tIN\tA\t192.0.2.7", "+www.example.org.\t300\tIN\tA\t192.0.2.1"]
    assert f"zonegit reset --hard {was[:12]}" in result.err
    assert zone("show", "www", "A").out.endswith("192.0.2.1\n")
    assert zone("status", "--json").json["commit"]["serial"] == 2026112003
    zone("reset", "--hard", was[:12])
    assert zone("show", "www", "A").out.endswith("192.0.2.7\n")


def test_reset_to_where_the_branch_is(zone) -> None:
    assert "nothing to change" in zone("reset", "--hard", "HEAD").err


def test_reset_of_another_branch(zone) -> None:
    zone("branch", "test")
    zone("set", "www", "A", "300", "192.0.2.7")
    assert zone("reset", "--hard", "main", "--branch", "test").code == 0
    assert tip(zone, "test") == tip(zone, "main")


@pytest.mark.parametrize(
    "argv",
    [
        ["branch", "new"],
        ["branch", "-d", "test"],
        ["checkout", "test"],
        ["checkout", "-b", "new"],
        ["tag", "new"],
        ["tag", "-d", "v1"],
        ["reset", "--hard", "v1"],
    ],
)
def test_a_dry_run_writes_nothing(zone, argv) -> None:
    zone("branch", "test")
    zone("tag", "v1")
    zone("set", "www", "A", "300", "192.0.2.7")
    state = [zone(verb).out for verb in ("branch", "tag", "reflog", "status")]
    result = zone(*argv, "--dry-run")
    assert result.code == 0
    assert "nothing written" in result.err
    assert [zone(verb).out for verb in ("branch", "tag", "reflog", "status")] == state


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["branch", "main"], 4, ["main"]),
        (["branch", "Bad..Name"], 1, ["Bad..Name"]),
        (["branch", "new", "nowhere"], 5, ["nowhere"]),
        (["branch", "-d"], 2, ["-d"]),
        (["branch", "-d", "nowhere"], 5, ["nowhere"]),
        (["branch", "-d", "main"], 1, ["HEAD"]),
        (["checkout"], 2, ["BRANCH"]),
        (["checkout", "nowhere"], 5, ["nowhere"]),
        (["checkout", "nowhere", "--dry-run"], 5, ["nowhere"]),
        (["checkout", "main", "HEAD"], 2, ["-b"]),
        (["checkout", "-b", "main"], 4, ["main"]),
        (["tag", "v 1"], 1, ["v 1"]),
        (["tag", "v1", "nowhere"], 5, ["nowhere"]),
        (["tag", "-d", "v1"], 5, ["v1"]),
        (["tag", "-d"], 2, ["-d"]),
        (["reset", "HEAD"], 2, ["--hard"]),
        (["reset", "--hard"], 2, ["REV"]),
        (["reset", "--hard", "nowhere"], 5, ["nowhere"]),
        (["reset", "--hard", "HEAD", "--branch", "nowhere"], 5, ["nowhere"]),
    ],
)
def test_bad_input(zone, refused, argv, code, words) -> None:
    refused(zone(*argv), code, *words)


def test_a_tag_s_name_is_taken_once(zone, refused) -> None:
    zone("tag", "v1")
    refused(zone("tag", "v1"), 4, "v1")


def test_names_with_capitals_and_slashes(zone, refused) -> None:
    assert zone("checkout", "-b", "CHG-1234").code == 0
    assert zone("set", "www", "A", "60", "192.0.2.9", "--json").json["branch"] == "CHG-1234"
    assert zone("checkout", "-b", "feature/x", "main").code == 0
    assert zone("tag", "Release/1.0", "CHG-1234").code == 0
    assert zone("show", "www", "A", "Release/1.0").out == zone("show", "www", "A", "CHG-1234~0").out
    assert zone("diff", "feature/x..CHG-1234", "--stat").out.startswith("1 RRset changed")
    assert "CHG-1234@{0}" in zone("reflog", "CHG-1234").out
    assert zone("log", "feature/x@{0}", "--oneline").code == 0
    refused(zone("branch", "chg-1234/"), 1, "not a branch name")
    refused(zone("branch", "HEAD"), 1, "HEAD is where you are")
    refused(zone("log", "chg-1234"), 5, "chg-1234")
    assert zone("checkout", "main").code == 0
    assert zone("branch", "-D", "CHG-1234").code == 0
    assert [branch["name"] for branch in zone("branch", "--json").json] == ["feature/x", "main"]


def test_the_message_of_a_tag_is_shown_ahead_of_its_commit(zone) -> None:
    zone("tag", "light")
    zone("tag", "heavy", "-m", "Release 4\n\nas announced", "--author", "Bob <bob@example.org>")
    plain = zone("show", "light").out
    lines = zone("show", "heavy").out.removesuffix(plain).splitlines()
    assert lines[:2] == ["tag heavy", "Tagger: Bob <bob@example.org>"]
    assert lines[2].startswith("Date:   ")
    assert lines[3:] == ["", "Release 4", "", "as announced", ""]
    assert zone("show", "heavy~0").out == zone("show").out == plain
    assert zone("show", "--json").json["tag"] is zone("show", "light", "--json").json["tag"] is None
    assert zone("show", "heavy", "--json").json["tag"] == zone("tag", "--json").json[0]["tag"]
    assert [line.split()[2:] for line in zone("tag").lines] == [["Release", "4"], []]


def test_head_is_never_detached(zone, refused) -> None:
    zone("set", "www", "A", "300", "192.0.2.7")
    zone("tag", "v1")
    for version in ("HEAD~1", "v1", tip(zone)[:12], "serial=2026112001", "main@{0}"):
        refused(zone("checkout", version), 5, "no detached HEAD", f"`zonegit branch NAME {version}`")
    refused(zone("checkout", "-"), 5, "HEAD's previous branch isn't recorded")
    refused(zone("checkout", "nothing"), 5, "'checkout -b nothing' makes one")
    assert zone("status", "--json").json["branch"] == "main"


def test_status_names_the_other_branches(zone) -> None:
    assert "(others" not in zone("status").out
    zone("branch", "b")
    zone("branch", "a")
    assert "main (others: a, b)\n" in zone("status").out


def test_what_moves_a_branch_or_tag_answers_in_json(zone, tmp_path) -> None:
    at = tip(zone)
    made = {"name": "b", "commit": at, "was": None}
    for kind in ("branch", "tag"):
        before = state(tmp_path / "repo")
        assert zone(kind, "b", "--json", "--dry-run").json == made
        assert state(tmp_path / "repo") == before
        assert zone(kind, "b", "--json").json == made
        gone = {"name": "b", "commit": None, "was": {"name": "b", "commit": at}}
        assert zone(kind, "-d", "b", "--json", "--dry-run").json == gone
        assert zone(kind, "-d", "b", "--json").json == gone
    assert zone("tag", "t", "-m", "A message", "--json").json == {**made, "name": "t"}
    assert zone("tag", "-d", "t", "--json").json["was"] == {"name": "t", "commit": at}
    zone("branch", "b")
    renamed = {"name": "c", "commit": at, "was": {"name": "b", "commit": at}}
    assert zone("branch", "-m", "b", "c", "--json", "--dry-run").json == renamed
    assert zone("branch", "-m", "b", "c", "--json").json == renamed
    assert zone("branch", "-D", "c", "--json").json["was"] == {"name": "c", "commit": at}
    assert zone("branch", "-D", "c", "--json").out == ""


def test_a_branch_that_zonegitd_serves_by_default_goes_with_a_warning(zone) -> None:
    told = "zonegitd serves branch main of example.org. unless configured otherwise"
    for dry in (["--dry-run"], []):
        renamed = zone("branch", "-m", "main", "trunk", *dry)
        assert renamed.code == 0
        assert f"zonegit: warning: {told}" in renamed.err
        assert '`branch` under [zone."example.org."]' in renamed.err
    assert told not in zone("branch", "-m", "trunk", "main").err
    zone("checkout", "-b", "test")
    for dry in (["--dry-run"], []):
        assert told in zone("branch", "-D", "main", *dry).err
    zone("branch", "other")
    assert told not in zone("branch", "-D", "other").err
