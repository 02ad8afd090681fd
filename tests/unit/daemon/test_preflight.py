"""What is asked of a repository before a daemon starts or reloads."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from repokit import ZONE, parsed
from sshkit import private_key
from zonegit.daemon.freshness import Freshness
from zonegit.daemon.preflight import close_absent, note_expired, prepare
from zonegit.errors import StoreBusy, StoreError, StoreFull, StorePanicked, ZonegitError
from zonegit.ops.config import Config, PeerConfig, PrimaryConfig, ZoneConfig
from zonegit.repo import Repository
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.publishing.reading import Publication
from zonegit.ssh.signing import public_key
from zonegit.sync.policy import Direction

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
        (Config(Path(), zones={ORG: ZoneConfig(catalog="c."), "c.": ZoneConfig()}), ""),
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
    assert "cannot record the zones past their SOA expire" in caplog.text


@pytest.mark.parametrize(
    "config",
    [
        Config(Path(), primary=PrimaryConfig("http://127.0.0.1:1", "up", "k")),
        Config(Path(), peers=(PeerConfig("b", PrimaryConfig("http://127.0.0.1:1", "b", "k"), Direction.PUSH),)),
        Config(Path(), peers=(PeerConfig("b"),)),
    ],
)
def test_a_repository_that_peers_fill_is_made(tmp_path: Path, config: Config) -> None:
    """Whether they are called or call."""
    path = tmp_path / "new"
    with pytest.raises(StoreError, match="there is no repository"):
        prepare(replace(config, repo=path))
    prepare(replace(config, repo=path), create=True)
    with Repository.open(path) as repository:
        assert repository.zones() == []


def test_a_repository_that_nobody_fills_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no repository"):
        prepare(Config(tmp_path / "new"), create=True)
    assert not (tmp_path / "new").exists()


def test_a_validator_that_can_not_run_is_told(path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text("#!/bin/sh\n")
    good.chmod(0o755)
    bad.write_text("#!/bin/sh\n")
    bad.chmod(0o644)
    for program, told in ((good, False), (bad, True), (tmp_path / "none", True), (tmp_path, True)):
        caplog.clear()
        policy = PublishPolicy(validator=(str(program), "-v"))
        prepare(Config(path, zones={ORG: ZoneConfig(publish=policy)}))
        assert ("a validator is not an executable file" in caplog.text) is told


def test_a_policy_that_can_not_be_meant_is_told(
    path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, people = tmp_path / "people", [f"{who}@example.org" for who in ("ada", "bob")]
    lines = [f"{who} {public_key(private_key(number=at)).line}\n" for at, who in enumerate(people)]
    unsigned, never = "unsigned commits are published", "commits stay held"
    for policy, text, told in (
        (PublishPolicy(allowed_signers=file), lines, unsigned),
        (PublishPolicy(allowed_signers=file, require_signed=True), lines, ""),
        (PublishPolicy(allowed_approvers=file, approvals=3), lines, never),
        (PublishPolicy(allowed_approvers=file, approvals=2), lines, ""),
        (PublishPolicy(allowed_approvers=file), lines, ""),
        (PublishPolicy(allowed_approvers=file, approvals=2), [lines[0], f"also-{lines[0]}"], never),  # one key
        (PublishPolicy(allowed_approvers=file, approvals=1), [], never),
        (PublishPolicy(allowed_approvers=file, approvals=3), [f"*{lines[0]}"], ""),  # it isn't known how many
    ):
        caplog.clear()
        file.write_text("".join(text))
        prepare(Config(path, zones={ORG: ZoneConfig(publish=policy)}))
        assert [each for each in (unsigned, never) if each in caplog.text] == ([told] if told else [])


def test_nothing_of_a_zone_with_a_policy_is_served_before_its_publisher_has_looked(
    path: Path, tmp_path: Path
) -> None:
    """What a secondary's puller brings before the publisher has looked isn't what was served until then."""
    policy = PublishPolicy(require_signed=True)
    config = Config(tmp_path / "mirror", zones={ORG: ZoneConfig(publish=policy)})
    Repository.init(config.repo).close()
    close_absent(config, lambda: 0.0)
    with Repository.open(config.repo) as mirror:
        assert [(each.branch, is_served(each)) for each in mirror.publications()] == [("main", False)]
        mirror.import_zone(parsed(ZONE), source="test.zone")
        done = mirror.publish(policy, lambda *_: None, zone=ORG)
        assert done.held is not None and not is_served(done)
    close_absent(replace(config, repo=path), lambda: 0.0)
    with Repository.open(path) as served:
        assert served.publications() == [], "what is served already is for the publisher"


def is_served(done: Publication) -> bool:
    return done.published is not None and not done.published.version.commit.is_tombstone
