"""What is asked of a repository before a daemon starts or reloads."""

import logging
from pathlib import Path

import pytest

from repokit import ZONE, parsed
from zonegit.daemon.repository import prepare
from zonegit.ops.config import Config, ZoneConfig
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
