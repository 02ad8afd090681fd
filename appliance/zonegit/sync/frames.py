"""The frames of a replication stream: `type u8 | length, minimal LEB128 of at most 4 bytes | payload`.

    group      = n u16 | (kind u8, length u24) x n | the n objects' bytes      n is 1 to 512
    compressed = size u32 | zlib stream of a group's payload, which has this size; only if it was asked for
    checkpoint = cursor: a position after which the stream can be resumed
    sealed     = unix seconds u64 | cursor | MAC 32: a checkpoint that authenticates what came; only if asked for
    error      = UTF-8 text: code, a space, and what happened
    end        = objects u64 | bytes u64 | unix seconds u64 | cursor length u8 | cursor | MAC 32
    ask        = JSON (`sync.push_wire`): only in the body of a push, after its groups, in place of an end

A cursor in `end` means that there is more. A MAC is keyed for this response and covers all bytes of the stream
before it; a reader returns nothing before a MAC has been verified. No hashes are sent: the receiver computes them.

Refused: unknown types, lengths that aren't minimal or exceed their bound, counts that don't fit, an object above
its kind's size, bytes after `end`, a stream without `end`, compressed bytes whose size isn't the declared one, a
sealed checkpoint without anything before it, and more than `limits.HELD_BYTES`, `HELD_OBJECTS` or `HELD_FRAMES`
without a MAC.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from itertools import accumulate, pairwise
from struct import Struct
from typing import Final, NamedTuple

from blake3 import blake3

from zonegit.errors import InvalidFrame
from zonegit.model.ids import MAX_SIZE
from zonegit.sync.limits import (
    GROUP_BYTES,
    GROUP_OBJECTS,
    HELD_BYTES,
    HELD_FRAMES,
    HELD_OBJECTS,
    INFLATED,
    INFLATED_RATIO,
    PUSH_ASK,
)
from zonegit.sync.work import Due, Work, finish, never

CONTENT_TYPE: Final = "application/vnd.zonegit.frames"
MAX_CURSOR: Final = 255
MAC_SIZE: Final = 32

_COUNT: Final = Struct(">H")
_SIZE: Final = Struct(">I")
_TIME: Final = Struct(">Q")
_END: Final = Struct(">QQQB")
_TABLES: Final = tuple(Struct(f">{count}I") for count in range(GROUP_OBJECTS + 1))
_MAX_LENGTH_BYTES: Final = 4
_PACKED_AT_ONCE: Final = 64 << 10
"""Bytes that are compressed between two checks of `due`: this takes a millisecond or two."""


class FrameType(IntEnum):
    GROUP = 1
    CHECKPOINT = 3
    COMPRESSED = 4
    ERROR = 5
    END = 6
    SEALED = 7
    ASK = 8


LARGEST: Final[dict[int, int]] = {
    FrameType.GROUP: _COUNT.size + 4 * GROUP_OBJECTS + GROUP_BYTES + max(MAX_SIZE.values()),
    FrameType.CHECKPOINT: MAX_CURSOR,
    FrameType.COMPRESSED: _SIZE.size + INFLATED,
    FrameType.ERROR: 512,
    FrameType.END: _END.size + MAX_CURSOR + MAC_SIZE,
    FrameType.SEALED: _TIME.size + MAX_CURSOR + MAC_SIZE,
    FrameType.ASK: PUSH_ASK,
}
_SIZE_OF: Final = {int(kind): size for kind, size in MAX_SIZE.items()}

Seal = Callable[[int, bytes], bytes]
"""`(unix seconds, BLAKE3 digest of the stream so far) -> MAC`."""
Check = Callable[[int, bytes, bytes], bool]
"""`(unix seconds, digest, MAC) -> whether the MAC is right`."""


class Group(NamedTuple):
    objects: tuple[bytes, ...]


class Checkpoint(NamedTuple):
    """A checkpoint, sealed or not."""

    cursor: bytes


class StreamError(NamedTuple):
    code: str
    reason: str


class End(NamedTuple):
    """The stream is complete and authentic."""

    objects: int
    size: int
    """The bytes of all objects."""
    cursor: bytes
    """Where the next stream continues; empty if nothing is left."""


Frame = Group | Checkpoint | StreamError | End


class FrameWriter:
    """Encodes the frames of one stream, and keeps the counts and the digest for its end."""

    def __init__(self, seal: Seal, *, compress: bool = False, sealed: bool = False) -> None:
        """`compress`: compress groups that become smaller by it. `sealed`: send sealed checkpoints."""
        self._seal = seal
        self._compress = compress
        self._sealed = sealed
        self._hash = blake3()
        self.objects = 0
        self.size = 0

    def group(self, objects: Sequence[bytes]) -> bytes:
        """A frame of 1 to 512 objects."""
        return finish(self.grouping(objects, never))

    def grouping(self, objects: Sequence[bytes], due: Due) -> Work[bytes]:
        """The same in slices."""
        self.objects += len(objects)
        self.size += sum(map(len, objects))
        payload = group_payload(objects)
        packed = (yield from deflated(payload, due)) if self._compress else b""
        return self._frame(FrameType.COMPRESSED, packed) if packed else self._frame(FrameType.GROUP, payload)

    def checkpoint(self, cursor: bytes, ts: int = 0) -> bytes:
        """A checkpoint. `ts` (Unix seconds) is part of sealed ones."""
        if not self._sealed:
            return self._frame(FrameType.CHECKPOINT, cursor)
        return self._with_mac(FrameType.SEALED, ts, _TIME.pack(ts) + cursor)

    def ask(self, question: bytes) -> bytes:
        """The last frame of a push."""
        return self._frame(FrameType.ASK, question)

    def error(self, code: str, reason: str) -> bytes:
        text = f"{code} {reason}".encode()[: LARGEST[FrameType.ERROR]]
        return self._frame(FrameType.ERROR, text.decode(errors="ignore").encode())

    def end(self, ts: int, cursor: bytes = b"") -> bytes:
        """The last frame; a cursor means that there is more."""
        return self._with_mac(FrameType.END, ts, _END.pack(self.objects, self.size, ts, len(cursor)) + cursor)

    def _with_mac(self, kind: FrameType, ts: int, body: bytes) -> bytes:
        """A frame that ends with a MAC over all bytes of the stream before it."""
        head = bytes((kind,)) + _length(len(body) + MAC_SIZE) + body
        self._hash.update(head)
        mac = self._seal(ts, self._hash.digest())
        self._hash.update(mac)
        return head + mac

    def _frame(self, kind: FrameType, payload: bytes) -> bytes:
        data = frame(kind, payload)
        self._hash.update(data)
        return data


class FrameReader:
    """Decodes a stream as its bytes arrive, and returns what a MAC has authenticated.

    It holds what came after the last MAC, within its bounds, and at most one unfinished frame.
    """

    def __init__(
        self, check: Check, *, compressed: bool = False, sealed: bool = False, at_once: bool = False
    ) -> None:
        """`compressed`, `sealed`: whether the request asked for that.

        `at_once`: return frames as they come, for a caller that verifies each object by its hash.
        """
        self._check = check
        left_out = {FrameType.COMPRESSED: not compressed, FrameType.SEALED: not sealed, FrameType.ASK: True}
        self._known = {kind: size for kind, size in LARGEST.items() if not left_out.get(FrameType(kind))}
        self._at_once = at_once
        self._hash = blake3()
        self._buffer = bytearray()
        self._objects = 0
        self._size = 0
        self._held: list[Frame] = []
        self._frames = 0
        """How many frames came after the last MAC."""
        self._authenticated = 0, 0
        """Objects and their bytes up to the last MAC."""
        self.ended = False

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are authentic now. `InvalidFrame` at the first fault; the stream is unusable then."""
        buffer = self._buffer
        buffer += data
        found: list[Frame] = []
        at = 0
        while (span := self._span(at)) is not None:
            start, stop = span
            kind = FrameType(buffer[at])
            self._held.append(self._decode(kind, at, start, stop))
            self._frames += 1
            if kind in (FrameType.END, FrameType.SEALED):
                self._frames, self._authenticated = 0, (self._objects, self._size)
            if self._at_once or not self._frames:
                found += self._held
                self._held.clear()
            at = stop
        if at:
            del buffer[:at]
        if self.ended and buffer:
            raise InvalidFrame("the stream continues after its end")
        return found

    def close(self) -> None:
        """To be called when no more bytes come; `InvalidFrame` unless the stream has ended."""
        if not self.ended:
            raise InvalidFrame("the stream stopped before its end")

    def _span(self, at: int) -> tuple[int, int] | None:
        """Where the payload of the frame at `at` begins and ends; None until all of it has arrived."""
        found = None if self.ended else span(self._buffer, at, self._known)
        if found is None:
            return None
        start, length = found
        self._check_held(length)
        return (start, start + length) if start + length <= len(self._buffer) else None

    def _check_held(self, coming: int) -> None:
        """`InvalidFrame` if, with a frame of `coming` bytes, too much would have come without a MAC. Checked before
        these bytes arrive.
        """
        objects, size = self._objects - self._authenticated[0], self._size - self._authenticated[1] + coming
        if self._frames > HELD_FRAMES or objects > HELD_OBJECTS or size > HELD_BYTES:
            raise InvalidFrame(
                f"the stream has no MAC after {self._frames} frames, {objects} objects, {size} bytes"
            )

    def _decode(self, kind: FrameType, at: int, start: int, stop: int) -> Frame:
        buffer = self._buffer
        if kind is FrameType.END:
            return self._end(at, start, stop)
        if kind is FrameType.SEALED:
            return self._sealed(at, start, stop)
        self._hash.update(memoryview(buffer)[at:stop])
        payload = bytes(memoryview(buffer)[start:stop])
        if kind is FrameType.GROUP:
            return self._group(payload)
        if kind is FrameType.COMPRESSED:
            return self._group(inflated(payload))
        if kind is FrameType.CHECKPOINT:
            return Checkpoint(payload)
        code, _, reason = payload.decode(errors="replace").partition(" ")
        return StreamError(code, reason)

    def _group(self, payload: bytes) -> Group:
        group = read_group(payload)
        self._objects += len(group.objects)
        self._size += sum(map(len, group.objects))
        return group

    def _sealed(self, at: int, start: int, stop: int) -> Checkpoint:
        if not self._frames:
            raise InvalidFrame("a checkpoint has nothing before it")
        return Checkpoint(self._authentic(at, start, stop, _TIME, 0)[_TIME.size :])

    def _end(self, at: int, start: int, stop: int) -> End:
        body = self._authentic(at, start, stop, _END, 2)
        objects, size, _, cursor_size = _END.unpack_from(body)
        cursor = body[_END.size :]
        if (objects, size, cursor_size) != (self._objects, self._size, len(cursor)):
            raise InvalidFrame("the counts in the stream's end don't match its objects")
        self.ended = True
        return End(objects, size, cursor)

    def _authentic(self, at: int, start: int, stop: int, head: Struct, time: int) -> bytes:
        """The payload of a frame without its MAC, which is verified. It begins with `head`, whose field number
        `time` is the time.
        """
        seal = stop - MAC_SIZE
        if seal - start < head.size:
            raise InvalidFrame("the end of the stream is cut short")
        body, mac = bytes(self._buffer[start:seal]), bytes(self._buffer[seal:stop])
        self._hash.update(memoryview(self._buffer)[at:seal])
        if not self._check(head.unpack_from(body)[time], self._hash.digest(), mac):
            raise InvalidFrame("the stream's MAC is wrong: the stream was changed in transit")
        self._hash.update(mac)
        return body


def read_group(payload: bytes) -> Group:
    """The objects in a group. `InvalidFrame`."""
    count = int.from_bytes(payload[: _COUNT.size], "big")
    begin = _COUNT.size + 4 * count
    if not 1 <= count <= GROUP_OBJECTS or begin > len(payload):
        raise InvalidFrame(f"a group of {count} objects; expected 1 to {GROUP_OBJECTS}")
    table = _TABLES[count].unpack_from(payload, _COUNT.size)
    stops = list(accumulate((entry & 0xFFFFFF for entry in table), initial=begin))
    if stops[-1] != len(payload):
        raise InvalidFrame("a group's lengths don't cover its bytes")
    objects = tuple(payload[a:b] for a, b in pairwise(stops))
    for data, entry in zip(objects, table, strict=True):
        if not data or data[0] != entry >> 24 or len(data) > _SIZE_OF.get(data[0], 0):
            raise InvalidFrame("a group has an object that isn't of the declared kind and size")
    return Group(objects)


def group_payload(objects: Sequence[bytes]) -> bytes:
    """The payload of a group frame, which `read_group` reads."""
    count = len(objects)
    table = _TABLES[count].pack(*(data[0] << 24 | len(data) for data in objects))
    return b"".join((_COUNT.pack(count), table, *objects))


def frame(kind: FrameType, payload: bytes) -> bytes:
    """One frame's bytes."""
    return bytes((kind,)) + _length(len(payload)) + payload


def span(buffer: bytes | bytearray, at: int, known: Mapping[int, int]) -> tuple[int, int] | None:
    """Where the payload of the frame at `at` begins, and its length; None until the length has arrived.
    `InvalidFrame`.
    """
    if at >= len(buffer):
        return None
    largest = known.get(buffer[at])
    if largest is None:
        raise InvalidFrame(f"the stream holds a frame of unknown type {buffer[at]}")
    length = 0
    for shift in range(_MAX_LENGTH_BYTES):
        if at + 1 + shift >= len(buffer):
            return None
        byte = buffer[at + 1 + shift]
        length |= (byte & 127) << 7 * shift
        if length > largest:
            break
        if byte < 128:
            if not byte and shift:
                raise InvalidFrame("a frame's length is not minimal")
            return at + 2 + shift, length
    raise InvalidFrame(f"a frame of type {buffer[at]} is longer than {largest} bytes")


def deflated(payload: bytes, due: Due) -> Work[bytes]:
    """The payload of a compressed frame; empty if it wouldn't be smaller, or would exceed its bounds."""
    if len(payload) > INFLATED:
        return b""
    packer = zlib.compressobj(1)
    parts = []
    for at in range(0, len(payload), _PACKED_AT_ONCE):
        parts.append(packer.compress(payload[at : at + _PACKED_AT_ONCE]))
        if due():
            yield
    packed = b"".join((*parts, packer.flush()))
    worth = _SIZE.size + len(packed) < len(payload) <= INFLATED_RATIO * len(packed)
    return _SIZE.pack(len(payload)) + packed if worth else b""


def inflated(payload: bytes) -> bytes:
    """The content of a compressed frame. Never decompresses more than its bound, whatever size it declares."""
    size = int.from_bytes(payload[: _SIZE.size], "big")
    packed = payload[_SIZE.size :]
    if not 0 < size <= min(INFLATED, INFLATED_RATIO * len(packed)):
        raise InvalidFrame(f"a compressed frame of {len(packed)} bytes declares {size} bytes")
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(packed, size + 1)  # one more, to see whether the stream ends there
    except zlib.error:
        raise InvalidFrame("a compressed frame can't be decompressed") from None
    if len(data) != size or not stream.eof or stream.unused_data:
        raise InvalidFrame("a compressed frame isn't exactly one group of the declared size")
    return data


def _length(value: int) -> bytes:
    """Minimal LEB128."""
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    data.append(value)
    return bytes(data)
