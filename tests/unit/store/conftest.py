"""Both stores, under the same tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore


@pytest.fixture(params=["lmdb", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LmdbStore | MemoryStore]:
    made = LmdbStore.create(tmp_path / "repo") if request.param == "lmdb" else MemoryStore()
    yield made
    made.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    LmdbStore.create(tmp_path / "repo").close()
    return tmp_path / "repo"
