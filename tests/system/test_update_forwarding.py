"""UPDATEs that reach a secondary: nsupdate asks it, and the change is on both nodes (RFC 2136 §6)."""

import os
import shutil
import socket
import subprocess
import time
from base64 import b64encode
from pathlib import Path

import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.tsig
import pytest

from daemonkit import Daemon, ask, page, rcode, until
from forwardkit import KEY, Pair
from updatedkit import Setup, taking_updates
from updatedkit import key as key_of
from updaterkit import adding
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope

pytestmark = pytest.mark.skipif(shutil.which("nsupdate") is None, reason="needs nsupdate (bind9-dnsutils)")

ZONE = "example.org."
WRONG = b64encode(b"x" * 32).decode()
"""The secret of a key that nobody has."""


@pytest.fixture
def pair(tmp_path: Path):
    return Pair(tmp_path)


def nsupdate(secret: str, port: int, owner: str) -> str:
    """What nsupdate complains of; empty if the update is done and the response's signature right."""
    script = f"server 127.0.0.1 {port}\nzone example.org\nupdate add {owner}.example.org 60 A 192.0.2.77\nsend\n"
    arguments = ["nsupdate", "-y", f"hmac-sha256:{KEY}:{secret}"]
    done = subprocess.run(arguments, input=script, text=True, capture_output=True, timeout=60)
    return done.stderr.strip()


def has(daemon: Daemon, owner: str) -> bool:
    return rcode(ask(daemon.port(), f"{owner}.example.org.")) == 0


def following(pair: Pair, primary: Daemon, more: str = "") -> Daemon:
    """A secondary that has the zone."""
    secondary = pair.secondary(primary, more)
    try:
        until(lambda: rcode(ask(secondary.port(), "example.org.", 6)) == 0, "the zone at the secondary")
    except BaseException:
        secondary.stop()
        raise
    return secondary


def test_an_update_of_the_secondary_is_made_at_the_primary(pair):
    """With the key's file on both, over several lives of the primary and of the key between them."""
    pair.share_key()
    primary = pair.primary()
    secondary = following(pair, primary)
    try:
        assert nsupdate(pair.secret, secondary.port(), "one") == ""
        assert has(primary, "one")
        until(lambda: has(secondary, "one"), "the change at the secondary")

        rotate(pair, primary, secondary)
        assert nsupdate(pair.secret, secondary.port(), "two") == ""

        port = primary.port("replication")
        primary.stop()
        assert "SERVFAIL" in nsupdate(pair.secret, secondary.port(), "three")
        secondary.logged("]: cannot forward UPDATEs zone=example.org. why=")

        primary = pair.primary(port)
        assert nsupdate(pair.secret, secondary.port(), "three") == ""
        until(lambda: has(secondary, "three"), "the change at the secondary")
        counter = 'zonegit_updates_forwarded_total{result="%s",zone="example.org."}'
        until(lambda: f"{counter % 'NOERROR'} 3.0" in page(secondary, "/metrics"), "the counter")
        assert counter % "unreachable" in page(secondary, "/metrics")
    finally:
        secondary.stop()
        primary.stop()


def rotate(pair: Pair, primary: Daemon, secondary: Daemon) -> None:
    """Replace the key of replication while both run."""
    new = new_key(pair.home / "new.d", "k2", (parse_scope("read:*"),), time.time, os.urandom)
    for directory in pair.keys.values():
        shutil.copy(new, directory)
        (directory / f"{KEY}.key").unlink()
    primary.reload("http")
    secondary.reload("updater")


def test_the_secondary_need_not_have_the_secret(pair):
    """The primary verifies the signature; a name that `update_forwarding` doesn't have stays at the secondary."""
    primary = pair.primary()
    secondary = following(pair, primary, f'[zone."example.org"]\nupdate_forwarding = ["key:{KEY}"]\n')
    try:
        flood(secondary.port())
        assert nsupdate(pair.secret, secondary.port(), "one") == ""
        assert has(primary, "one")
        only = 'method="POST",route="update"} 1.0'
        until(lambda: only in page(primary, "/metrics"), "the only request to the primary")
        assert "BADSIG" in nsupdate(WRONG, secondary.port(), "two")
        primary.logged("rcode=BADSIG")
    finally:
        secondary.stop()
        primary.stop()


@pytest.mark.skipif(shutil.which("named") is None, reason="needs named (bind9)")
def test_an_update_goes_to_bind_and_comes_back_as_a_transfer(tmp_path):
    """BIND has the zone, zonegitd transfers it and serves it: nsupdate asks zonegitd."""
    key = key_of(KEY)
    with taking_updates("named", shutil.which("named") or "", tmp_path / "named", [Setup.of(ZONE, key)]) as bind:
        keys = tmp_path / "keys.d"
        keys.mkdir(mode=0o700)
        file = keys / f"{KEY}.tsig"
        file.touch(mode=0o600)
        file.write_text(f'algorithm = "{key.algorithm}"\nsecret = "{key.secret}"\n')
        (tmp_path / "zonegitd.toml").write_text(
            f'repo = "{tmp_path}/repo"\nkeys = "{keys}"\n[dns]\nlisten = "127.0.0.1:0"\n'
            f'[zone."{ZONE}"]\nprimaries = ["127.0.0.1:{bind.port} key:{KEY}"]\n'
        )
        secondary = Daemon("--config", tmp_path / "zonegitd.toml")
        try:
            secondary.logged("]: listening ")
            until(lambda: rcode(ask(secondary.port(), ZONE, 6)) == 0, "the transfer")
            assert nsupdate(key.secret, secondary.port(), "one") == ""
            assert bind.records(f"one.{ZONE}", "A") == ["192.0.2.77"]
            notify(secondary.port())
            until(lambda: has(secondary, "one"), "the change at the secondary")
            assert "BADSIG" in nsupdate(WRONG, secondary.port(), "two")
            assert bind.records(f"two.{ZONE}", "A") == []
        finally:
            secondary.stop()


def flood(port: int) -> None:
    """1,000 UPDATEs by keys that nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(1000):
            forged = adding(dns.tsig.Key(f"n{number}.", b"x" * 32), "new")
            sock.sendto(forged.to_wire(), ("127.0.0.1", port))


def notify(port: int) -> None:
    """What a primary at this address sends when the zone has changed (RFC 1996)."""
    message = dns.message.make_query(ZONE, "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    assert dns.query.udp(message, "127.0.0.1", 20, port).rcode() == dns.rcode.NOERROR
