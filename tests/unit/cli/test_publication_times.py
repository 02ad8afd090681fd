"""`--at`, and how commits with a time are told."""

import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from zonegit.repo import Repository
from zonegit.repo.publishing.policy import PublishPolicy

LATER = "2099-01-31 03:00"
SHOWN = datetime.fromisoformat(LATER).astimezone().strftime("%a %b %-d %H:%M:%S %Y %z")


@pytest.fixture
def policed(zone, tmp_path: Path):
    """`run`, on a repository whose zone has a published version."""
    publish(tmp_path)
    return zone


def publish(directory: Path) -> None:
    with Repository.open(directory / "repo") as repo:
        repo.publish(PublishPolicy(), lambda *_: None, zone="example.org.", branch="main")


def test_a_commit_says_when_it_is_published(policed) -> None:
    assert policed("set", "www", "A", "60", "192.0.2.7", "--at", LATER, "--dry-run").err.splitlines()[-1] == (
        f"would be published at {SHOWN}"
    )
    assert policed("set", "www", "A", "60", "192.0.2.7", "--at", LATER).err.splitlines()[-1] == (
        f"to be published at {SHOWN}"
    )
    assert f"\nPublish: {SHOWN}\n" in policed("log", "-1").out
    assert f"\nPublish: {SHOWN}\n" in policed("show").out
    stamps = [each["not_before"] for each in policed("log", "--json").json]
    assert stamps == [int(datetime.fromisoformat(LATER).timestamp()), None]


def test_a_commit_on_one_that_waits_says_so(policed) -> None:
    policed("set", "www", "A", "60", "192.0.2.7", "--at", LATER)
    timed = policed("log", "-1", "--oneline").out[:12]
    told = policed("set", "mail", "A", "60", "192.0.2.8").err
    assert f"warning: not published before {SHOWN}: the commit builds on {timed}, which waits until then" in told
    assert "publish" not in policed("set", "mail", "A", "60", "192.0.2.8").err, "nothing changed"
    assert policed("undo").code == 0
    assert "published" not in policed("undo").err, "this is what is served"


def test_undo_and_redo_have_a_time_too(policed, tmp_path: Path) -> None:
    policed("set", "www", "A", "60", "192.0.2.7")
    publish(tmp_path)
    assert f"to be published at {SHOWN}" in policed("undo", "--at", LATER).err
    assert policed("redo", "--at", LATER).code == 0


def test_a_merge_with_a_time_makes_a_commit(policed) -> None:
    policed("branch", "side")
    policed("set", "www", "A", "60", "192.0.2.7", "--branch", "side")
    assert f"to be published at {SHOWN}" in policed("merge", "side", "--at", LATER).err
    assert policed("log", "-1", "--json").json[0]["message"] == "Merge branch 'side'"


def test_a_time_of_day_is_the_next_one(policed, monkeypatch: pytest.MonkeyPatch) -> None:
    noon = datetime.now().replace(hour=12, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(time, "time", noon.timestamp)
    for text, want in (
        ("12:01", noon.replace(minute=1)),
        ("3:00", noon.replace(hour=3) + timedelta(days=1)),
        ("12:00", noon + timedelta(days=1)),
    ):
        told = policed("set", "www", "A", "60", "192.0.2.7", "--at", text, "--dry-run").err
        assert want.astimezone().strftime("at %a %b %-d %H:%M:%S %Y %z") in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2020-01-31 03:00", "'2020-01-31 03:00' has passed: it is "),
        ("33:00", "'33:00' is not a time: write it like '2027-01-31 03:00', or 03:00 for the next one"),
        ("now", "'now' is not a time"),
        ("2 hours", "'2 hours' is not a time"),
        ("2027-01-31 03:00 CET", "is not a time"),
    ],
)
def test_what_is_no_time_to_come_is_refused(policed, text: str, told: str) -> None:
    result = policed("set", "www", "A", "60", "192.0.2.7", "--at", text)
    assert result.code == 2 and told in result.err


def test_a_branch_without_a_policy_says_that_a_time_does_nothing(zone) -> None:
    assert "has no policy here" in zone("set", "www", "A", "60", "192.0.2.7", "--at", LATER).err


@pytest.mark.parametrize(
    "command",
    [
        "set www A 60 192.0.2.7",
        "add www A 60 192.0.2.7",
        "delete mail A --strict none",
        "ttl www 61",
        "rename www web",
        "batch lines",
        "import newer.zone --replace --yes",
        "import edited.zone",
        "apply edited.zone",
        "apply plan",
        "edit",
        "restore www --from HEAD~1",
        "revert HEAD",
        "cherry-pick side",
        "merge side",
    ],
)
def test_every_verb_that_changes_records_has_a_time(
    policed, zone_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    policed("branch", "side")
    policed("set", "ftp", "A", "60", "192.0.2.6", "--branch", "side")
    text = zone_file.read_text()
    policed("set", "www", "A", "60", "192.0.2.5")
    publish(tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("lines").write_text("set www A 60 192.0.2.7\n")
    Path("edited.zone").write_text(f"{text}ftp IN A 192.0.2.7\n")
    Path("newer.zone").write_text(text.replace("2026112001", "2026113001"))
    assert policed("plan", "edited.zone", "-o", "plan").code == 0
    Path("editor").write_text("#!/bin/sh\necho 'ftp 60 IN A 192.0.2.7' >> $1\n")
    Path("editor").chmod(0o755)
    monkeypatch.setenv("VISUAL", str(tmp_path / "editor"))
    result = policed(*command.split(), "--at", LATER)
    assert result.code == 0, result
    assert f"to be published at {SHOWN}" in result.err
    assert policed("log", "-1", "--json").json[0]["not_before"] is not None


def test_a_plan_has_no_time(policed, zone_file: Path, tmp_path: Path) -> None:
    result = policed("plan", zone_file, "-o", tmp_path / "plan", "--at", LATER)
    assert result.code == 2 and "give --at to `apply`" in result.err
