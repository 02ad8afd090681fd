"""Faults meet repositories on a disk, where a commit takes time: whoever is killed may be in the middle of one."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory for one test, as pytest's own."""
    with TemporaryDirectory(dir=os.environ["ZONEGIT_TEST_DISK"], ignore_cleanup_errors=True) as name:
        yield Path(name)
