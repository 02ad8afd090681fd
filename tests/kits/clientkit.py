"""Programs of others that update a zone: how tests run them, and networks in which some need to be."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from daemonkit import DEADLINE, environment
from updatedkit import Primary

_LAN = """
ip link set lo up; ip link add lan type veth peer name guest; ip link set guest netns "$1"
ip address add 10.0.0.1/24 dev lan; ip link set lan up
nsenter --net="/proc/$1/ns/net" sh -ec 'ip address add 10.0.0.2/24 dev guest; ip link set guest up'
"""
_HELD = ("unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity")
PATIENCE = 3 * DEADLINE


def run(*command: str | Path, **variables: str) -> str:
    """What a command prints, which must succeed."""
    done = subprocess.run(
        command, env=environment(**variables), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Lan(NamedTuple):
    """Two machines on a LAN, each as the command that runs another one on it."""

    server: tuple[str, ...]
    """Its address on the interface `lan` is 10.0.0.1."""
    guest: tuple[str, ...]
    """Its address on the interface `guest` is 10.0.0.2."""


class OnLan(NamedTuple):
    """A primary at port 53, and the machines of its network."""

    primary: Primary
    machines: Lan


@contextmanager
def lan() -> Iterator[Lan]:
    """Two networks of their own, each with its own loopback. The test is skipped where they can't be made."""
    if os.geteuid():
        pytest.skip("needs root")
    with ExitStack() as stack:
        pids = [stack.enter_context(_network()) for _ in range(2)]
        server, guest = (("nsenter", f"--net=/proc/{pid}/ns/net") for pid in pids)
        run(*server, "sh", "-ec", _LAN, "sh", str(pids[1]))
        yield Lan(server, guest)


@contextmanager
def _network() -> Iterator[int]:
    """The pid of a process that has a network of its own."""
    with subprocess.Popen(_HELD, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                pytest.skip("needs network namespaces")
            yield process.pid
        finally:
            process.kill()
