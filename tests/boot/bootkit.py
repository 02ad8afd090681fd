"""A Debian 12 with a real systemd, booted from a directory in a second or so, and what is done in it.

It needs root, mmdebstrap and systemd-nspawn. The tree is made once and kept in build/boot; each boot gets a copy.
The machine has no network but its own loopback. It is ended by its id.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parents[2]
CACHE: Final = TOP / "build" / "boot"
PATIENCE: Final = 60.0
"""Seconds; far more than anything here takes."""
_PACKAGES: Final = (
    "systemd,systemd-sysv,dbus,udev,python3,libpython3.11-stdlib",
    "ca-certificates,curl,dnsutils,iproute2,procps,openssl",
)
_BOOT: Final = """
mount -t tmpfs -o mode=755 run /run
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/"$1"
echo $$ > /sys/fs/cgroup/"$1"/cgroup.procs
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
exec systemd-nspawn -D "$2" --boot --register=no --keep-unit --private-network --console=passive --machine="$1"
"""
"""systemd-nspawn wants a /run in memory and the unified hierarchy of control groups, which a container may lack."""
REPLICATION: Final = """\
repo = "/var/lib/zonegit"
keys = "/etc/zonegit/keys.d"

[metrics]
listen = "127.0.0.1:9353"

[replication]
listen = "127.0.0.1:9354"
name = "primary-1"
"""
"""The configuration of a primary with a replication port."""


def missing() -> str:
    """What this machine lacks for booting one; empty if nothing."""
    if os.geteuid():
        return "root"
    programs = ("mmdebstrap", "systemd-nspawn", "nsenter", "unshare", "dpkg-buildpackage", "dh_python3")
    return next((program for program in programs if shutil.which(program) is None), "")


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about"
        time.sleep(0.05)


def tree() -> Path:
    """The archive that machines are unpacked from."""
    archive = CACHE / "bookworm.tar"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = CACHE / "partial.tar"
        subprocess.run(
            ("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(_PACKAGES)}", "bookworm", partial),
            check=True,
        )
        partial.rename(archive)
    return archive


class Machine:
    """A booted machine."""

    def __init__(self) -> None:
        name = f"zonegit-{os.urandom(4).hex()}"
        self.root = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        subprocess.run(("tar", "-x", "--numeric-owner", "-C", self.root, "-f", tree()), check=True)
        self._log = (self.root.parent / f"{self.root.name}.log").open("w+")
        self._nspawn = subprocess.Popen(
            ("unshare", "--mount", "--propagation", "private", "bash", "-c", _BOOT, "-", name, self.root),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        try:
            until(self._booted, "the boot")
            self.run("ip", "link", "set", "lo", "up")
        except BaseException:
            self.close()
            raise

    def _booted(self) -> bool:
        assert self._nspawn.poll() is None, Path(self._log.name).read_text()
        if not self._systemd():
            return False
        state = self.ask("systemctl", "is-system-running").stdout.strip()
        return state in ("running", "degraded")

    def _systemd(self) -> str:
        """The id of the machine's first process."""
        number = self._nspawn.pid
        return Path(f"/proc/{number}/task/{number}/children").read_text().strip().partition(" ")[0]

    def cable(self, address: str, other: "Machine", others: str) -> None:
        """Join two machines by a wire, each with an address in its /24."""
        bare = ("nsenter", "-t", self._systemd(), "-n", "-m", "ip", "link", "add", "wire", "type", "veth")
        subprocess.run((*bare, "peer", "name", "wire", "netns", other._systemd()), check=True)
        for machine, own in ((self, address), (other, others)):
            machine.run("ip", "address", "add", f"{own}/24", "dev", "wire")
            machine.run("ip", "link", "set", "wire", "up")

    def _inside(self, arguments: tuple[str | Path, ...]) -> list[str]:
        return ["nsenter", "-t", self._systemd(), "-a", "--", *map(str, arguments)]

    def ask(self, *arguments: str | Path, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """Run a command in the machine, whatever it ends with."""
        return subprocess.run(
            self._inside(arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
        )

    def run(self, *arguments: str | Path, timeout: float = PATIENCE) -> str:
        """Run a command that must succeed; what it printed."""
        done = self.ask(*arguments, timeout=timeout)
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def shell(self, text: str) -> str:
        return self.run("sh", "-ec", text)

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        return subprocess.Popen(
            self._inside(arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )

    def write(self, path: str, text: str) -> None:
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def property(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--value", "-p", name, unit).strip()

    def journal(self, unit: str = "zonegitd") -> str:
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit)

    def close(self) -> None:
        if self._nspawn.poll() is None:
            self._nspawn.terminate()
            try:
                self._nspawn.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()
        self._log.close()
        Path(self._log.name).unlink()
        shutil.rmtree(self.root, ignore_errors=True)


def answer(machine: Machine, port: int = 53) -> str:
    return machine.ask(
        "dig", "+short", "+time=10", "+tries=1", "-p", str(port), "@127.0.0.1", "www.example.org"
    ).stdout.strip()


def main_pid(machine: Machine, unit: str = "zonegitd") -> int:
    return int(machine.property(unit, "MainPID"))


def lost(machine: Machine, act: str, seconds: int = 5) -> tuple[int, int]:
    """Queries sent at 400/s while a command runs, and those that got no answer."""
    machine.write("/srv/query_stream.py", (Path(__file__).parent / "query_stream.py").read_text())
    with machine.start("python3", "/srv/query_stream.py", str(seconds), "www.example.org") as stream:
        assert stream.stdout is not None
        assert stream.stdout.readline() == "started\n"
        time.sleep(1)  # queries must be under way on both sides of the act
        machine.shell(act)
        sent, answered = map(int, stream.stdout.read().split())
    return sent, sent - answered
