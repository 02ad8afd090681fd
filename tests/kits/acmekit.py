"""Pebble, Let's Encrypt's small ACME server: it asks a name server for what dns-01 wants (RFC 8555 §8.4)."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from ssl import create_default_context
from typing import NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

from daemonkit import environment, until
from peerkit import HOST, free_ports
from tlskit import Authority


class Acme(NamedTuple):
    """An ACME server."""

    directory: str
    """Its URL."""
    ca: Path
    """What to trust it by."""


@contextmanager
def acme(program: str, home: Path, dns_port: int) -> Iterator[Acme]:
    """Pebble, which asks the name server at a port of this machine."""
    home.mkdir()
    authority = Authority(home)
    files = authority.issue("acme")
    listen, manage = free_ports(2)
    config = {
        "listenAddress": f"{HOST}:{listen}",
        "managementListenAddress": f"{HOST}:{manage}",
        "certificate": str(files.cert),
        "privateKey": str(files.key),
        "httpPort": 1,
        "tlsPort": 1,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
    }
    (home / "pebble.json").write_text(json.dumps({"pebble": config}))
    command = [program, "-config", home / "pebble.json", "-dnsserver", f"{HOST}:{dns_port}"]
    env = environment(PEBBLE_VA_NOSLEEP="1", PEBBLE_WFE_NONCEREJECT="0")
    found = Acme(f"https://{HOST}:{listen}/dir", authority.cert)
    with (home / "log").open("w") as out, subprocess.Popen(command, stdout=out, stderr=out, env=env) as process:
        try:
            until(lambda: answers(found) or process.poll() is not None, "pebble")
            assert process.poll() is None, (home / "log").read_text()
            yield found
        finally:
            process.terminate()


def answers(server: Acme) -> bool:
    with suppress(URLError), urlopen(server.directory, context=create_default_context(cafile=server.ca)):
        return True
    return False
