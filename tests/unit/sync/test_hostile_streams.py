"""Streams that somebody spoiled: no ref ever moves on one, what arrived whole stays, a retry goes on from there."""

from collections.abc import Callable

import pytest

from synckit import SMALL_NODES, Wire, answer, check_for, commit, local_refs, names, refs_of, seal_for
from zonegit.errors import InvalidData, InvalidFrame, InvalidObject, Unreachable
from zonegit.model.ids import object_id
from zonegit.store.memory import MemoryStore
from zonegit.sync.frames import Checkpoint, End, FrameReader, FrameWriter, Group
from zonegit.sync.session import Ask
from zonegit.sync.wire import FetchRequest

CURSOR = b"c" * 32


@pytest.fixture
def primary() -> MemoryStore:
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 12), shape=SMALL_NODES)
    return store


def whole_stream(primary: MemoryStore) -> bytes:
    (tip,) = refs_of(primary).branches
    return answer(primary, Ask(1, "/v0/fetch", "", FetchRequest((tip.oid,)).encode()))


def spoiled(change: Callable[[bytes], bytes]) -> Callable[[Ask, bytes], bytes]:
    return lambda ask, data: change(data) if ask.path == "/v0/fetch" else data


def pull_spoiled(primary: MemoryStore, change: Callable[[bytes], bytes], step: int = 4096) -> MemoryStore:
    """A secondary after a pull of a spoiled stream, which must fail and move nothing."""
    secondary = MemoryStore()
    with pytest.raises((InvalidData, Unreachable)):
        Wire(primary, spoiled(change)).pull(secondary, step=step)
    assert local_refs(secondary) == {}
    return secondary


def test_a_stream_cut_at_any_byte_moves_nothing_and_is_resumed(primary: MemoryStore) -> None:
    size = len(whole_stream(primary))
    for cut in range(size):
        secondary = pull_spoiled(primary, lambda data, cut=cut: data[:cut])
        Wire(primary).pull(secondary)
        assert local_refs(secondary) == local_refs(primary)


def test_a_flip_at_any_byte_moves_nothing(primary: MemoryStore) -> None:
    size = len(whole_stream(primary))
    for at in range(size):
        flip = 1 << at % 8
        secondary = pull_spoiled(primary, lambda data, at=at, flip=flip: _flipped(data, at, flip))
        Wire(primary).pull(secondary)
        assert local_refs(secondary) == local_refs(primary)


def _flipped(data: bytes, at: int, flip: int) -> bytes:
    return data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]


def test_a_stream_fed_byte_by_byte_is_the_same_stream(primary: MemoryStore) -> None:
    secondary = MemoryStore()
    Wire(primary).pull(secondary, step=1)
    assert local_refs(secondary) == local_refs(primary)


def test_bytes_behind_the_end_are_refused(primary: MemoryStore) -> None:
    pull_spoiled(primary, lambda data: data + b"\0")
    pull_spoiled(primary, lambda data: data + data)


def test_what_arrived_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zonegit.sync.limits.GROUP_BYTES", 1_000)
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, "example.org.", names("example.org.", 2_000))
    with primary.read() as reader:
        total = len(list(reader.object_ids()))
    sent = 0
    for _ in range(5):
        wire = Wire(primary, spoiled(lambda data: data[: len(data) // 2]))
        with pytest.raises(InvalidFrame):
            wire.pull(secondary)
        sent += wire.objects
    last = Wire(primary)
    last.pull(secondary)
    assert sent + last.objects <= total + 6 * 4, "each try may look at two objects and repeat one group"
    assert local_refs(secondary) == local_refs(primary)


def test_interrupted_subtrees_go_on_where_they_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zonegit.sync.limits.GROUP_BYTES", 1_000)
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, "example.org.", names("example.org.", 4_000))
    with primary.read() as reader:
        total = len(list(reader.object_ids()))
    wire = Wire(primary, spoiled(lambda data: data[: len(data) - 2_000]))
    with pytest.raises(InvalidFrame):
        wire.pull(secondary, split=100)
    last = Wire(primary)
    last.pull(secondary, split=100)
    assert wire.objects + last.objects <= total + 12
    assert local_refs(secondary) == local_refs(primary)


def test_an_old_cursor_behind_a_new_state_leaves_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zonegit.sync.limits.GROUP_BYTES", 1_000)
    primary, secondary = MemoryStore(), MemoryStore()
    for at in range(6):
        commit(primary, "example.org.", names("example.org.", 300 + at))
    with pytest.raises(InvalidFrame):
        Wire(primary, spoiled(lambda data: data[: len(data) - 1_500])).pull(secondary)
    commit(primary, "example.net.", names("example.net.", 5))
    Wire(primary).pull(secondary)
    assert local_refs(secondary) == local_refs(primary)


def stream_of(objects: list[bytes], cursor: bytes = b"") -> bytes:
    writer = FrameWriter(seal_for("m"))
    return writer.group(objects) + writer.end(0, cursor)


def foreign(primary: MemoryStore, pick: Callable[[list[bytes]], list[bytes]]) -> None:
    """A peer with the right key that sends other objects than it should."""
    (tip,) = refs_of(primary).branches
    with primary.read() as reader:
        objects = [reader.get(oid) for oid in reader.object_ids()]
    pull_spoiled(primary, lambda _: stream_of(pick(objects)))
    assert tip.oid == object_id(objects[-1])


def test_a_changed_object_is_refused_though_the_stream_is_authentic(primary: MemoryStore) -> None:
    foreign(primary, lambda objects: [_flipped(objects[0], len(objects[0]) - 1, 1), *objects[1:]])


def test_parents_before_children_are_refused(primary: MemoryStore) -> None:
    foreign(primary, lambda objects: list(reversed(objects)))


def test_a_stream_that_leaves_the_top_out_moves_nothing(primary: MemoryStore) -> None:
    foreign(primary, lambda objects: objects[:-1])


def test_a_node_that_is_not_canonical_is_refused(primary: MemoryStore) -> None:
    foreign(primary, lambda objects: [objects[0] + b"\0", *objects[1:]])


def test_a_peer_that_always_has_more_and_sends_nothing_is_given_up(primary: MemoryStore) -> None:
    def change(_: bytes) -> bytes:
        return FrameWriter(seal_for("m")).end(0, CURSOR)

    pull_spoiled(primary, change)


def test_objects_that_nobody_asked_for_are_refused(primary: MemoryStore) -> None:
    other = MemoryStore()
    commit(other, "example.org.", names("example.org.", 3))
    with other.read() as reader:
        data = reader.get(next(iter(reader.object_ids())))
    with pytest.raises(InvalidObject, match="nobody asked for"):
        Wire(primary, lambda _, __: stream_of([data])).pull(MemoryStore())


def test_an_error_in_a_stream_is_told(primary: MemoryStore) -> None:
    def change(_: bytes) -> bytes:
        writer = FrameWriter(seal_for("m"))
        return writer.error("internal", "object was changed on disk") + writer.end(0)

    with pytest.raises(Unreachable, match="internal object was changed on disk"):
        Wire(primary, spoiled(change)).pull(MemoryStore())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x02\x00", "unknown type 2"),
        (b"\x04\x00", "unknown type 4"),  # it wasn't asked for
        (b"\x03\x81\x00", "not minimal"),
        (b"\x01\xff\xff\xff\xff\x01", "longer than"),  # a length of five bytes
        (b"\x01\xff\xff\xff\x7f", "longer than"),
        (b"\x03\x80\x02", "longer than"),  # a cursor of 256 bytes
        (b"\x01\x02\x00\x00", "group of 0"),
        (b"\x01\x02\x02\x01", "group of 513"),
        (b"\x01\x06\x00\x01\x01\x00\x00\x01", "don't cover"),
        (b"\x01\x07\x00\x01\x01\x00\x00\x01\x02", "kind and size"),  # another kind than told
        (b"\x01\x06\x00\x01\x01\x00\x00\x00", "kind and size"),  # not a byte
        (b"\x06\x01\x00", "cut short"),
    ],
)
def test_frames_that_break_the_grammar(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidFrame, match=reason):
        FrameReader(check_for("m")).feed(data + b"\0" * 300)


def test_the_mac_of_another_request_is_refused(primary: MemoryStore) -> None:
    with pytest.raises(InvalidFrame, match="MAC"):
        FrameReader(check_for("other")).feed(whole_stream(primary))


def test_frames_come_back_as_they_were_written() -> None:
    objects = [bytes([kind, 1, 0]) + b"x" * (kind * 100) for kind in (1, 2, 3, 4)]
    writer = FrameWriter(seal_for("m"))
    data = writer.group(objects) + writer.checkpoint(CURSOR) + writer.end(7, CURSOR)
    reader = FrameReader(check_for("m"))
    found = reader.feed(data)
    reader.close()
    assert found == [Group(tuple(objects)), Checkpoint(CURSOR), End(4, sum(map(len, objects)), CURSOR)]
