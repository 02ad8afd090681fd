"""The machines of docs/operations.md: directories in which its commands run as they stand.

`scp`, `systemctl` and `runuser` are scripts that do there what they do elsewhere. Paths and addresses are mapped.
"""

import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from daemonkit import DEADLINE, Daemon, environment
from peerkit import free_ports

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
BLOCK: Final = re.compile(r"^( *)```(sh|toml) (\w+)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SCP: Final = """#!/bin/sh
set -e
for last; do :; done
while [ $# -gt 1 ]; do cp -p "$1" "${last#secondary:}"; shift; done
"""
_SYSTEMCTL: Final = """#!/bin/sh
case "$*" in
  "reload zonegitd") kill -HUP "$(cat "$MACHINE/pid")" ;;
  "restart zonegitd") : > "$MACHINE/restart"; while [ -e "$MACHINE/restart" ]; do sleep 0.05; done ;;
  *) exit 1 ;;
esac
"""
_RUNUSER: Final = """#!/bin/sh
[ "$1 $2 $3" = "-u zonegit --" ] && shift 3 && exec "$@"
"""

Block = tuple[str, str, str]


def sections() -> dict[str, list[Block]]:
    """`(language, machine, text)` of each block, by section."""
    parts = re.split(r"^## (.+)\n", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return {
        title: [(kind, machine, text) for _, kind, machine, text in BLOCK.findall(body)]
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    }


class Machines:
    """Machines below one directory; the first two are 192.0.2.1 and 192.0.2.2."""

    def __init__(self, top: Path, names: tuple[str, ...] = ("primary", "secondary")) -> None:
        self.top = top
        addresses = (f"192.0.2.{number}:9354" for number in range(1, len(names) + 1))
        self._ports = dict(zip(addresses, free_ports(len(names)), strict=True))
        for machine in names:
            for place in ("keys.d", "tls"):
                (top / machine / place).mkdir(parents=True)
        (top / "bin").mkdir()
        for name, text in (("scp", _SCP), ("systemctl", _SYSTEMCTL), ("runuser", _RUNUSER)):
            (top / "bin" / name).write_text(text)
            (top / "bin" / name).chmod(0o755)

    def local(self, machine: str, text: str) -> str:
        """A text of the page with the paths and addresses that these machines have."""
        for place, port in self._ports.items():
            text = text.replace(place, f"127.0.0.1:{port}")
        text = text.replace("secondary:/etc/zonegit", f"secondary:{self.top}/secondary")
        text = text.replace("/etc/zonegit", str(self.top / machine)).replace("192.0.2.1", "127.0.0.1")
        text = text.replace("/srv/backup", str(self.top / "backup"))
        return text.replace("/var/lib/zonegit", str(self.top / machine / "repo"))

    def sh(self, machine: str, text: str, restart: Callable[[], object] | None = None) -> str:
        """What a block of commands prints; every one must succeed. `restart` is what `systemctl restart` does."""
        path = f"{self.top}/bin:{Path(sys.executable).parent}:{environment()['PATH']}"
        here = self.top / machine
        with subprocess.Popen(
            ["/bin/sh", "-ec", self.local(machine, text)],
            cwd=here,
            env=environment(PATH=path, MACHINE=str(here), ZONEGIT_REPO=str(here / "repo")),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as done:
            deadline = time.monotonic() + 3 * DEADLINE
            while restart and done.poll() is None and time.monotonic() < deadline:
                if (here / "restart").exists():
                    restart()
                    (here / "restart").unlink()
                time.sleep(0.02)
            out, err = done.communicate(timeout=3 * DEADLINE)
        assert done.returncode == 0, (text, err)
        return out

    def config(self, machine: str, text: str) -> Path:
        path = self.top / machine / "zonegitd.toml"
        path.write_text(self.local(machine, text))
        tomllib.loads(path.read_text())
        return path

    def run(self, machine: str, text: str, start: Callable[..., Daemon]) -> Daemon:
        """Start the daemon of a machine with this configuration; metrics get a port of the kernel's choice."""
        config = self.config(machine, text.replace("127.0.0.1:9353", "127.0.0.1:0"))
        daemon = start(self.top / machine / "repo", "--config", config)
        (self.top / machine / "pid").write_text(str(daemon.process.pid))
        return daemon
