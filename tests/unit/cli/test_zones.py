"""`init` and the verbs on zones."""

import pytest


def test_init_makes_a_repository_once(run, refused, tmp_path) -> None:
    result = run("init")
    assert (result.code, result.out) == (0, "")
    assert str(tmp_path / "repo") in result.err
    refused(run("init"), 4, "already")


def test_init_with_a_zone(run) -> None:
    assert run("init", "Example.ORG").code == 0
    assert run("status", "--json").json["zone"] == "example.org."


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
@pytest.mark.parametrize(
    ("argv", "code"),
    [([""], 1), (["a..b"], 1), (["x" * 64 + ".org"], 1), (["."], 1), (["example.org", "--author", " "], 2)],
)
def test_init_with_a_bad_zone_makes_no_repository(run, refused, tmp_path, argv, code, more) -> None:
    refused(run("init", *argv, *more), code)
    assert not (tmp_path / "repo").exists()


def test_init_as_a_dry_run(run, refused, tmp_path) -> None:
    assert run("init", "--dry-run").code == 0
    assert not (tmp_path / "repo").exists()
    for more in ([], ["--dry-run"]):
        refused(run("init", "--repo", __file__, *more), 1, __file__)
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "note").touch()
    assert run("init", "--dry-run").code == 0
    assert run("init").code == 0
    refused(run("init", "--dry-run"), 4, "already")


def test_an_empty_repository_says_what_to_do(run, refused) -> None:
    run("init")
    assert "zone add" in run("status").out
    assert run("status", "--json").json == {"zones": 0, "failing": {}}
    assert run("zone", "list").out == ""
    assert run("zone", "list", "--json").json == []
    refused(run("log"), 5, "zone add")
    refused(run("set", "www", "A", "300", "192.0.2.1"), 5, "zone add")


def test_add_list_switch_remove(zone) -> None:
    added = zone(
        "zone",
        "add",
        "example.net",
        "--ns",
        "ns1.example.org.",
        "--ns",
        "ns2.example.org.",
        "--mail",
        "ops@example.org.",
    )
    assert added.code == 0
    assert [(item["zone"], item["current"]) for item in zone("zone", "list", "--json").json] == [
        ("example.net.", False),
        ("example.org.", True),
    ]
    assert zone("show", "@", "NS", "--zone", "example.net").out.count("NS") == 2
    assert "ops.example.org." in zone("show", "@", "SOA", "--zone", "example.net").out
    assert zone("zone", "switch", "example.net").code == 0
    assert any(line.startswith("*  example.net.") for line in zone("zone", "list").lines)
    assert zone("zone", "remove", "example.org").code == 0
    assert [item["zone"] for item in zone("zone", "list", "--json").json] == ["example.net."]


def test_a_removed_zone_comes_back_whole_by_the_command_that_is_printed(zone, go_back) -> None:
    zone("set", "www", "A", "300", "192.0.2.7")
    zone("branch", "old", "HEAD~1")
    zone("branch", "gone")
    zone("branch", "-d", "gone")
    zone("tag", "light")
    zone("tag", "heavy", "-m", "with a message")
    state = [zone(*verb).out for verb in (["branch"], ["tag", "--json"], ["status"], ["export"])]
    removed = zone("zone", "remove", "example.org")
    assert zone("zone", "list").out == ""
    assert go_back(removed).code == 0
    assert [zone(*verb).out for verb in (["branch"], ["tag", "--json"], ["status"], ["export"])] == state
    assert zone("reflog").lines[0].endswith("zone: restored")


def test_restoring_a_zone_beside_others(zone) -> None:
    zone("zone", "add", "example.com")
    zone("zone", "add", "example.net")
    zone("zone", "remove", "example.org")
    restored = zone("zone", "restore", "Example.ORG", "--json")
    assert restored.json == {
        "zone": "example.org.",
        "current": True,
        "branches": [{"name": "main", "commit": restored.json["branches"][0]["commit"]}],
        "tags": [],
    }
    assert "HEAD still names it" in zone("zone", "remove", "example.org").err
    assert not any(item["current"] for item in zone("zone", "list", "--json").json)
    zone("zone", "switch", "example.net")
    assert "`zonegit zone switch example.org.`" in zone("zone", "restore", "example.org").err
    assert zone("status", "--json").json["zone"] == "example.net."


def test_a_removal_sends_no_change_to_another_zone(zone, refused, zone_file) -> None:
    zone("zone", "add", "example.net")
    zone("branch", "old", "--zone", "example.net")
    zone("zone", "remove", "example.org")
    before = [zone(verb, "--zone", "example.net").out for verb in ("log", "branch", "tag", "reflog")]
    for argv in (
        ["set", "www", "A", "60", "192.0.2.9"],
        ["set", "www", "A", "60", "192.0.2.9", "--dry-run"],
        ["set", "www", "A", "60", "192.0.2.9", "--branch", "main"],
        ["add", "www", "A", "60", "192.0.2.9"],
        ["delete", "@", "NS"],
        ["reset", "--hard", "HEAD"],
        ["branch", "b"],
        ["branch", "-D", "old"],
        ["tag", "t"],
        ["checkout", "old"],
        ["checkout", "-b", "b"],
        ["approve", "old"],
        ["approve", "1"],
        ["reject", "old", "-m", "no"],
        ["propose", "--from", "old"],
        ["propose", "--withdraw", "1"],
        ["land", "1"],
    ):
        refused(zone(*argv), 1, "you were on branch main of example.org., which no longer exists", "zone switch")
    after = [zone(verb, "--zone", "example.net") for verb in ("log", "branch", "tag", "reflog")]
    assert ([done.out for done in after], [done.err for done in after]) == (before, [""] * 4)
    assert "warning: HEAD names branch main of example.org., which is gone" in zone("log").err
    assert "HEAD" not in zone("log").out
    assert not any(item["current"] for item in zone("branch", "--json").json)
    assert "is in the zone example.net." in zone("show", "example.net.", "SOA").err
    assert zone("import", zone_file).code == 0
    assert zone("set", "www", "A", "60", "192.0.2.9", "--json").json["zone"] == "example.org."


def test_a_zone_that_is_begun_says_where_head_stays(zone, zone_file) -> None:
    stays = "HEAD still names example.org.; `zonegit zone switch example.net.` switches to the new zone"
    zone_file.write_text(zone_file.read_text().replace("example.org.", "example.net."))
    assert stays not in zone("import", zone_file, "--dry-run").err
    assert stays in zone("import", zone_file).err
    assert "HEAD" not in zone("import", zone_file).err
    assert "HEAD still names example.org." in zone("zone", "add", "example.com").err


def test_a_dry_run_of_restore_writes_nothing(zone) -> None:
    zone("zone", "remove", "example.org")
    result = zone("zone", "restore", "example.org", "--dry-run")
    assert (result.code, zone("zone", "list").out) == (0, "")
    assert "nothing written: would restore example.org. with branch main at " in result.err


def test_dry_runs_write_nothing(zone) -> None:
    before = zone("zone", "list").out
    for argv in (["add", "example.net"], ["remove", "example.org"], ["switch", "example.org"]):
        result = zone("zone", *argv, "--dry-run")
        assert result.code == 0
        assert "nothing written" in result.err
    assert zone("zone", "list").out == before


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["add", "example.org"], 4, ["example.org."]),
        (["add", "a..b"], 1, ["empty label"]),
        (["add"], 2, ["ZONE"]),
        (["switch", "example.net"], 5, ["example.net."]),
        (["switch", "example.net", "--dry-run"], 5, ["example.net"]),
        (["remove", "example.net"], 5, ["example.net."]),
        (["remove", "example.net", "--dry-run"], 5, ["example.net."]),
        (["restore", "example.net"], 5, ["example.net.", "removed"]),
        (["restore", "example.org"], 4, ["example.org."]),
        (["restore", "a..b"], 1, ["empty label"]),
    ],
)
def test_bad_input(zone, refused, argv, code, words) -> None:
    refused(zone("zone", *argv), code, *words)
    assert len(zone("zone", "list").lines) == 1


def test_status_tells_where_we_are(zone) -> None:
    zone("branch", "test")
    found = zone("status", "--json").json
    assert (found["zone"], found["branch"], found["records"], found["zones"]) == ("example.org.", "main", 6, 1)
    assert found["branches"] == ["main", "test"]
    assert found["commit"]["serial"] == 2026112001
    assert found["objects"]["commit"] == 1
    text = zone("status").out
    for word in ("example.org.", "main", "2026112001", "Ada <ada@example.org>", found["commit"]["commit"][:12]):
        assert word in text


def test_a_server_without_its_final_dot_has_two_readings(run, refused) -> None:
    run("init")
    readings = (
        "'ns1.corp.test' may mean ns1.corp.test. or ns1.corp.test.new.test.; write the final dot for the first"
    )
    result = run("zone", "add", "new.test", "--ns", "ns1.corp.test")
    refused(result, 1, readings, "the second needs an address in new.test.", "zonegit import FILE")
    result = run("zone", "add", "new.test", "--ns", "ns1.corp.test", "--relative")
    refused(result, 1, "ns1.corp.test.new.test. is in new.test. itself", "zonegit import FILE")
    refused(run("zone", "add", "new.test", "--ns", "ns1"), 1, "ns1.new.test. is in new.test. itself")
    refused(run("zone", "add", "new.test", "--ns", "ns1.new.test"), 1, "may mean ns1.new.test. or", "--relative")
    assert run("zone", "add", "new.test", "--ns", "ns1.corp.test.").code == 0


def test_a_zone_of_one_label_may_have_been_meant_as_a_directory(run) -> None:
    assert run("init", "p").err.endswith("p. is a zone; for a directory, use `zonegit --repo p init`\n")
    assert "directory's" not in run("zone", "add", "q").err
