"""A long history takes many responses; its commits are listed once."""

import pytest

from synckit import KEY, SMALL_NODES, commit, names, pieces, seal_for
from zonegit.model.ids import ObjectId, object_id
from zonegit.store.memory import MemoryStore
from zonegit.sync import closure
from zonegit.sync.frames import End, FrameReader, Group
from zonegit.sync.limits import ServerLimits
from zonegit.sync.server import Endpoint
from zonegit.sync.wire import FetchRequest
from zonegit.sync.work import finish, never


def history(store: MemoryStore, length: int) -> ObjectId:
    return [
        commit(store, "example.org.", names("example.org.", 30, at), shape=SMALL_NODES) for at in range(length)
    ][-1]


def fetch_all(endpoint: Endpoint, want: ObjectId) -> tuple[list[bytes], int]:
    """All objects in the order in which they come, and how many responses they took."""
    objects: list[bytes] = []
    cursor, responses, more = b"", 0, True
    while more:
        work = endpoint.fetch(KEY, FetchRequest((want,), (), cursor).encode(), seal_for("m"), lambda: 0.0)
        reader = FrameReader(lambda *_: True)
        for frame in reader.feed(b"".join(pieces(work))):
            if isinstance(frame, Group):
                objects += frame.objects
            elif isinstance(frame, End):
                cursor = frame.cursor
        responses += 1
        more = bool(cursor)
    return objects, responses


@pytest.mark.parametrize(("few", "most", "listed"), [(5, 1000, 1), (1000, 1000, 0), (5, 10, 0)])
def test_a_history_is_listed_once(monkeypatch: pytest.MonkeyPatch, few: int, most: int, listed: int) -> None:
    monkeypatch.setattr("zonegit.sync.limits.GROUP_BYTES", 1_000)
    monkeypatch.setattr("zonegit.sync.closure_cache.FEW", few)
    monkeypatch.setattr("zonegit.sync.closure_cache.MOST", most)
    calls = []
    plain = closure.missing_newest_first
    monkeypatch.setattr(closure, "missing_newest_first", lambda *args: calls.append(1) or plain(*args))
    store = MemoryStore()
    tip = history(store, 30)
    objects, responses = fetch_all(Endpoint(store, bounds=ServerLimits(response_bytes=4_000)), tip)
    assert responses > 10
    assert len(calls) == (listed or responses)
    with store.read() as reader:
        assert {object_id(data) for data in objects} == set(reader.object_ids())
        assert len(objects) == len(set(reader.object_ids()))


def test_the_lists_that_were_used_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zonegit.sync.closure_cache.FEW", 1)
    monkeypatch.setattr("zonegit.sync.closure_cache.MOST", 10)
    store = MemoryStore()
    tips = [history(store, 4) for _ in range(2)]
    assert len(tips) == 2
    endpoint = Endpoint(store)
    for tip in tips * 2:
        found = finish(endpoint._closures.closure(store, FetchRequest((tip,), ()), never))
        assert found.items[-1] == tip
    assert endpoint._closures._size <= 10
