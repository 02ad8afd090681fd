"""Zones with a policy, served by a real `zonegitd`: what passes the gate is answered, what doesn't is told."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, page, rcode, serial_of, until
from peerkit import free_ports
from policykit import ORG, Node, published_in, same_heads
from sshkit import private_key, write_key
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.ssh.signing import public_key

REFUSED = 5


@pytest.fixture
def node(repo: Path, start: Callable[..., Daemon]) -> Node:
    return Node(repo, start)


def validator(directory: Path, code: str, timeout: str = "60s") -> str:
    """The setting of a validator that runs this Python code."""
    file = directory / "validator.py"
    file.write_text(f"import os, sys, time\nzone = sys.stdin.read()\n{code}\n")
    return f'validator = ["{sys.executable}", "{file}"]\nvalidator_timeout = "{timeout}"'


def test_a_commit_that_passes_is_answered_and_one_that_does_not_is_told(node: Node, tmp_path: Path) -> None:
    code = 'sys.exit("nobody likes \\x1b[31mbad names" if "bad" in zone else 0)'
    node.start(validator(tmp_path, code))
    until(node.published, "the first version")
    before = serial_of(node.daemon.port(), ORG)
    node.set("www", 7)
    until(lambda: node.answers("www", 7), "a commit that passes")
    node.set("bad", 8)
    line = node.daemon.logged("not publishing a commit")
    assert "reason=validator" in line and "nobody likes" in line and "\x1b" not in line
    node.set("www", 9)
    status = node.zonegit("status")
    assert re.search("published main  +[0-9a-f]{12}, serial", status.stdout), status.stdout
    assert "is held by validator: the validator exited with 1: nobody likes" in status.stderr
    tried = node.zonegit("publish")
    assert tried.returncode == 1 and "is held by validator" in tried.stdout, tried
    log = node.zonegit("log", "--oneline").stdout.splitlines()
    assert len(log) == 4 and "(published: main)" in log[2]
    until(lambda: node.held("validator") == 1.0, "the metric")
    assert node.answers("www", 7) and rcode(ask(node.daemon.port(), f"bad.{ORG}")) == 3
    assert serial_of(node.daemon.port(), ORG) == before + 1
    assert node.zonegit("delete", "bad").returncode == 0
    until(lambda: node.answers("www", 9), "the correction")
    until(lambda: node.held("validator") == 0.0, "the metric")
    assert "zonegit_zone_published_timestamp_seconds" in page(node.daemon, "/metrics")


WRONG = [
    ("os.kill(os.getpid(), 9)", "the validator was killed by SIGKILL"),
    ("sys.exit(3)", "the validator exited with 3"),
    ("bytearray(3 << 30)", "the validator exited with 1: "),
    ("[print('x' * 1000) for _ in range(100_000)]; sys.exit(1)", "the validator exited with 1: xxxx"),
    ("os.fork() or time.sleep(60); sys.exit(4)", "the validator exited with 4"),
]
"""What a validator may do, and what is reported of it."""


def test_whatever_goes_wrong_with_a_validator_holds_the_zone(node: Node, tmp_path: Path) -> None:
    """One after the other, chosen by the address in the zone; each of the details is new."""
    code = "\n".join(f"if '192.0.2.{last}' in zone: {code}" for last, (code, _) in enumerate(WRONG, 101))
    node.start(validator(tmp_path, code))
    until(node.published, "the first version")
    for last, (_, detail) in enumerate(WRONG, 101):
        assert not node.daemon.has(detail)
        node.set("www", last)
        assert "not publishing a commit" in node.daemon.logged(detail)
        assert not node.answers("www", last)


def test_a_validator_that_takes_too_long_holds_the_zone(node: Node, tmp_path: Path) -> None:
    node.start(validator(tmp_path, "time.sleep(60)", timeout="1s"))
    until(node.published, "the first version")
    node.set("www", 7)
    assert "the validator took more than 1 s" in node.daemon.logged("not publishing a commit")
    assert not node.answers("www", 7)


def test_a_validator_that_is_not_there_holds_the_zone(node: Node) -> None:
    node.start('validator = ["/nowhere/check"]')
    until(node.published, "the first version")
    node.set("www", 7)
    told = node.daemon.logged("not publishing a commit")
    assert "cannot run /nowhere/check: No such file or directory" in told
    assert "repair that, then run 'zonegit publish'" in told


def test_a_commit_is_published_at_its_time(node: Node) -> None:
    node.start("")
    until(node.published, "the first version")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    node.set("www", 6, "--at", tomorrow.isoformat(timespec="minutes"))
    node.daemon.logged("reason=not-before")
    assert not node.answers("www", 6)
    assert node.zonegit("reset", "--hard", "HEAD~1").returncode == 0
    start = int(time.time()) + 2
    with Repository.open(node.repo) as repository:  # a new process might not be there in time
        repository.set("www", A, 60, [bytes([192, 0, 2, 7])], not_before=start)
    until(lambda: node.answers("www", 7), "the commit")
    assert start <= time.time()


def test_a_policy_comes_and_goes_with_a_reload(node: Node) -> None:
    node.start()
    node.set("www", 7)
    until(lambda: node.answers("www", 7), "without a policy")
    node.configure("max_deletes = 0")
    node.daemon.process.send_signal(signal.SIGHUP)
    until(node.published, "the first version")
    assert node.zonegit("delete", "www").returncode == 0
    node.daemon.logged("reason=max-deletes")
    assert node.answers("www", 7)
    before = serial_of(node.daemon.port(), ORG)
    node.configure()
    node.daemon.process.send_signal(signal.SIGHUP)
    until(lambda: not node.published(), "no version")
    until(lambda: rcode(ask(node.daemon.port(), f"www.{ORG}", tries=3)) == 3, "the tip")
    assert serial_of(node.daemon.port(), ORG) > before


def test_a_policy_that_went_while_the_daemon_was_down_holds_nothing(node: Node) -> None:
    node.start("max_deletes = 0")
    until(node.published, "the first version")
    assert node.zonegit("delete", "www").returncode == 0
    node.daemon.logged("reason=max-deletes")
    node.daemon.stop()
    node.start()
    until(lambda: rcode(ask(node.daemon.port(), f"www.{ORG}", tries=3)) == 3, "the tip")


def test_a_zone_that_is_added_under_a_policy_is_not_served_before_it_passes(node: Node, tmp_path: Path) -> None:
    assert node.zonegit("zone", "remove", ORG).returncode == 0
    node.start(validator(tmp_path, 'sys.exit("www" not in zone)'))
    until(node.published, "a version of nothing")
    assert node.zonegit("zone", "add", ORG).returncode == 0
    assert "reason=validator" in node.daemon.logged("not publishing a commit")
    assert rcode(ask(node.daemon.port(), f"www.{ORG}")) == REFUSED
    node.set("www", 7)
    until(lambda: node.answers("www", 7), "the zone")


def test_the_publisher_that_is_killed_starts_again(node: Node) -> None:
    node.start("max_deletes = 1000")
    until(node.published, "the first version")
    for last in range(5):
        node.daemon.kill_child("publisher")
        node.set("www", 100 + last)
        until(lambda last=last: node.answers("www", 100 + last), "a commit")
    done = node.zonegit("fsck")
    assert done.returncode == 0, done.stdout


def test_a_secondary_serves_what_its_primary_publishes(
    node: Node, tmp_path: Path, start: Callable[..., Daemon]
) -> None:
    (port,) = free_ports(1)
    keys = tmp_path / "keys"
    new_key(keys, "k1", (parse_scope("read:*"),), time.time, os.urandom)
    node.more = f'keys = "{keys}"\n[replication]\nlisten = "127.0.0.1:{port}"\nname = "primary-1"\n'
    node.start("max_deletes = 1")
    until(node.published, "the first version")
    mirror, file = tmp_path / "mirror", tmp_path / "mirror.toml"
    Repository.init(mirror).close()
    file.write_text(
        f'keys = "{keys}"\n[primary]\nurl = "http://127.0.0.1:{port}"\nname = "primary-1"\npull_interval = "1s"\n'
    )
    secondary = start(mirror, "--config", file)
    until(lambda: bytes([192, 0, 2, 10]) in ask(secondary.port(), f"www.{ORG}", tries=3), "the zone")
    assert node.zonegit("delete", "www").returncode == 0
    node.daemon.logged("reason=max-deletes")
    node.set("mail", 77)
    until(lambda: same_heads(node.repo, mirror), "the held commits at the secondary")
    assert bytes([192, 0, 2, 10]) in ask(secondary.port(), f"www.{ORG}")
    assert node.zonegit("revert", "HEAD~1").returncode == 0
    until(lambda: bytes([192, 0, 2, 77]) in ask(secondary.port(), f"mail.{ORG}", tries=3), "what passes")
    assert serial_of(secondary.port(), ORG) == serial_of(node.daemon.port(), ORG)
    node.configure()
    node.daemon.process.send_signal(signal.SIGHUP)
    until(lambda: not published_in(mirror), "no version at the secondary, either")
    node.set("mail", 78)
    until(lambda: bytes([192, 0, 2, 78]) in ask(secondary.port(), f"mail.{ORG}", tries=3), "the tip")


def test_a_transfer_has_what_is_published(node: Node, needs_program: Callable[[str], str]) -> None:
    dig = needs_program("dig")
    node.start("max_deletes = 1")
    until(node.published, "the first version")
    before = serial_of(node.daemon.port(), ORG)
    node.set("new", 5)
    until(lambda: node.answers("new", 5), "the commit")
    node.set("new", 6)
    until(lambda: node.answers("new", 6), "the next one")
    assert node.zonegit("delete", "www").returncode == 0
    node.daemon.logged("reason=max-deletes")

    def transfer(kind: str) -> str:
        command = [dig, "@127.0.0.1", "-p", str(node.daemon.port()), "+tcp", "+noall", "+answer", ORG, kind]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "192.0.2.10" in transfer("AXFR")
    differences = transfer(f"IXFR={before}").splitlines()
    assert len(differences) == 9, differences  # SOA, and for each commit SOA, deleted, SOA, added; SOA


def test_somebody_else_approves(node: Node, tmp_path: Path) -> None:
    ada, bob = "Ada <ada@example.org>", "Bob <bob@example.org>"
    made = private_key()
    key, approvers = write_key(tmp_path / "key", made), tmp_path / "allowed_approvers"
    approvers.write_text(f"bob@example.org {public_key(made).line}\n")
    node.start("approvals = 1", f'allowed_approvers = "{approvers}"')
    until(node.published, "the first version")
    node.set("www", 7, "--author", ada)
    assert "has 0 of 1 approvals" in node.daemon.logged("reason=approvals")
    assert node.zonegit("approve", "--author", bob).returncode == 2, "there is no key yet"
    assert node.zonegit("config", "user.signingkey", str(key)).returncode == 0
    refused = node.zonegit("approve", "--author", ada)
    assert (refused.returncode, "somebody else has to" in refused.stderr) == (1, True)
    assert not node.answers("www", 7)
    done = node.zonegit("approve", "--author", bob, "-m", "I looked at it")
    assert done.returncode == 0 and "approved by bob@example.org" in done.stderr, done
    until(lambda: node.answers("www", 7), "the commit")
    node.set("www", 8, "--author", ada)
    assert node.zonegit("reject", "--author", bob, "-m", "not today").returncode == 0
    assert "bob@example.org rejected commit" in node.daemon.logged("reason=rejected")
    assert node.zonegit("revert", "HEAD", "--author", ada).returncode == 0
    until(lambda: node.held("rejected") == 0.0, "the way back")
