"""Walks share transactions, which end before anything is given out."""

from contextlib import contextmanager

from zonegit.repo import Repository, content
from zonegit.repo.content import SharedReads


class Counting:
    """A store that counts its read transactions."""

    def __init__(self, store) -> None:
        self.store = store
        self.begun = self.open = 0

    @contextmanager
    def read(self):
        with self.store.read() as reader:
            self.begun += 1
            self.open += 1
            try:
                yield reader
            finally:
                self.open -= 1


def test_reads_share_a_transaction_for_a_while(repository: Repository, monkeypatch) -> None:
    monkeypatch.setattr(content, "_SHARING", 3)
    oid = repository.resolve().id
    store = Counting(repository._store)
    source = SharedReads(store)
    source.get(oid)
    source.get(oid)
    assert (store.begun, store.open) == (2, 0)
    with source.shared():
        assert store.open == 0
        for _ in range(7):
            source.get(oid)
            assert store.open == 1
    assert (store.begun, store.open) == (5, 0)


def test_nothing_is_open_while_an_item_is_used(repository: Repository) -> None:
    oid = repository.resolve().id
    store = Counting(repository._store)
    source = SharedReads(store)
    found = source.during(source.get(each) for each in [oid] * 3)
    for _ in found:
        assert store.open == 0
        source.get(oid)
    assert (store.begun, store.open) == (6, 0)
    half = source.during(source.get(each) for each in [oid] * 3)
    next(half)
    half.close()
    assert store.open == 0
