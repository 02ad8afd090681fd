"""Real BIND, NSD and Knot DNS follow a zone by NOTIFY and IXFR with TSIG, whatever happens to its history.

`ZONEGIT_SECONDARY_COMMITS` is how many commits they follow (30).
"""

import os
import random
import re
import time
import tomllib
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

import dns.exception
import dns.tsig
import dns.zone
import pytest

from daemonkit import Daemon, page, until
from peerkit import HOST, free_ports
from repokit import ZONE, parsed
from secondarykit import KEY, MAKES, Secondary, following, transferred
from zonegit.auth.tsigfile import new_tsig
from zonegit.model.rdata import TXT, A
from zonegit.repo import Repository

COMMITS = int(os.environ.get("ZONEGIT_SECONDARY_COMMITS", "30"))
TOGETHER = 10
"""Commits between two looks at the secondaries."""
PATIENCE = 60.0
DIFFERENCES = 'transfers_total{direction="out",result="ok",type="ixfr"}'
MANY = ZONE.replace("2026112001", str(2**32 - 15)) + "".join(f"host{i} A 192.0.2.{i % 250}\n" for i in range(200))
"""Serials begin anew while it is followed (RFC 1982)."""


class Fleet:
    """One primary and its secondaries."""

    def __init__(self, home: Path, ports: list[int]) -> None:
        self.home = home
        self.port, *self._others = ports
        self.repository = Repository.init(home / "repo")
        self.repository.import_zone(parsed(MANY), source="test.zone")
        path = new_tsig(home / "keys.d", KEY, "hmac-sha256", os.urandom)
        self.secret = b64decode(tomllib.loads(path.read_text())["secret"])
        told = ", ".join(f'"{HOST}:{port} key:{KEY}"' for port in self._others)
        (home / "zonegitd.toml").write_text(
            f"""repo = "{home}/repo"
keys = "{home}/keys.d"
[dns]
listen = "{HOST}:{self.port}"
transfer_acl = ["key:{KEY}"]
[metrics]
listen = "{HOST}:0"
[zone."example.org"]
also_notify = [{told}]
"""
        )
        self.daemon = self._daemon()
        self.secondaries: list[Secondary] = []

    def _daemon(self) -> Daemon:
        daemon = Daemon("--config", self.home / "zonegitd.toml")
        daemon.logged("]: listening ")
        return daemon

    def restart(self) -> None:
        assert self.daemon.stop() == 0
        self.daemon = self._daemon()

    def join(self, make: str, program: str, stack: ExitStack) -> None:
        port = self._others[len(self.secondaries)]
        self.secondaries.append(
            stack.enter_context(following(make, program, self.port, port, self.secret, self.home / make))
        )

    @property
    def serial(self) -> int:
        return self.repository.resolve("main").commit.serial

    def zone(self) -> dns.zone.Zone:
        return transferred(self.port, dns.tsig.Key(KEY, self.secret, "hmac-sha256"))

    def caught_up(self) -> None:
        """Wait until all serve the newest version; without NOTIFY they would look two hours later."""
        newest = self.serial
        deadline = time.monotonic() + PATIENCE
        late = list(self.secondaries)
        while late := [each for each in late if each.serial() != newest]:
            if time.monotonic() > deadline:
                behind = {each.name: (each.serial(), each.log.read_text()[-2000:]) for each in late}
                raise AssertionError(f"not at {newest}: {behind}\n{self.daemon.log[-20:]}")
            time.sleep(0.05)

    def same(self) -> None:
        """Wait until all transfer it, too: NSD's old processes go on for a moment beside the new ones."""
        ours = self.zone()

        def has_it(secondary: Secondary) -> bool:
            with suppress(OSError, dns.exception.DNSException):
                return secondary.zone() == ours
            return False

        for each in self.secondaries:
            until(partial(has_it, each), f"the same zone at {each.name}")

    def metric(self, name: str) -> int:
        """A counter, by its name and labels."""
        text = page(self.daemon, "/metrics")
        found = re.search(rf"^zonegit_{re.escape(name)} ([0-9.e+]+)$", text, re.MULTILINE)
        return int(float(found[1])) if found else 0

    def counts(self, name: str, least: int) -> None:
        """Wait until a counter has come so far: a transfer counts once it was sent, a NOTIFY once answered."""
        until(lambda: self.metric(name) >= least, f"{least} {name}")


@pytest.fixture
def fleet(tmp_path: Path, needs_program: Callable[[str], str]) -> Iterator[Fleet]:
    programs = {make: needs_program(make) for make in MAKES}
    fleet = Fleet(tmp_path, free_ports(1 + len(programs)))
    try:
        with ExitStack() as stack:
            for make, program in programs.items():
                fleet.join(make, program, stack)
            fleet.caught_up()
            yield fleet
    finally:
        fleet.daemon.stop()
        fleet.repository.close()


def change(repository: Repository, number: int, choose: random.Random) -> None:
    """One commit of some kind."""
    name = f"host{choose.randrange(150)}"
    match number % 5:
        case 0:
            repository.set(name, A, choose.randrange(60, 600), [bytes([10, 0, number >> 8, number & 255])])
        case 1:
            repository.add("many", TXT, 300, [b"\x07number" + bytes([48 + number % 10]), b"\x01a"])
        case 2:
            repository.set(f"*.wild{number}", TXT, 300, [b"\x04wild", bytes([250]) + b"x" * 250])
        case 3:
            repository.set("many", TXT, 300, [bytes([3]) + f"{number:03}".encode()])
        case _:
            repository.delete(f"*.wild{number - 2}", None)


def test_they_follow(fleet: Fleet) -> None:
    choose = random.Random(4)
    start = fleet.repository.resolve("main").id.hex()
    for number in range(COMMITS):
        change(fleet.repository, number, choose)
        if number % TOGETHER == TOGETHER - 1:
            fleet.caught_up()
            fleet.same()
    fleet.caught_up()
    fleet.same()
    fleet.counts(DIFFERENCES, 3 * (COMMITS // TOGETHER))
    fleet.counts('notifies_total{result="ok"}', 3 * (COMMITS // TOGETHER))
    assert fleet.metric('notifies_total{result="refused"}') == 0

    before = fleet.serial
    taken = fleet.metric(DIFFERENCES)
    fleet.repository.reset(start)
    assert fleet.serial > before
    fleet.caught_up()
    fleet.same()
    # NSD asks for the whole zone after two transfers within the second that it reloads in
    fleet.counts(DIFFERENCES, taken + 2)

    fleet.restart()
    change(fleet.repository, 0, choose)
    fleet.caught_up()
    assert fleet.daemon.stop() == 0
    change(fleet.repository, 1, choose)  # nobody is told of this one before the start
    fleet.daemon = fleet._daemon()
    fleet.caught_up()
    fleet.same()
