"""Processes of their own for tests, spawned as the daemon spawns its own, and what they answer over a pipe."""

import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess
from pathlib import Path

SPAWN = get_context("spawn")
PATIENCE = 60
"""Seconds; far more than anything here takes."""

_AFTER = "from signal import *; import os, sys; signal({}, {}); os.execv(sys.argv[1], sys.argv[1:])"


def interruptible(*command: str | Path) -> list[str | Path]:
    """A command that heeds SIGINT: a test runner in the background may ignore it, which a child inherits."""
    return [sys.executable, "-c", _AFTER.format("SIGINT", "SIG_DFL"), *command]


def without_children(*command: str) -> list[str]:
    """A command that inherits SIGCHLD ignored, as from `trap '' CHLD` of a shell: nobody could wait for a child."""
    return [sys.executable, "-c", _AFTER.format("SIGCHLD", "SIG_IGN"), *command]


def run(target: Callable[..., None], *arguments: object) -> SpawnProcess:
    process = SPAWN.Process(target=target, args=arguments)
    process.start()
    return process


def finished(process: SpawnProcess) -> int | None:
    process.join(PATIENCE)
    code = process.exitcode
    process.close()
    return code


def answer(target: Callable[..., None], *arguments: object) -> object:
    """Run in a child that answers over a pipe, to its end."""
    ours, theirs = SPAWN.Pipe()
    process = run(target, *arguments, theirs)
    assert ours.poll(PATIENCE)
    found = ours.recv()
    assert finished(process) == 0
    return found


def killed_while_waiting(target: Callable[..., None], path: Path) -> None:
    ours, theirs = SPAWN.Pipe()
    process = run(target, path, theirs)
    assert ours.poll(PATIENCE)
    ours.recv()
    process.kill()
    assert finished(process) == -9
