"""`plan` and `apply PLAN`: exactly what was planned, or a refusal that leaves all as it was."""

import json
import os
import re
from pathlib import Path

import pytest

from samekit import state

STATE = """\
$ORIGIN example.org.
$TTL 3600
@       IN SOA  ns1 hostmaster 7 7200 900 1209600 600
        IN NS   ns1
ns1     IN A    192.0.2.53
mail    IN A    192.0.2.25
www     300 IN A 192.0.2.2
"""


@pytest.fixture
def desired(tmp_path: Path) -> Path:
    path = tmp_path / "desired"
    path.write_text(STATE)
    return path


@pytest.fixture
def plan(zone, desired, tmp_path: Path) -> Path:
    """A plan of three RRsets."""
    path = tmp_path / "plan"
    assert zone("plan", desired, "-o", path, "-m", "Move www", "--author", "Bob").code == 0
    return path


def body(plan: Path) -> dict:
    text = plan.read_text()
    return json.loads(text[text.index("\n{") :])


def test_a_plan_is_for_people_and_programs(zone, desired, tmp_path) -> None:
    before = state(tmp_path / "repo")
    plan = tmp_path / "plan"
    done = zone("plan", desired, "-o", plan)
    assert done.code == 0
    assert "-www.example.org.\t300\tIN\tA\t192.0.2.1" in done.lines
    assert (
        f"planned in {plan}: serial 2026112002, 3 RRsets would change, plan {body(plan)['hash'][:12]}" in done.err
    )
    lines = plan.read_text().splitlines()
    assert lines[0] == "; zonegit plan 1"
    assert [line[2:] for line in lines if re.match("; [-+]", line)] == done.lines
    assert body(plan)["base"] == zone("show", "--json").json["commit"]
    assert plan.stat().st_mode & 0o777 == 0o600
    assert state(tmp_path / "repo") == before


def test_a_plan_does_what_apply_does(zone, desired, plan) -> None:
    would = zone("apply", desired, "--dry-run", "--json").json
    named = body(plan)["hash"]
    done = zone("apply", plan, "--json")
    assert done.code == 0
    assert done.json["plan"] == named
    assert done.json["changes"] == would["changes"]
    commit = zone("show", "--json").json
    assert commit["message"] == f"Move www\n\nPlan: {named}"
    assert (commit["author"]["name"], commit["committer"]["name"]) == ("Bob", "Ada <ada@example.org>")
    assert zone("reflog", "--json").json[0]["reason"] == "apply: Move www"
    assert "nothing to change" in zone("apply", desired).err


def test_who_applies_a_plan_may_say_otherwise(zone, plan) -> None:
    assert zone("apply", "-", "-m", "Now", "--author", "Eve", stdin=plan.read_bytes()).code == 0
    commit = zone("show", "--json").json
    assert commit["message"].splitlines()[0] == "Now"
    assert commit["author"]["name"] == "Eve"


def test_a_dry_run_of_a_plan(zone, plan, desired, tmp_path) -> None:
    before = state(tmp_path / "repo")
    assert zone("apply", plan, "--dry-run", "--json").json["new"] is None
    assert zone("plan", desired, "-o", tmp_path / "other", "--dry-run").code == 0
    assert not (tmp_path / "other").exists()
    assert zone("plan", desired, "-o", tmp_path / "other", "--dry-run", "--json").json["file"] is None
    assert state(tmp_path / "repo") == before


def test_no_difference_is_no_plan(zone, zone_file, tmp_path) -> None:
    done = zone("plan", zone_file, "-o", tmp_path / "plan", "--json")
    assert done.code == 0
    assert (done.json["plan"], done.json["file"]) == (None, None)
    assert "nothing to change" in zone("plan", zone_file, "-o", tmp_path / "plan").err
    assert not (tmp_path / "plan").exists()


def test_no_file_is_written_over_without_force(zone, desired, plan, refused, tmp_path) -> None:
    before = plan.read_bytes()
    refused(zone("plan", desired, "-o", plan), 4, "already exists", "--force")
    assert plan.read_bytes() == before
    refused(zone("plan", desired, "-o", tmp_path / "no" / "plan"), 1, "No such file")
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_force_writes_over_regular_files_alone(zone, desired, plan, refused, tmp_path) -> None:
    before = plan.read_bytes()
    (tmp_path / "link").symlink_to(plan)
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    seen = {name: os.lstat(tmp_path / name).st_ino for name in ("link", "stdout", "gone", "folder", "pipe")}
    for name, inode in seen.items():
        for force in ((), ("--force",)):
            refused(zone("plan", desired, "-o", tmp_path / name, *force), 4, name, "not a regular file")
            refused(zone("apply", plan, "--rebase", "-o", tmp_path / name, *force), 4, "not a regular file")
        assert os.lstat(tmp_path / name).st_ino == inode
    assert plan.read_bytes() == before
    assert zone("plan", desired, "-o", plan, "--force").code == 0
    assert plan.read_bytes() != before
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_plan_is_no_output(zone, desired, plan, refused, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for force in ((), ("--force",)):
        refused(zone("plan", desired, "-o", "-", *force), 2, "name a new file")
        refused(zone("apply", plan, "--rebase", "-o", "-", *force), 2, "name a new file")
        refused(zone("plan", desired, "-o", "/dev/stdout", *force), 4, "/dev/stdout", "not a regular file")
    assert not (tmp_path / "-").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is kept from it")
def test_root_writes_no_plan_to_the_directory_of_another(zone, desired, refused, tmp_path) -> None:
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 65534, 65534)
    refused(zone("plan", desired, "-o", tmp_path / "theirs" / "plan"), 1, "another user's directory")


def test_a_plan_is_refused_once_the_branch_has_moved(zone, plan, refused, tmp_path) -> None:
    for last in range(5):
        zone("set", f"h{last}", "A", "60", "192.0.2.9")
    before = state(tmp_path / "repo")
    failed = zone("apply", plan)
    refused(failed, 4, "'set h4 A' by Ada <ada@", "'set h2 A'", "and more came since", "--rebase -o NEW")
    assert "'set h1 A'" not in failed.err
    assert state(tmp_path / "repo") == before
    zone("reset", "--hard", "HEAD~5")
    refused(zone("apply", plan), 4, "came since")


def test_a_plan_is_done_once(zone, plan, refused) -> None:
    assert zone("apply", plan).code == 0
    refused(zone("apply", plan), 4, "was already applied to example.org. main by Ada <ada@", "--rebase")
    zone("undo")
    refused(zone("apply", plan), 4, "was already applied to example.org. main")


def test_a_plan_is_rebased_over_what_came_since(zone, plan, tmp_path) -> None:
    zone("add", "www", "A", "-", "192.0.2.8")
    tip = zone("show", "--json").json["commit"]
    before = state(tmp_path / "repo")
    new = tmp_path / "new"
    done = zone("apply", plan, "--rebase", "-o", new)
    assert done.code == 0
    assert "serial 2026112003, 3 RRsets would change" in done.err
    assert state(tmp_path / "repo") == before
    assert (body(new)["base"], body(new)["message"]) == (tip, "Move www")
    assert zone("apply", new).code == 0
    assert [line.split()[-1] for line in zone("show", "www", "A").lines] == ["192.0.2.2", "192.0.2.8"]
    again = zone("apply", plan, "--rebase", "-o", tmp_path / "none", "--json")
    assert (again.code, again.json["file"]) == (0, None)


def test_a_plan_that_the_branch_contradicts_has_no_rebase(zone, plan, tmp_path) -> None:
    zone("set", "www", "A", "300", "192.0.2.7")
    before = state(tmp_path / "repo")
    failed = zone("apply", plan, "--rebase", "-o", tmp_path / "new")
    assert failed.code == 4
    assert failed.lines == [
        "conflict: www.example.org. A",
        "  base    300  192.0.2.1",
        "  ours    300  192.0.2.7           (Ada, " + failed.lines[2].partition("(Ada, ")[2],
        "  theirs  300  192.0.2.2",
    ]
    assert "1 conflict: www.example.org. A; no plan was written" in failed.err
    assert f"`zonegit plan FILE --branch main -o {tmp_path / 'new'}`" in failed.err
    shaped = zone("apply", plan, "--rebase", "-o", tmp_path / "new", "--json").json
    assert [each["name"] for each in shaped["conflicts"]] == ["www.example.org."]
    assert not (tmp_path / "new").exists()
    assert state(tmp_path / "repo") == before


def test_a_plan_that_breaks_the_zone_with_what_came_since_has_no_rebase(zone, zone_file, tmp_path) -> None:
    zone_file.write_text(zone("export").out + "a.new A 192.0.2.2\n")
    assert zone("plan", zone_file, "-o", tmp_path / "plan").code == 0
    zone("set", "new", "DNAME", "60", "example.net.")
    failed = zone("apply", tmp_path / "plan", "--rebase", "-o", tmp_path / "new", "--json")
    assert failed.code == 4
    assert failed.json["together"][0].startswith("this would break example.org.")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("; +www", "; +mail", "the plan's text doesn't match its data"),
        ('"Move www"', '"Move mail"', "doesn't match its hash"),
        ("c0000202", "c0000203", "doesn't match its hash"),
        ("; zonegit plan 1", "; zonegit plan 2", "this version of zonegit can't"),
        ('"base": "', '"base": "00', "can't be read"),
        ('"format": 1', '"format": true', "the plan's text doesn't match"),
        ('"changes": [', '"changes": [[', "can't be read"),
        ("}\n", "}\n\n", "the plan's text doesn't match"),
        ("{", "", "can't be read"),
    ],
)
def test_a_plan_that_was_changed_is_refused(zone, plan, refused, tmp_path, old, new, words) -> None:
    text = plan.read_text()
    assert old in text
    at = text.rindex(old) if old == "}\n" else text.index(old)
    plan.write_text(text[:at] + new + text[at + len(old) :])
    before = state(tmp_path / "repo")
    refused(zone("apply", plan), 1, words)
    assert state(tmp_path / "repo") == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--rebase"], "name the file with -o NEW"),
        (["-o", "x"], "need --rebase"),
        (["--force"], "need --rebase"),
        (["--rebase", "-o", "x", "-m", "y"], "keeps message and author"),
        (["--below", "www"], "a plan is exact"),
        (["--unsign"], "a plan is exact"),
        (["--branch", "other"], "the plan is for zone example.org., branch main"),
        (["--zone", "example.net"], "the plan is for zone example.org., branch main"),
    ],
)
def test_what_a_plan_does_cannot_be_said_otherwise(zone, plan, refused, options, words) -> None:
    refused(zone("apply", plan, *options), 2, words)


def test_options_for_plans_are_for_nothing_else(zone, desired, refused) -> None:
    refused(zone("apply", desired, "--rebase", "-o", "x"), 2, "need a plan")


def test_a_state_that_breaks_the_zone_has_no_plan(zone, desired, refused, tmp_path) -> None:
    desired.write_text(STATE + "mail CNAME www\n")
    refused(zone("plan", desired, "-o", tmp_path / "plan"), 1, "cname-and-other")
    assert not (tmp_path / "plan").exists()


def test_another_repository_does_not_know_the_plan(run, plan, zone_file, refused, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ZONEGIT_REPO", str(tmp_path / "another"))
    run("init")
    run("import", zone_file)
    refused(run("apply", plan), 5, "has no commit")
    refused(run("apply", plan, "--rebase", "-o", tmp_path / "new"), 5, "has no commit")


def test_a_plan_of_a_part(zone, tmp_path) -> None:
    text = b"www 60 A 192.0.2.4\n"
    assert zone("plan", "-", "--below", "www", "-o", tmp_path / "plan", stdin=text).code == 0
    assert zone("apply", tmp_path / "plan").lines[-1] == "+www.example.org.\t60\tIN\tA\t192.0.2.4"
