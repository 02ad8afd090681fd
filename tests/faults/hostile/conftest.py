"""What an honest primary has."""

import pytest

from synckit import SMALL_NODES, commit, names
from zonegit.store.memory import MemoryStore


@pytest.fixture
def primary() -> MemoryStore:
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 60), shape=SMALL_NODES)
    return store
