"""Heads without a view: which are found, when, and how often that is told."""

from pathlib import Path

import pytest

from synckit import commit, names
from zonegit.daemon.view_watch import ViewWatch
from zonegit.model.refs import head
from zonegit.ops.config import Config, ZoneConfig
from zonegit.store.memory import MemoryStore

ORG, NET = "example.org.", "example.net."


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    for zone in (ORG, NET):
        commit(made, zone, names(zone, 3))
    return made


def hide(store: MemoryStore, zone: str, branch: str = "main") -> None:
    with store.write() as writer:
        writer.hide(head(zone, branch))


def watch(store: MemoryStore, **zones: ZoneConfig) -> ViewWatch:
    config = Config(Path(), zones={name.replace("_", ".") + ".": zone for name, zone in zones.items()})
    return ViewWatch(store, lambda: config)


def test_nothing_lacks(store: MemoryStore) -> None:
    views = watch(store)
    assert [views.look() for _ in range(3)] == [False] * 3


@pytest.mark.parametrize("before", [True, False], ids=["before the first look", "after it"])
def test_a_head_that_lacks_its_view_at_two_looks_is_told_of_once(store: MemoryStore, before: bool) -> None:
    views = watch(store)
    if not before:
        views.look()
    hide(store, ORG)
    assert [views.look() for _ in range(4)] == [False, True, False, False]
    hide(store, NET)
    assert [views.look() for _ in range(3)] == [False, True, False]


def test_one_that_got_its_view_meanwhile_is_not_told_of(store: MemoryStore) -> None:
    """Whoever moves a large zone makes its view right behind that."""
    views = watch(store)
    views.look()
    hide(store, ORG)
    assert not views.look()
    with store.write() as writer:
        writer.show(head(ORG, "main"))
    assert not views.look()


def test_only_what_is_served_needs_one(store: MemoryStore) -> None:
    commit(store, ORG, names(ORG, 5), branch="side")
    commit(store, NET, names(NET, 5), branch="live")
    views = watch(store, example_net=ZoneConfig(branch="live"))
    hide(store, NET)
    assert [views.look() for _ in range(2)] == [False, True], "the branch that is served has none yet"
    with store.write() as writer:
        writer.show(head(NET, "live"))
    assert [views.look() for _ in range(3)] == [False] * 3
