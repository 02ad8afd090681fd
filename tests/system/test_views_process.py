"""The process that makes served views, and the puller that asks for it."""

import signal
from pathlib import Path

from daemonkit import Daemon, ask, new_reader, rcode, secondary_of
from manykit import apex_of, many_zones
from synckit import commit, names
from zonegit.model.refs import head
from zonegit.store.lmdb import LmdbStore

LARGE = 30_000
"""Records: above what gets its view with its ref."""


def test_a_mirrors_large_zone_gets_its_view_from_the_process(tmp_path: Path) -> None:
    store = many_zones(tmp_path / "primary", 3)
    commit(store, "large.example.", names("large.example.", LARGE))
    store.close()
    LmdbStore.create(tmp_path / "secondary").close()
    keys = new_reader(tmp_path / "keys")
    replicate = ("--keys", keys, "--replicate-listen", "127.0.0.1:0", "--replicate-name", "p1")
    primary = Daemon.start(tmp_path / "primary", *replicate)
    secondary = Daemon.start(tmp_path / "secondary", *secondary_of(primary, keys))
    try:
        secondary.logged("served view made ref=refs/heads/large.example./main")
        assert rcode(ask(secondary.port(), "h000001.large.example")) == 0
        mirror = LmdbStore.open(tmp_path / "secondary", readonly=True)
        with mirror.read() as reader:
            assert reader.view(head("large.example.", "main")) is not None
        mirror.close()
    finally:
        secondary.stop()
        primary.stop()


def test_a_signal_has_missing_views_made(tmp_path: Path) -> None:
    store = many_zones(tmp_path / "repo", 3)
    daemon = Daemon.start(tmp_path / "repo")
    try:
        with store.write() as writer:
            writer.hide(head(apex_of(1), "main"))
        store.close()
        daemon.signal(signal.SIGUSR2)
        daemon.logged(f"served view made ref=refs/heads/{apex_of(1)}/main")
    finally:
        daemon.stop()
