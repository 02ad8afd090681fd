"""Checkpoints with MACs: what they vouch for is kept, nothing else is, and peers that don't know them get on."""

import json

import pytest

from synckit import SMALL_NODES, Wire, answer, check_for, commit, local_refs, names, refs_of, seal_for
from zonegit.errors import InvalidFrame, Unreachable
from zonegit.store.memory import MemoryStore
from zonegit.sync.frames import Checkpoint, End, FrameReader, FrameWriter, Group
from zonegit.sync.session import Ask
from zonegit.sync.wire import JSON_TYPE, FetchRequest


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zonegit.sync.limits.GROUP_BYTES", 1_000)


@pytest.fixture
def primary() -> MemoryStore:
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 300), shape=SMALL_NODES)
    return store


def ids(store: MemoryStore) -> list[bytes]:
    with store.read() as reader:
        return list(reader.object_ids())


def question(store: MemoryStore, *, sealed: bool) -> Ask:
    (tip,) = refs_of(store).branches
    return Ask(1, "/v0/fetch", JSON_TYPE, FetchRequest((tip.oid,), sealed=sealed).encode())


def unsealed(ask: Ask) -> Ask:
    """What a server reads in a question that doesn't know sealed checkpoints."""
    if ask.path != "/v0/fetch":
        return ask
    table = json.loads(ask.body)
    assert table.pop("checkpoints") == "sealed"
    return ask._replace(body=json.dumps(table).encode())


def test_each_group_is_vouched_for_as_it_ends(primary: MemoryStore) -> None:
    stream = answer(primary, question(primary, sealed=True))
    reader = FrameReader(check_for("m"), sealed=True)
    kinds: list[type] = []
    for at in range(len(stream)):
        found = reader.feed(stream[at : at + 1])
        assert len(found) in (0, 2), "a group, and what vouches for it"
        kinds += map(type, found)
    reader.close()
    assert kinds[:-1] == [Group, Checkpoint] * (len(kinds) // 2 - 1) + [Group]
    assert kinds[-1] is End


def test_what_stays_of_a_stream_that_breaks_is_what_its_last_mac_covers(primary: MemoryStore) -> None:
    stream = answer(primary, question(primary, sealed=True))
    reader, vouched = FrameReader(check_for("m"), sealed=True), 0
    for cut in range(0, len(stream), 197):
        found = reader.feed(stream[max(cut - 197, 0) : cut])
        vouched += sum(len(frame.objects) for frame in found if isinstance(frame, Group))
        secondary = MemoryStore()

        def broken(ask: Ask, data: bytes, cut: int = cut) -> bytes:
            return data[:cut] if ask.path == "/v0/fetch" else data

        with pytest.raises(InvalidFrame):
            Wire(primary, broken).pull(secondary)
        assert len(ids(secondary)) == vouched
    assert vouched > 50


def test_a_flip_in_any_group_keeps_what_came_before_it(primary: MemoryStore) -> None:
    stream = answer(primary, question(primary, sealed=True))
    for at in range(0, len(stream), 907):
        secondary = MemoryStore()

        def flipped(ask: Ask, data: bytes, at: int = at) -> bytes:
            return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :] if ask.path == "/v0/fetch" else data

        with pytest.raises((InvalidFrame, Unreachable)):
            Wire(primary, flipped).pull(secondary)
        assert set(ids(secondary)) <= set(ids(primary))
        assert local_refs(secondary) == {}
        Wire(primary).pull(secondary)
        assert local_refs(secondary) == local_refs(primary)


def test_a_server_that_knows_no_sealed_checkpoints_is_followed(primary: MemoryStore) -> None:
    secondary = MemoryStore()
    Wire(primary, lambda ask, _: answer(primary, unsealed(ask))).pull(secondary)
    assert local_refs(secondary) == local_refs(primary)


def test_a_break_of_its_stream_leaves_nothing_behind(primary: MemoryStore) -> None:
    secondary = MemoryStore()

    def cut(ask: Ask, _: bytes) -> bytes:
        data = answer(primary, unsealed(ask))
        return data[:-1] if ask.path == "/v0/fetch" else data

    with pytest.raises(InvalidFrame):
        Wire(primary, cut).pull(secondary)
    assert ids(secondary) == []


def test_nobody_gets_them_without_asking(primary: MemoryStore) -> None:
    plain = answer(primary, question(primary, sealed=False))
    frames = FrameReader(check_for("m")).feed(plain)
    assert any(isinstance(frame, Checkpoint) for frame in frames)
    with pytest.raises(InvalidFrame, match="unknown type 7"):
        FrameReader(check_for("m")).feed(answer(primary, question(primary, sealed=True)))


def test_a_checkpoint_with_nothing_in_front_is_refused() -> None:
    """A peer with the key could send them for ever."""
    writer = FrameWriter(seal_for("m"), sealed=True)
    with pytest.raises(InvalidFrame, match="nothing before it"):
        FrameReader(check_for("m"), sealed=True).feed(writer.group([b"\1\1"]) + 2 * writer.checkpoint(b"c", 1))


def test_a_stream_that_is_cut_behind_a_checkpoint_is_not_whole() -> None:
    writer = FrameWriter(seal_for("m"), sealed=True)
    reader = FrameReader(check_for("m"), sealed=True)
    assert len(reader.feed(writer.group([b"\1\1"]) + writer.checkpoint(b"c", 1))) == 2
    with pytest.raises(InvalidFrame, match="before its end"):
        reader.close()
