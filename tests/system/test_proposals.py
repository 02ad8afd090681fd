"""Proposals before a real `zonegitd` whose policy asks for approvals: what lands, and what is served of it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemonkit import Daemon, ask, until
from sshkit import private_key, write_key
from zonegit.repo import Repository
from zonegit.ssh.signing import public_key

ORG = "example.org"
ADA, BOB = "Ada <ada@example.org>", "Bob <bob@example.org>"


class Site:
    """A repository, its daemon, and Ada and Bob, of whom Bob may approve."""

    def __init__(self, repo: Path, directory: Path, start: Callable[..., Daemon]) -> None:
        self.repo = repo
        made = private_key()
        approvers = directory / "allowed_approvers"
        approvers.write_text(f"bob@example.org {public_key(made).line}\n")
        policy = f'[zone."{ORG}.".publish]\napprovals = 1\nallowed_approvers = "{approvers}"\n'
        file = repo / "zonegitd.toml"
        file.write_text(f'[metrics]\nlisten = "127.0.0.1:0"\n{policy}')
        self.daemon = start(repo, "--config", file)
        until(self._is_published, "the first version")
        self.run("config", "user.signingkey", str(write_key(directory / "key", made)))

    def run(self, *argv: str, who: str = ADA, code: int = 0, repo: Path | None = None) -> str:
        """Run a command, which has to exit with `code`; returns what it prints to both outputs."""
        command = [sys.executable, "-m", "zonegit.cli.main", "--repo", str(repo or self.repo), *argv]
        author = (
            []
            if argv[0] in ("review", "branch", "config", "fsck", "backup", "restore", "gc")
            else ["--author", who]
        )
        done = subprocess.run([*command, *author], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done
        return done.stdout + done.stderr

    def json(self, *argv: str) -> Any:
        return json.loads(self.run(*argv, "--json"))

    def set(self, name: str, last: int, branch: str) -> None:
        self.run("set", name, "A", "60", f"192.0.2.{last}", "--branch", branch)

    def answers(self, name: str, last: int) -> bool:
        return bytes([192, 0, 2, last]) in ask(self.daemon.port(), f"{name}.{ORG}", tries=3)

    def _is_published(self) -> bool:
        with Repository.open(self.repo, readonly=True) as repository:
            return bool(repository.publications())


@pytest.fixture
def site(repo: Path, tmp_path: Path, start: Callable[..., Daemon]) -> Site:
    site = Site(repo, tmp_path, start)
    site.run("branch", "move", "main")
    site.set("www", 7, "move")
    return site


def test_what_was_approved_is_served(site: Site) -> None:
    site.run("propose", "--from", "move", "-m", "Move the web server")
    assert "the gate would hold it" in site.run("review", "1")
    site.run("approve", "1", who=BOB)
    assert "the gate would let it through" in site.run("review", "1")
    assert not site.answers("www", 7)
    site.run("land", "1")
    until(lambda: site.answers("www", 7), "the proposal")
    assert [each["state"] for each in site.json("review", "--all")] == ["landed"]


def test_a_rejection_and_a_tip_that_moves(site: Site) -> None:
    site.run("propose", "--from", "move")
    site.run("reject", "1", "-m", "another address", who=BOB)
    assert "bob@example.org rejected commit" in site.run("land", "1", code=1)
    site.set("www", 8, "move")
    site.run("propose", "--from", "move")
    assert site.json("review", "1")["landing"]["held"]["reason"] == "rejected", "it builds on what was rejected"
    site.run("approve", site.json("branch")[1]["commit"] + "~1", who=BOB)
    assert site.json("review", "1")["landing"]["held"]["reason"] == "approvals", "of the tip"
    assert "is held by approvals" in site.run("land", "1"), "it may be on the branch"
    site.daemon.logged("reason=approvals")
    assert not site.answers("www", 8)
    site.run("approve", "1", who=BOB)
    until(lambda: site.answers("www", 8), "once it is approved")


def test_a_merge_waits_for_an_approval_of_its_own(site: Site) -> None:
    site.run("propose", "--from", "move")
    site.run("approve", "1", who=BOB)
    site.set("mail", 9, "main")
    site.daemon.logged("reason=approvals")
    assert "would need 1 approval of its own" in site.run("review", "1")
    assert "is held by approvals" in site.run("land", "1")
    assert not site.answers("www", 7)
    site.run("approve", "main", who=BOB)
    until(lambda: site.answers("www", 7) and site.answers("mail", 9), "both")


def test_a_conflict_is_resolved_on_the_branch(site: Site) -> None:
    site.run("propose", "--from", "move")
    site.set("www", 9, "main")
    assert "conflict: www.example.org. A" in site.run("review", "1")
    assert "nothing moved" in site.run("land", "1", code=4)
    site.run("merge", "main", "--branch", "move", code=4)
    site.run("merge", "--continue", "--theirs", "--branch", "move")
    site.set("www", 10, "move")
    site.run("propose", "--from", "move")
    site.run("approve", "1", who=BOB)
    site.run("land", "1", "--ff-only")
    until(lambda: site.answers("www", 10), "what was resolved")


def test_proposals_are_kept_checked_and_backed_up(site: Site, tmp_path: Path) -> None:
    site.run("propose", "--from", "move", "-m", "Stay")
    site.run("approve", "1", who=BOB)
    proposed = site.json("review", "1")
    site.run("branch", "-D", "move")
    site.run("gc", "--grace", "0")
    assert site.run("fsck").endswith(": 0 problems\n")
    site.run("backup", str(tmp_path / "backup"))
    copy = tmp_path / "copy"
    site.run("restore", str(tmp_path / "backup"), repo=copy)
    assert ": 0 problems" in site.run("fsck", repo=copy)
    restored = json.loads(site.run("review", "1", "--json", repo=copy))
    assert (restored["commit"], restored["state"]) == (proposed["commit"], "open")
    assert len(restored["reviews"]) == 1
    site.run("land", "1")
    until(lambda: site.answers("www", 7), "what the branch had")
