"""Another user than root, whose repositories root may use: `zonegit` called by root, in that user's name or not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import lmdb
import pytest

import zonegit

OTHER: Final = 12345
"""A user that the system has no name for."""


@cache
def python() -> tuple[str, dict[str, str]]:
    """An interpreter with the program that the other user may run too, and its environment."""
    sources = (Path(zonegit.__file__).parents[1], Path(lmdb.__file__).parents[1])
    environment = {"PYTHONPATH": os.pathsep.join(map(str, sources)), "PATH": os.defpath}
    for executable in (sys.executable, "/usr/bin/python3"):
        call = (executable, "-c", "import sys, lmdb, zonegit.cli.main; assert sys.version_info[:2] == (3, 11)")
        with suppress(OSError):
            if not subprocess.run(call, user=OTHER, env=environment, capture_output=True, cwd="/").returncode:
                return executable, environment
    pytest.skip("needs an interpreter that every user may run")


def command(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """`zonegit` as a process of its own, with nothing to read."""
    executable, environment = python()
    call = (executable, "-m", "zonegit.cli.main", *words)
    return subprocess.run(
        call, env=environment | more, capture_output=True, text=True, timeout=60, cwd="/", input=""
    )


@contextmanager
def place_for_all() -> Iterator[Path]:
    """A directory that every user gets to; pytest's own let nobody through."""
    with TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)
