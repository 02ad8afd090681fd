"""`branch`, `checkout`, `tag` and `reset`."""

import pytest


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
    assert zone("tag", "--json").json == [
        {"name": "v1", "commit": tip(zone, "HEAD~1")},
        {"name": "v2", "commit": tip(zone)},
    ]
    assert zone("show", "www", "A", "v1").out.endswith("192.0.2.1\n")
    assert zone("tag", "-d", "v1").code == 0
    assert [line.split()[0] for line in zone("tag").lines] == ["v2"]


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
        (["branch", "Bad/Name"], 1, ["Bad/Name"]),
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
