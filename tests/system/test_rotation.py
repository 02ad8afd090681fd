"""Keys are turned by the documented commands and SIGHUP alone, under daemons that follow each other: no sync fails.

Each secondary goes through the steps in an order of its own. All three stand behind one address.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, until
from zonegit.cli.main import main
from zonegit.repo import Repository

TURNS = int(os.environ.get("ZONEGIT_TURNS", "3"))
ORDERS = ("add|promote|retire", "add promote||retire", "|add promote retire|", "add promote|retire|",
          "|add|promote retire")  # fmt: skip
"""What a secondary does before the primary takes the new key in, until that retires the old one, and after it."""


class Machine:
    """A daemon, the directory of its keys, and the process that needs them."""

    def __init__(self, keys: Path, daemon: Daemon, process: str) -> None:
        self.keys = keys
        self.daemon = daemon
        self.process = process

    def key(self, verb: str, kid: str) -> None:
        assert main(["key", verb, kid, "--keys", str(self.keys)]) == 0

    def reload(self) -> None:
        self.daemon.reload(self.process)


class Fleet:
    def __init__(self, repo: Path, top: Path, start: Callable[..., Daemon]) -> None:
        self.repo = repo
        self._changes = 0
        assert main(["key", "new", "k0", "--keys", str(top / "primary")]) == 0
        config = top / "primary.toml"
        config.write_text('[replication]\nlisten = "127.0.0.1:0"\nname = "p1"\naccess_log = true\n')
        daemon = start(repo, "--config", config, "--keys", top / "primary")
        self.primary = Machine(top / "primary", daemon, "http")
        url = f"http://127.0.0.1:{self.primary.daemon.port('replication')}"
        self.secondaries = []
        for number in range(3):
            keys = top / f"keys{number}"
            keys.mkdir()
            shutil.copy2(top / "primary" / "k0.key", keys)
            call = ("--primary", url, "--primary-name", "p1", "--keys", keys, "--pull-interval", "1s")
            self.secondaries.append(Machine(keys, start(top / f"repo{number}", *call), "puller"))

    def follow(self) -> None:
        """A change, and every secondary answers it."""
        self._changes += 1
        rdata = bytes((198, 51, self._changes >> 8, self._changes & 255))
        with Repository.open(self.repo) as repository:
            repository.set("www", 1, 60, [rdata])
        for machine in self.secondaries:
            until(lambda m=machine: rdata in ask(m.daemon.port(), "www.example.org", tries=3), "the change")

    def turn(self, number: int) -> None:
        """From the key before this number to the one with it."""
        new, old = f"k{number}", f"k{number - 1}"
        self.primary.key("new", new)
        for phase in range(3):
            if phase == 1:
                self.primary.reload()
            elif phase == 2:
                self.primary.key("promote", new)
                self.primary.key("retire", old)
                self.primary.reload()
            self.follow()
            for place, machine in enumerate(self.secondaries):
                order = ORDERS[(number + place) % len(ORDERS)]
                for word in order.split("|")[phase].split():
                    if word == "add":
                        shutil.copy2(self.primary.keys / f"{new}.key", machine.keys)
                    else:
                        machine.key(word, new if word == "promote" else old)
                    machine.reload()
            self.follow()


def test_keys_are_turned_by_commands_under_running_daemons(
    repo: Path, tmp_path: Path, start: Callable[..., Daemon], capsys: pytest.CaptureFixture[str]
) -> None:
    fleet = Fleet(repo, tmp_path, start)
    fleet.follow()
    pids = [machine.daemon.child("puller") for machine in fleet.secondaries]
    for number in range(1, TURNS + 1):
        fleet.turn(number)
    primary = fleet.primary.daemon
    until(lambda: any(f"kid=k{TURNS} " in line and "status=200" in line for line in primary.log), "the last key")
    for machine, pid in zip(fleet.secondaries, pids, strict=True):
        assert machine.daemon.child("puller") == pid, "nothing was started again"
        machine.daemon.caught_up("puller")
        assert not machine.daemon.has("sync failed"), machine.daemon.log
    text = "".join(primary.log) + "".join("".join(machine.daemon.log) for machine in fleet.secondaries)
    for path in tmp_path.rglob("*.key"):
        secret = path.read_text().split('secret = "')[1].split('"')[0]
        assert secret not in text
        assert secret not in capsys.readouterr().out
