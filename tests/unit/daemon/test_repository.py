"""What is asked of a repository before a daemon starts or reloads."""

import logging
from pathlib import Path

import pytest

from repokit import ZONE, parsed
from zonegit.daemon.freshness import Freshness
from zonegit.daemon.repository import note_expired, prepare
from zonegit.errors import StoreBusy, StoreFull, StorePanicked, ZonegitError
from zonegit.ops.config import Config, PrimaryConfig, ZoneConfig
from zonegit.repo import Repository

ORG = "example.org."


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Repository.init(tmp_path / "r") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
    return tmp_path / "r"


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (Config(Path()), None),
        (Config(Path(), zones={ORG: ZoneConfig(at="HEAD")}), None),
        (Config(Path(), only_zones=frozenset({ORG}), zones={"nosuch.": ZoneConfig()}), None),
        (Config(Path(), only_zones=frozenset({"nosuch."})), "nosuch. main"),
        (Config(Path(), zones={"nosuch.": ZoneConfig(at="HEAD")}), "nosuch. main"),
        (Config(Path(), default_zone=ZoneConfig(branch="nxet")), f"{ORG} nxet"),
        (
            Config(Path(), zones={ORG: ZoneConfig(canary="next:10"), "nosuch.": ZoneConfig(branch="b")}),
            f"{ORG} next, nosuch. b",
        ),
        (
            Config(Path(), only_zones=frozenset(f"{letter}." for letter in "abcdefghijklm")),
            ", ".join(f"{letter}. main" for letter in "abcdefghij") + ", ...",
        ),
    ],
)
def test_what_is_named_and_not_here_is_told(path, caplog, config, named):
    with caplog.at_level(logging.WARNING):
        prepare(Config(path, zones=config.zones, default_zone=config.default_zone, only_zones=config.only_zones))
    told = [record.event[1]["named"] for record in caplog.records]
    assert told == ([named] if named else [])


@pytest.mark.parametrize("error", [StoreFull("no space"), StoreBusy("a writer"), StorePanicked("half-way")])
def test_a_start_is_not_refused_because_expiry_cannot_be_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: ZonegitError
) -> None:
    """The supervisor sees to it in memory as long as nobody can."""

    def overdue(_self: Freshness) -> frozenset[str]:
        raise error

    Repository.init(tmp_path / "repo").close()
    monkeypatch.setattr(Freshness, "overdue", overdue)
    note_expired(Config(tmp_path / "repo", primary=PrimaryConfig("http://127.0.0.1:1", "up", "k")), lambda: 0.0)
    assert "zones that are too old can't be noted" in caplog.text
