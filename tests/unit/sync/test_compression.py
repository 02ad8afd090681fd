"""Compressed frames: the same objects in fewer bytes, only for those who asked, and never more than they say."""

import zlib
from struct import pack

import pytest

from synckit import KEY, PEER, WHO, check_for, commit, local_refs, names, pieces, refs_of, seal_for
from zonegit.errors import InvalidFrame
from zonegit.store.memory import MemoryStore
from zonegit.sync import limits
from zonegit.sync.frames import FrameReader, FrameWriter, Group
from zonegit.sync.server import Endpoint
from zonegit.sync.session import Ask, Session
from zonegit.sync.wire import FetchRequest

GROUP, COMPRESSED = 1, 4
OBJECT = bytes.fromhex("03010000000000000000")
PAYLOAD = pack(">HI", 1, 3 << 24 | len(OBJECT)) + OBJECT


def frame(payload: bytes, kind: int = COMPRESSED) -> bytes:
    length, value = bytearray(), len(payload)
    while value > 127:
        length.append(value & 127 | 128)
        value >>= 7
    return bytes((kind, *length, value)) + payload


def packed(data: bytes, size: int | None = None) -> bytes:
    return frame(pack(">I", len(data) if size is None else size) + zlib.compress(data, 1))


def read(data: bytes, *, compressed: bool = True) -> list[object]:
    return list(FrameReader(check_for("m"), compressed=compressed, at_once=True).feed(data))


def answer(store: MemoryStore, ask: Ask) -> bytes:
    endpoint = Endpoint(store)
    serve = endpoint.fetch if ask.path == "/v0/fetch" else endpoint.objects
    return b"".join(pieces(serve(KEY, ask.body, seal_for("m"), lambda: 1_767_225_600.0)))


@pytest.mark.parametrize("split", [1_000, 100_000])
def test_a_pull_brings_the_same_in_fewer_bytes(split: int) -> None:
    primary = MemoryStore()
    commit(primary, "example.org.", names("example.org.", 8_000, large=2))
    sizes = []
    for compress in (False, True):
        secondary = MemoryStore()
        session = Session(secondary, PEER, refs_of(primary), split, compress=compress)
        size = 0
        while asks := session.next():
            for ask in asks:
                data = answer(primary, ask)
                size += len(data)
                session.opened(ask.number, check_for("m"))
                for at in range(0, len(data), 4096):
                    for batch in session.received(ask.number, data[at : at + 4096]):
                        session.insert([batch])
                session.ended(ask.number)
        session.finish(WHO)
        assert local_refs(secondary) == local_refs(primary)
        sizes.append(size)
    assert sizes[1] < 0.6 * sizes[0]


def test_nobody_gets_it_without_asking() -> None:
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 2_000))
    (tip,) = refs_of(store).branches
    plain = answer(store, Ask(1, "/v0/fetch", "", FetchRequest((tip.oid,)).encode()))
    asked = answer(store, Ask(1, "/v0/fetch", "", FetchRequest((tip.oid,), compress=True).encode()))
    assert (plain[0], asked[0]) == (GROUP, COMPRESSED)
    with pytest.raises(InvalidFrame, match="unknown type 4"):
        read(asked, compressed=False)


def test_a_group_that_would_grow_or_is_beyond_the_bounds_goes_as_it_is() -> None:
    for data in (OBJECT, b"\4" + bytes(limits.INFLATED)):
        assert FrameWriter(seal_for("m"), compress=True).group([data])[0] == GROUP
    zeros = FrameWriter(seal_for("m"), compress=True).group([b"\4" + bytes(100_000)])
    assert zeros[0] == GROUP, "it would hold more than 64 times its bytes"


def test_the_good_frame_is_good() -> None:
    assert read(packed(PAYLOAD)) == [Group((OBJECT,))]


BOMB = zlib.compress(bytes(64 << 20), 9)


@pytest.mark.parametrize(
    "data",
    [
        packed(PAYLOAD, size=0),
        packed(PAYLOAD, size=len(PAYLOAD) - 1),
        packed(PAYLOAD, size=len(PAYLOAD) + 1),
        packed(bytes(limits.INFLATED + 1)),
        packed(bytes(limits.INFLATED)),  # more than 64 times its bytes
        frame(pack(">I", limits.INFLATED) + BOMB),
        frame(pack(">I", 0xFFFFFFFF) + BOMB),
        frame(pack(">I", len(PAYLOAD)) + zlib.compress(PAYLOAD) + b"\0"),
        frame(pack(">I", 2 * len(PAYLOAD)) + 2 * zlib.compress(PAYLOAD)),
        frame(pack(">I", len(PAYLOAD)) + zlib.compress(PAYLOAD)[:-1]),
        frame(pack(">I", len(PAYLOAD)) + zlib.compress(PAYLOAD)[:-4] + b"\0\0\0\0"),
        frame(pack(">I", len(PAYLOAD)) + zlib.compress(PAYLOAD)[2:]),
        frame(pack(">I", len(PAYLOAD)) + PAYLOAD),
        frame(pack(">I", len(PAYLOAD))),
        frame(b"\0\0"),
        packed(frame(PAYLOAD, GROUP)),
        packed(packed(PAYLOAD)),
        packed(PAYLOAD + b"\0"),
        bytes((COMPRESSED, 0xFF, 0xFF, 0xFF, 0x7F)),
    ],
)
def test_what_is_not_what_it_says_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidFrame):
        read(data)


def test_a_bomb_is_not_unpacked_beyond_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    shipped = zlib.decompressobj

    class Watched:
        def __init__(self) -> None:
            self._stream = shipped()

        def decompress(self, data: bytes, most: int) -> bytes:
            made.append(found := self._stream.decompress(data, most))
            return found

        eof = property(lambda self: self._stream.eof)
        unused_data = property(lambda self: self._stream.unused_data)

    monkeypatch.setattr("zonegit.sync.frames.zlib.decompressobj", Watched)
    with pytest.raises(InvalidFrame):
        read(frame(pack(">I", limits.INFLATED) + BOMB[:40_000]))
    assert [len(data) for data in made] == [limits.INFLATED + 1]
