"""`publish`, and what `status` and `query` say of a zone with a policy."""

from pathlib import Path

import pytest

from zonegit.repo import Repository
from zonegit.repo.publishing.policy import PublishPolicy


def publish(directory: Path, policy: PublishPolicy | None = None) -> None:
    with Repository.open(directory / "repo") as repo:
        repo.publish(policy or PublishPolicy(), lambda *_: None, zone="example.org.", branch="main")


@pytest.fixture
def policed(zone, tmp_path: Path):
    """`run`, on a repository whose zone has a policy."""
    (tmp_path / "repo" / "zonegitd.toml").write_text('[zone."example.org.".publish]\nmax_deletes = 1\n')
    publish(tmp_path)
    return zone


def test_a_tip_that_nobody_judged_yet_is_told(policed) -> None:
    assert "isn't published" not in policed("status").err
    policed("set", "www", "A", "60", "192.0.2.7")
    tip = policed("log", "-1", "--oneline").out[:12]
    assert (
        f"warning: main: {tip} isn't published yet: zonegitd isn't running, is still judging it, or hasn't loaded "
        "the policy\n"
    ) in policed("status").err
    assert policed("publish").code == 0
    assert "isn't published" not in policed("status").err


def test_a_policy_that_was_never_loaded_is_told(zone, tmp_path: Path) -> None:
    assert "policy" not in zone("status").err
    file = tmp_path / "repo" / "zonegitd.toml"
    file.write_text('[zone."example.org."]\ncanary = "next:10"\n[zone."example.org.".publish]\nmax_deletes = 1\n')
    told = "zonegit: warning: main: the policy isn't in force yet: start zonegitd, or reload it\n"
    assert zone("status").err == told
    publish(tmp_path)
    assert zone("status").err == ""
    file.write_text('[zone."example.org.".publish]\nmax_delete = 1\n')
    wrong = zone("status")
    assert wrong.code == 0 and "unknown key 'max_delete'; did you mean 'max_deletes'?" in wrong.err


def test_a_removed_zone_that_is_still_served_is_told(policed, tmp_path: Path) -> None:
    policed("zone", "remove", "example.org", "--tombstone")
    publish(tmp_path, PublishPolicy(max_deletes=1))
    told = policed("status").err
    assert "warning: example.org. was removed and is still served: main: " in told
    assert told.endswith("'zonegit zone restore example.org.' takes the removal back\n")


def test_a_zone_that_does_not_exist_has_its_own_exit_code(policed) -> None:
    missing = policed("publish", "example.com")
    assert missing.code == 5 and "no zone example.com. here" in missing.err
    policed("zone", "add", "example.net")
    without = policed("publish", "example.net")
    assert without.code == 1 and "example.net. has no policy, and is served from its tip" in without.err


def test_a_query_names_the_commit_and_the_serial_that_is_served(policed) -> None:
    tip = policed("log", "-1", "--json").json[0]
    chosen = policed("query", "www", "--json").json["chosen"]
    assert (chosen["commit"], chosen["serial"]) == (tip["commit"], tip["serial"])
    assert (
        f";; VERSION: example.org. at {tip['commit'][:12]}, serial {tip['serial']}\n" in policed("query", "www").out
    )


def test_a_validator_or_a_file_that_is_missing_is_to_be_repaired(policed, tmp_path: Path) -> None:
    file = tmp_path / "repo" / "zonegitd.toml"
    policed("set", "www", "A", "60", "192.0.2.7")
    file.write_text('[zone."example.org.".publish]\nvalidator = ["/nowhere/check"]\n')
    held = policed("publish")
    assert held.code == 1
    assert held.out.endswith(
        "cannot run /nowhere/check: No such file or directory; repair that, then run 'zonegit publish'\n"
    )
    (tmp_path / "operators").write_text("")
    file.write_text(f'[zone."example.org.".publish]\napprovals = 1\nallowed_approvers = "{tmp_path}/operators"\n')
    assert policed("config", "check", file).code == 0
    (tmp_path / "operators").unlink()
    assert policed("publish").out.endswith("; repair the file\n")


def test_who_makes_a_commit_that_is_held_is_told_at_once(policed, tmp_path: Path) -> None:
    file = tmp_path / "repo" / "zonegitd.toml"
    assert "held" not in policed("set", "www", "A", "60", "192.0.2.7").err
    assert policed("publish").code == 0
    (tmp_path / "people").write_text("")
    file.write_text(f'[zone."example.org.".publish]\napprovals = 1\nallowed_approvers = "{tmp_path}/people"\n')
    dry = policed("set", "www", "A", "60", "192.0.2.8", "--dry-run")
    assert dry.code == 0 and "held" not in dry.err
    done = policed("set", "www", "A", "60", "192.0.2.8")
    tip = policed("log", "-1", "--oneline").out[:12]
    assert done.code == 0 and f"\nzonegit: warning: main: {tip} is held by approvals: " in done.err
    policed("branch", "draft")
    assert "held" not in policed("set", "www", "A", "60", "192.0.2.9", "--branch", "draft").err
    assert "held" not in policed("reset", "--hard", "main~1").err  # has the content that is served
    file.write_text("broken")
    broken = policed("set", "www", "A", "60", "192.0.2.8")
    assert broken.code == 0 and "held" not in broken.err
