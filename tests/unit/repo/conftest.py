"""A repository with a small zone, and a clock that the tests move."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from publishkit import Node
from repokit import ZONE, Clock, parsed
from zonegit.repo import Repository


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def empty(tmp_path: Path, clock: Clock) -> Iterator[Repository]:
    with Repository.init(tmp_path / "repo", now=clock) as repository:
        yield repository


@pytest.fixture
def repository(empty: Repository) -> Repository:
    empty.import_zone(parsed(ZONE), source="test.zone")
    return empty


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A repository to publish from."""
    made = Node(tmp_path / "node")
    yield made
    made.repository.close()
