"""Kea's D2, unmodified, registers names, each for the client that had it first (RFC 4703).

It is set up as docs/adopting.md says. BIND as the primary shows what they get elsewhere.
"""

import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from adoptkit import KEA
from daemonkit import environment, until
from peerkit import HOST, free_ports
from updatedkit import Primary

FORWARD, REVERSE = KEA.zones
NAME = f"laptop.dyn.{FORWARD}"
LAPTOP, PRINTER = "02:00:00:00:00:01", "02:00:00:00:00:02"


class D2:
    """kea-dhcp-ddns, which does what a DHCP server asks of it in NameChangeRequests over UDP."""

    def __init__(self, port: int, log: Path) -> None:
        self._port = port
        self._log = log
        self._done = 0

    def ask(self, change: int, address: str, client: str, *, forward: bool = True) -> str:
        """Have the client's name and address added (0) or removed (1); with which outcome D2 was done."""
        wanted = {
            "change-type": change,
            "forward-change": forward,
            "reverse-change": True,
            "fqdn": NAME,
            "ip-address": address,
            "dhcid": "000201" + sha256(client.encode()).hexdigest(),
            "lease-expires-on": "20301231235959",
            "lease-length": 3600,
            "use-conflict-resolution": True,
        }
        data = json.dumps(wanted).encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(len(data).to_bytes(2, "big") + data, (HOST, self._port))
        until(lambda: len(self.outcomes()) > self._done, "the end of a change")
        self._done += 1
        return self.outcomes()[-1]

    def outcomes(self) -> list[str]:
        return re.findall(r"\bDHCP_DDNS_((?:ADD|REMOVE)_(?:SUCCEEDED|FAILED))\b", self._log.read_text())


@contextmanager
def d2(program: str, home: Path, primary: Primary) -> Iterator[D2]:
    (port,) = free_ports(1)
    config = json.loads(primary.program_for(KEA))
    config["DhcpDdns"]["port"] = port
    output = {"name": "kea-dhcp-ddns", "severity": "INFO", "output_options": [{"output": "stdout"}]}
    config["DhcpDdns"]["loggers"] = [output]
    (home / "d2.json").write_text(json.dumps(config))
    env = environment(KEA_PIDFILE_DIR=str(home), KEA_LOCKFILE_DIR=str(home))
    log = home / "d2.log"
    with log.open("w") as out:
        process = subprocess.Popen([program, "-c", home / "d2.json"], stdout=out, stderr=out, env=env)
    try:
        until(lambda: "DHCP_DDNS_STARTED" in log.read_text() or process.poll() is not None, "D2")
        assert process.poll() is None, log.read_text()
        yield D2(port, log)
    finally:
        process.terminate()
        process.wait()


def test_kea(primary: Primary, tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    with d2(needs_program("kea-dhcp-ddns"), tmp_path, primary) as server:
        before = primary.zone(FORWARD), primary.zone(REVERSE)
        assert server.ask(0, "10.0.0.5", LAPTOP) == "ADD_SUCCEEDED"
        assert registered(primary) == (["10.0.0.5"], [NAME])
        (dhcid,) = primary.records(NAME, "DHCID")
        assert server.ask(0, "10.0.0.6", PRINTER) == "ADD_FAILED"
        assert server.ask(1, "10.0.0.5", PRINTER) == "REMOVE_FAILED"
        assert registered(primary) == (["10.0.0.5"], [NAME])
        assert server.ask(0, "10.0.0.7", LAPTOP) == "ADD_SUCCEEDED"
        assert primary.records(NAME, "A") == ["10.0.0.7"]
        assert primary.records(NAME, "DHCID") == [dhcid]
        assert server.ask(1, "10.0.0.5", LAPTOP, forward=False) == "REMOVE_SUCCEEDED"
        assert server.ask(1, "10.0.0.7", LAPTOP) == "REMOVE_SUCCEEDED"
        assert (primary.zone(FORWARD), primary.zone(REVERSE)) == before


def registered(primary: Primary) -> tuple[list[str], list[str]]:
    return primary.records(NAME, "A"), primary.records(f"5.{REVERSE}", "PTR")
