"""docs/operations.md, run as it stands: TLS with a CA of one's own, the first key, and a key turned three times.

Two directories are the two machines; `scp` and `systemctl reload` are scripts that do there what they do in the
world.
"""

import re
import signal
import ssl
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, environment, until
from zonegit.repo import Repository

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
BLOCK = re.compile(r"^( *)```(sh|toml) (primary|secondary)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SCP = """#!/bin/sh
set -e
for last; do :; done
while [ $# -gt 1 ]; do cp -p "$1" "${last#secondary:}"; shift; done
"""
SYSTEMCTL = """#!/bin/sh
[ "$*" = "reload zonegitd" ] && kill -HUP "$(cat "$MACHINE/pid")"
"""


class Machines:
    """A primary and a secondary below one directory."""

    def __init__(self, top: Path) -> None:
        self.top = top
        for machine in ("primary", "secondary"):
            for place in ("keys.d", "tls"):
                (top / machine / place).mkdir(parents=True)
        (top / "bin").mkdir()
        for name, text in (("scp", SCP), ("systemctl", SYSTEMCTL)):
            (top / "bin" / name).write_text(text)
            (top / "bin" / name).chmod(0o755)

    def local(self, machine: str, text: str) -> str:
        """A text of the page with the paths and addresses that these machines have."""
        text = text.replace("secondary:/etc/zonegit", f"secondary:{self.top}/secondary")
        text = text.replace("/etc/zonegit", str(self.top / machine)).replace("192.0.2.1", "127.0.0.1")
        return text.replace("/var/lib/zonegit", str(self.top / machine / "repo"))

    def sh(self, machine: str, text: str) -> str:
        """What a block of commands prints; every one must succeed."""
        path = f"{self.top}/bin:{Path(sys.executable).parent}:{environment()['PATH']}"
        done = subprocess.run(
            ["/bin/sh", "-ec", self.local(machine, text)],
            env=environment(PATH=path, MACHINE=str(self.top / machine)),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (text, done.stderr)
        return done.stdout

    def config(self, machine: str, text: str) -> Path:
        path = self.top / machine / "zonegitd.toml"
        path.write_text(self.local(machine, text))
        tomllib.loads(path.read_text())
        return path


def sections() -> dict[str, list[tuple[str, str, str]]]:
    """`(language, machine, text)` of each block, by section."""
    parts = re.split(r"^## (.+)\n", PAGE.read_text(), flags=re.MULTILINE)[1:]
    return {
        title: [(kind, machine, text) for _, kind, machine, text in BLOCK.findall(body)]
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    }


def set_www(machines: Machines, last: int) -> None:
    with Repository.open(machines.top / "primary" / "repo") as repository:
        repository.set("www", 1, 60, [bytes((192, 0, 2, last))])


def reloaded(daemon: Daemon) -> int:
    return sum("]: reloaded" in line for line in daemon.log)


@pytest.fixture
def machines(tmp_path: Path, repo: Path, needs_program) -> Machines:
    for program in ("openssl", "curl", "sha256sum"):
        needs_program(program)
    found = Machines(tmp_path / "machines")
    repo.rename(found.top / "primary" / "repo")
    return found


def test_the_page_is_true(machines: Machines, start) -> None:
    page = sections()
    tls = page["TLS"]
    printed = [machines.sh(machine, text) for kind, machine, text in tls if kind == "sh"]
    for _, machine, text in page["The first key"]:
        machines.sh(machine, text)
    fingerprint = re.findall(r"\b[0-9a-f]{64}\b", printed[1])[0]
    with (machines.top / "primary" / "keys.d" / "k2026a.key").open("a") as file:
        file.write(f'client_cert = "{fingerprint}"\n')
    settings = {machine: text for kind, machine, text in tls if kind == "toml"}

    def run(machine: str, text: str) -> Daemon:
        config = machines.config(machine, re.sub(r'(listen = ".*):\d+"', r'\1:0"', text))
        daemon: Daemon = start(machines.top / machine / "repo", "--config", config)
        (machines.top / machine / "pid").write_text(str(daemon.process.pid))
        return daemon

    primary = run("primary", settings["primary"])
    there = f"192.0.2.1:{primary.port('replication')}"
    daemons = {
        "primary": primary,
        "secondary": run("secondary", settings["secondary"].replace("192.0.2.1:9354", there)),
    }
    secondary = daemons["secondary"]

    def follows(last: int) -> None:
        set_www(machines, last)
        until(lambda: bytes((192, 0, 2, last)) in ask(secondary.port(), "www.example.org", tries=3), "the change")

    follows(10)
    for turn, (old, new) in enumerate((("a", "b"), ("b", "c"), ("c", "d"))):
        for step, (_, machine, text) in enumerate(page["Turning a key"]):
            before = reloaded(daemons[machine])
            machines.sh(machine, text.replace("k2026b", f"k2026{new}").replace("k2026a", f"k2026{old}"))
            if "reload" in text:
                until(lambda m=machine, n=before: reloaded(daemons[m]) > n, f"the reload of {machine}")
            follows(20 + 10 * turn + step)
    assert not secondary.has("sync failed")
    metrics = scrape(machines, page, secondary)
    assert "zonegit_keys_reload_failed 0.0" in metrics
    assert 'zonegit_sync_sessions_total{peer="primary-1",result="ok"}' in metrics
    assert 'peer="primary-1",result="un' not in metrics
    used = dict(re.findall(r'last_used_timestamp_seconds\{key_id="(\w+)"\} (\S+)', scrape(machines, page, primary)))
    assert set(used) == {"k2026a", "k2026b", "k2026c", "k2026d"}
    assert float(used["k2026d"]) == max(map(float, used.values()))
    refuses_a_bad_set(machines, primary, lambda: scrape(machines, page, primary))
    follows(77)
    renews_a_certificate(machines, tls[0][2], daemons)
    follows(88)
    assert not secondary.has("sync failed")


def scrape(machines: Machines, page: dict[str, list[tuple[str, str, str]]], daemon: Daemon) -> str:
    ((_, machine, text),) = page["What the metrics say"]
    return machines.sh(machine, text.replace("9353", str(daemon.port("metrics"))))


def refuses_a_bad_set(machines: Machines, primary: Daemon, metrics) -> None:
    (machines.top / "primary" / "keys.d" / "k2026d.key").chmod(0o644)
    primary.signal(signal.SIGHUP)
    until(lambda: primary.has("reload refused"), "the refusal in the log")
    until(lambda: "zonegit_keys_reload_failed 1.0" in metrics(), "the refusal in the metrics")
    (machines.top / "primary" / "keys.d" / "k2026d.key").chmod(0o600)
    (machines.top / "primary" / "tls" / "primary.key").chmod(0o644)
    primary.signal(signal.SIGHUP)
    until(lambda: primary.has("primary.key: others may read"), "the refusal of the certificate's key")
    (machines.top / "primary" / "tls" / "primary.key").chmod(0o600)


def renews_a_certificate(machines: Machines, text: str, daemons: dict[str, Daemon]) -> None:
    """Another certificate of the same CA in the old one's place, taken up by a reload of each daemon."""
    place = ("127.0.0.1", daemons["primary"].port("replication"))
    path = machines.top / "primary" / "tls" / "primary.pem"
    old = path.read_text()
    assert ssl.get_server_certificate(place, timeout=20).split() == old.split()
    machines.sh("primary", "".join(line for line in text.splitlines(keepends=True) if "-x509 -newkey" not in line))
    assert path.read_text() != old
    for daemon in daemons.values():
        before = reloaded(daemon)
        daemon.signal(signal.SIGHUP)
        until(lambda daemon=daemon, before=before: reloaded(daemon) > before, "the reload")
    until(lambda: ssl.get_server_certificate(place, timeout=20).split() == path.read_text().split(), "the new one")


METRICS = PAGE.read_text().partition("## What the metrics say\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("family", re.findall(r"^\| `(\w+)[`{]", METRICS, re.MULTILINE))
def test_every_metric_is_one(family: str) -> None:
    from zonegit.ops.families import PUBLISHED

    assert family in PUBLISHED
