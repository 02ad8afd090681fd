"""The publisher finds every commit, whenever that comes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest

from repokit import ZONE, parsed
from zonegit.daemon.publisher import Publisher
from zonegit.model.rdata import A
from zonegit.ops.config import Config, ZoneConfig
from zonegit.repo import Repository
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.store.lmdb import LmdbStore

ORG = "example.org."


def test_a_commit_that_comes_while_it_looks_is_found_at_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[Callable[[], object]] = []
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        store = LmdbStore.open(tmp_path / "repo")
        read = store.read

        @contextmanager
        def reading() -> Iterator[object]:
            with read() as reader:
                if waiting:
                    waiting.pop()()
                yield reader

        monkeypatch.setattr(store, "read", reading)
        config = Config(repo=tmp_path / "repo", zones={ORG: ZoneConfig(publish=PublishPolicy())})
        publisher = Publisher(store, config, Mock())
        for _ in range(3):
            publisher.look()
        waiting.append(lambda: repository.set("www", A, 60, [bytes([192, 0, 2, 7])], zone=ORG))
        with store.write() as writer:
            writer.set_setting("other", b"1")  # so that it looks, and publishes nothing
        for _ in range(3):
            publisher.look()
        assert not waiting
        (found,) = repository.publications()
        assert found.published is not None
        assert found.published.of == repository.resolve("main", zone=ORG).id
        publisher.close()
        store.close()
