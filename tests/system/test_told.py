"""What a daemon tells while it runs: its line for the service manager, and a log of JSON without secrets."""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemonkit import Daemon, environment, new_reader, until


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        yield manager


def heard(manager: socket.socket, start: str) -> str:
    """The next notice that has a line which begins so, and that line."""
    while True:
        for line in manager.recv(4096).decode().splitlines():
            if line.startswith(start):
                return line


def test_the_manager_sees_zones_and_refused_reloads(tmp_path: Path, repo: Path, manager: socket.socket) -> None:
    config = tmp_path / "zonegitd.toml"
    config.write_text("")
    told = environment(NOTIFY_SOCKET=str(tmp_path / "notify"))
    daemon = Daemon("--repo", repo, "--listen", "127.0.0.1:0", "--config", config, env=told)
    try:
        assert heard(manager, "STATUS=listening ")
        assert heard(manager, "STATUS=") == "STATUS=1 zone"
        config.write_text("nonsense = 1\n")
        daemon.signal(signal.SIGHUP)
        assert heard(manager, "RELOADING=1")
        assert heard(manager, "STATUS=") == "STATUS=1 zone, the last reload was refused"
        config.write_text("")
        daemon.signal(signal.SIGHUP)
        assert heard(manager, "RELOADING=1")
        assert heard(manager, "STATUS=") == "STATUS=1 zone"
    finally:
        daemon.stop()


def test_a_log_of_json_holds_every_line_and_no_secret(
    tmp_path: Path, repo: Path, start: Callable[..., Daemon]
) -> None:
    keys = tmp_path / "keys"
    new_reader(keys)
    written = (keys / "k1.key").read_text()
    secrets = [line.split('"')[1] for line in written.splitlines() if line.startswith("secret")]
    assert secrets
    config = tmp_path / "zonegitd.toml"
    config.write_text('[log]\nformat = "json"\n')
    daemon = start(
        repo, "--config", config, "--keys", keys, "--replicate-listen", "127.0.0.1:0", "--replicate-workers", "2",
        "--replicate-name", "primary-1", "--metrics-listen", "127.0.0.1:0",
    )  # fmt: skip
    for name in ("dns-0", "http", "http-1"):
        until(lambda name=name: _told(daemon, name), f"the state of {name}")
    broken = keys / "k2.key"
    broken.write_text(written.replace("k1", "k2") + "nonsense = 1\n")
    broken.chmod(0o600)
    daemon.signal(signal.SIGHUP)
    daemon.logged("reload refused")
    assert daemon.stop() == 0
    lines = [json.loads(line) for line in daemon.log]
    assert {"supervisor", "dns-0", "http", "http-1"} <= {line["from"] for line in lines}
    assert {"listening", "stopped"} <= {line["message"] for line in lines}
    assert not any(secret in line for secret in secrets for line in daemon.log)


def _told(daemon: Daemon, name: str) -> bool:
    """Whether a process has told its state, for which it is asked."""
    daemon.signal(signal.SIGUSR1)
    time.sleep(0.05)
    return daemon.has(f'"from": "{name}", "message": "state"')
