"""A `zonegitd` that transfers example.org. from a primary on another loopback port, and what it has of it."""

import os
import tomllib
from base64 import b64decode
from pathlib import Path

import dns.exception
import dns.rdatatype
import dns.zone

from daemonkit import Daemon, until
from peerkit import HOST
from realprimaries import KEY, ORIGIN, transferred
from zonegit.auth.tsigfile import new_tsig
from zonegit.repo import Repository


class Follower:
    """One node. Its daemon may be stopped and started again."""

    def __init__(self, home: Path, port: int) -> None:
        self.home = home
        self.port = port
        Repository.init(home / "repo").close()
        path = new_tsig(home / "keys.d", KEY, "hmac-sha256", os.urandom)
        self.secret = b64decode(tomllib.loads(path.read_text())["secret"])
        self._daemon: Daemon | None = None

    @property
    def daemon(self) -> Daemon:
        assert self._daemon is not None
        return self._daemon

    @property
    def repo(self) -> Path:
        return self.home / "repo"

    def write_config(self, *primaries: str, more: str = "") -> None:
        """Each primary as in `primaries`; `more` are lines of the zone's table, and other tables."""
        listed = ", ".join(f'"{each}"' for each in primaries)
        zone = f'[zone."{ORIGIN}"]\nprimaries = [{listed}]\n' if primaries else f'[zone."{ORIGIN}"]\n'
        (self.home / "zonegitd.toml").write_text(
            f"""repo = "{self.repo}"
keys = "{self.home}/keys.d"
dnssec_keys = "{self.home}/dnssec"
[dns]
listen = "{HOST}:{self.port}"
[metrics]
listen = "{HOST}:0"
{zone}{more}"""
        )

    def start(self) -> None:
        self._daemon = Daemon("--config", self.home / "zonegitd.toml")
        self._daemon.logged("]: listening ")

    def stop(self) -> None:
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            assert daemon.stop() == 0

    def serial(self) -> int | None:
        """The serial that is served; None while nothing is."""
        try:
            zone = transferred(self.port)
        except (OSError, dns.exception.DNSException):
            return None
        soa = zone.get_rdataset(ORIGIN, dns.rdatatype.SOA)
        return None if soa is None else int(soa[0].serial)

    def has(self, serial: int) -> None:
        """Wait until this serial is served."""
        until(lambda: self.serial() == serial, f"serial {serial} at zonegitd")

    def zone(self) -> dns.zone.Zone:
        return transferred(self.port)
