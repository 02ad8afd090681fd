"""zonegitd keeps the version that it has of a zone, whatever its primary sends, and follows once that is honest."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemonkit import until
from followkit import Follower
from lies import LIES
from lyingprimary import lying
from peerkit import free_ports
from primarykit import a
from zonegit.repo.incoming.state import Asked, ask_for_transfer, transfer_state
from zonegit.store.lmdb import LmdbStore

ZONE = "example.org."
EVERY = int(os.environ.get("ZONEGIT_LIES_EVERY", "7"))
"""How many lies are left out for each that is told, plus one; 1: all are told."""
LIMITS = """[dns.incoming_limits]
records = 5000
bytes = 1000000
seconds = "3s"
connect_seconds = "1s"
answer_seconds = "500ms"
idle_seconds = "500ms"
"""


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    made = Follower(tmp_path, free_ports(1)[0])
    yield made
    made.stop()


def test_no_lie_changes_what_is_served(follower: Follower) -> None:
    told = [name for name, lie in LIES.items() if not lie.keyed][::EVERY]
    with lying() as primary:
        follower.write_config(primary.text, more=LIMITS)
        follower.start()
        follower.has(1)
        store = LmdbStore.open(follower.repo)
        before = follower.daemon.child("refresher")

        def error() -> str:
            with store.read() as reader:
                state = transfer_state(reader, ZONE)
            return "" if state is None else state.error

        old = list(primary.versions)
        primary.add(a("new", 2))
        both = list(primary.versions)
        for name in told:
            primary.versions, primary.lie = both, name
            ask_for_transfer(store, ZONE, Asked.CHECK)
            until(error, f"the error of {name}")
            assert follower.serial() == 1, name
            primary.versions, primary.lie = old, None
            ask_for_transfer(store, ZONE, Asked.CHECK)
            until(lambda: not error(), "the success")
        primary.versions = both
        ask_for_transfer(store, ZONE, Asked.CHECK)
        follower.has(2)
        store.close()
        assert follower.daemon.child("refresher") == before
    assert not follower.daemon.has("Error")
