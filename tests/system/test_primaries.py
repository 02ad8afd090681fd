"""zonegitd follows real BIND, NSD, Knot DNS and PowerDNS, through changes, restarts and resets.

`ZONEGIT_PRIMARY_CHANGES` is how many changes it follows (12).
"""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.query
import dns.rdatatype
import dns.zone
import pytest

from daemonkit import ask, rcode, until
from followkit import Follower
from incomingkit import text_of
from peerkit import HOST, free_ports
from realprimaries import KEY, MAKES, ORIGIN, SIGNED, RealPrimary, serving
from validators import judge_file
from zonegit.repo import Repository

CHANGES = int(os.environ.get("ZONEGIT_PRIMARY_CHANGES", "12"))
FIRST = 2**32 - 6
"""The serials begin anew while the zone is followed (RFC 1982)."""
Find = Callable[[str], str]


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    made = Follower(tmp_path, free_ports(1)[0])
    yield made
    made.stop()


class Zone:
    """A zone that changes at random, and that every server accepts."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.serial = FIRST
        self._lines = {f"host{number}": f"A 192.0.2.{number}" for number in range(60)}

    @property
    def text(self) -> str:
        return text_of(self.serial, *(f"{owner} {line}" for owner, line in sorted(self._lines.items())))

    def change(self) -> str:
        self.serial = (self.serial + self._random.choice((1, 1, 1, 3))) % 2**32 or 1
        for _ in range(self._random.randint(1, 4)):
            owner = f"host{self._random.randrange(80)}"
            choice = self._random.random()
            if choice < 0.3:
                self._lines.pop(owner, None)
            elif choice < 0.6:
                self._lines[owner] = f"{self._random.choice((60, 300))} A 192.0.2.{self._random.randrange(256)}"
            elif choice < 0.8:
                self._lines[owner] = f'TXT "{self._random.randrange(10**6)}"'
            else:
                self._lines[owner] = f"CNAME host{self._random.randrange(80)}"
        return self.text


def primary_text(primary: RealPrimary) -> str:
    return f"{HOST}:{primary.port}" + (f" key:{KEY}" if primary.make in SIGNED else "")


def same(follower: Follower, primary: RealPrimary, serial: int) -> None:
    follower.has(serial)
    assert follower.zone() == primary.zone()


@pytest.mark.parametrize("make", MAKES)
def test_it_follows_changes_restarts_and_resets(
    make: str, needs_program: Find, follower: Follower, tmp_path: Path
) -> None:
    program = needs_program(make)
    if make == "pdns_server":
        needs_program("pdns_control")
    zone = Zone(CHANGES)
    (port,) = free_ports(1)
    serials = [zone.serial]
    with serving(make, program, port, follower.port, follower.secret, tmp_path / "p", zone.text) as primary:
        follower.write_config(primary_text(primary))
        follower.start()
        same(follower, primary, zone.serial)
        onward = follower.zone()
        for number in range(CHANGES):
            text = zone.change()
            if number % (CHANGES // 3) == CHANGES // 6:
                follower.stop()
                primary.change(text)
                until(lambda: primary.serial() == zone.serial, "the change at the primary")
                follower.start()
                follower.daemon.logged("]: listening ")
                zonegit(follower, "transfer", ORIGIN)
            elif number % (CHANGES // 3) == CHANGES // 4:
                primary.stop()
                primary.forget_journal()
                primary.write(text)
                primary.start()
                zonegit(follower, "transfer", ORIGIN)
            else:
                primary.change(text)
            same(follower, primary, zone.serial)
            serials.append(zone.serial)
        dns.query.inbound_xfr(HOST, onward, port=follower.port)  # by IXFR, from its first serial
        assert onward == primary.zone()
        with Repository.open(follower.repo) as repository:
            found = [each.commit for each in repository.log("main", zone=ORIGIN)]
            assert [commit.serial for commit in found] == serials[::-1]
            assert {commit.author.name for commit in found} == {f"{HOST} <axfr@{HOST}>"}
    assert not follower.daemon.has("Error")


def zonegit(follower: Follower, *arguments: str) -> str:
    command = [sys.executable, "-m", "zonegit.cli.main", "--repo", str(follower.repo), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_serial_that_goes_back_is_kept_out_until_an_operator_wants_it(
    needs_program: Find, follower: Follower, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    program = needs_program("knotd")
    with serving("knotd", program, port, follower.port, follower.secret, tmp_path / "p", text_of(7)) as primary:
        follower.write_config(primary_text(primary))
        follower.start()
        follower.has(7)
        primary.stop()
        primary.forget_journal()
        primary.write(text_of(3, "new A 192.0.2.3"))
        primary.start()
        zonegit(follower, "transfer", ORIGIN)
        line = follower.daemon.logged("cannot bring a zone up to date")
        assert "serial 3, which isn't ahead of 7 here" in line and "again_in=" in line and "expires_in=" in line
        assert follower.serial() == 7
        zonegit(follower, "transfer", "--any-serial", ORIGIN)
        same(follower, primary, 3)
        assert "confirmed by" in zonegit(follower, "status", "--zone", ORIGIN)


def test_a_zone_that_expired_while_nothing_ran_is_served_once_its_primary_answers(
    needs_program: Find, follower: Follower, tmp_path: Path
) -> None:
    from zonegit.repo.incoming.state import keep_states, transfer_states
    from zonegit.store.lmdb import LmdbStore

    (port,) = free_ports(1)
    program = needs_program("nsd")
    with serving("nsd", program, port, follower.port, follower.secret, tmp_path / "p", text_of(7)) as primary:
        follower.write_config(primary_text(primary))
        follower.start()
        follower.has(7)
        follower.stop()
        primary.stop()
        store = LmdbStore.open(follower.repo)
        with store.write() as writer:
            found = dict(transfer_states(writer))
            keep_states(writer, {zone: state._replace(checked=1) for zone, state in found.items()})
        store.close()
        follower.start()
        assert rcode(ask(follower.port, "ns1.example.org.")) == 2, "SERVFAIL from the first answer on"
        follower.daemon.logged("cannot bring a zone up to date")
        primary.start()
        zonegit(follower, "transfer", ORIGIN)
        until(lambda: rcode(ask(follower.port, "ns1.example.org.")) == 0, "the zone")
        follower.daemon.logged("answering from an expired zone again")


def test_a_zone_is_signed_in_the_middle_and_transferred_on(
    needs_program: Find, follower: Follower, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    program = needs_program("named")
    text = text_of(7, "www A 192.0.2.7")
    with serving("named", program, port, follower.port, follower.secret, tmp_path / "p", text) as primary:
        follower.write_config(primary_text(primary), more=f'[zone."{ORIGIN}".dnssec]\n')
        follower.start()
        for serial in (7, 8):
            if serial > 7:
                primary.change(text_of(serial, "www A 192.0.2.8", f"n{serial} A 192.0.2.1"))
            until(lambda serial=serial: (follower.serial() or 0) >= serial, "a signed version")
            zone = follower.zone()
            assert zone.get_rdataset(ORIGIN, dns.rdatatype.DNSKEY) is not None
            zone.to_file(str(tmp_path / "signed"), relativize=False)
            assert judge_file(needs_program, "dnssec-verify", tmp_path / "signed", ORIGIN) == ""
        with Repository.open(follower.repo) as repository:
            assert [each.commit.serial for each in repository.log("main", zone=ORIGIN)] == [8, 7]


def test_a_zone_whose_primaries_are_removed_is_written_here(
    needs_program: Find, follower: Follower, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    program = needs_program("knotd")
    with serving("knotd", program, port, follower.port, follower.secret, tmp_path / "p", text_of(7)) as primary:
        follower.write_config(primary_text(primary))
        follower.start()
        follower.has(7)
        command = [sys.executable, "-m", "zonegit.cli.main", "--repo", str(follower.repo), "--zone", ORIGIN]
        change = [*command, "set", "www", "A", "60", "192.0.2.1"]
        refused = subprocess.run(change, capture_output=True, text=True)
        assert refused.returncode == 1
        assert f"is transferred from {HOST}:{port}: make the change there" in refused.stderr
        follower.write_config()
        follower.daemon.reload()
        until(lambda: subprocess.run(change, capture_output=True).returncode == 0, "a commit")
        follower.has(8)
