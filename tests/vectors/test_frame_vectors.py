"""The published bytes of a stream of frames, written and read."""

from zonegit.auth.key import Key
from zonegit.auth.scheme import sign_response
from zonegit.sync.frames import CONTENT_TYPE, Checkpoint, End, FrameReader, FrameWriter, Group

KEY = Key.derive("k2026a", bytes(range(32)))
REQUEST_MAC = "pAfmUat-MLYm6ss0DrVhc1ZsDfpuSMLPAO7es8fyAzc"
TS = 1767225601
OBJECTS = (bytes.fromhex("03010000000000000000"), bytes.fromhex("01010078"))
CURSOR = b"\xaa" * 32 + b"\0\1"
STREAM = bytes.fromhex(
    "011800020300000a010000040301000000000000000001010078"
    "0322aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0001"
    "06390000000000000002000000000000000e000000006955b90100"
    "d02758fda82bc836431b383ffbd40d8d8b55ff9b4095dbcddf14260c61c8db39"
)
SEALED = bytes.fromhex(
    "011800020300000a010000040301000000000000000001010078"
    "074a000000006955b901aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa0001"
    "47df24e075e643f41cefa75b179ad37e6222f78ec241c0b429a272622286bbd6"
    "06390000000000000002000000000000000e000000006955b90100"
    "bc3ed26258781f9e15a6d7b98ae363fa110173941d3e2c7f546e8e4258932d8c"
)


def seal(ts: int, digest: bytes) -> bytes:
    return sign_response(KEY, REQUEST_MAC, status=200, ts=ts, content_type=CONTENT_TYPE, digest=digest)


def test_writing() -> None:
    writer = FrameWriter(seal)
    assert writer.group(OBJECTS) + writer.checkpoint(CURSOR) + writer.end(TS) == STREAM


def test_reading() -> None:
    reader = FrameReader(lambda ts, digest, mac: seal(ts, digest) == mac)
    assert reader.feed(STREAM) == [Group(OBJECTS), Checkpoint(CURSOR), End(2, 14, b"")]
    reader.close()


def test_writing_sealed_checkpoints() -> None:
    writer = FrameWriter(seal, sealed=True)
    assert writer.group(OBJECTS) + writer.checkpoint(CURSOR, TS) + writer.end(TS) == SEALED


def test_reading_sealed_checkpoints() -> None:
    reader = FrameReader(lambda ts, digest, mac: seal(ts, digest) == mac, sealed=True)
    at = SEALED.index(b"\6\x39")
    assert reader.feed(SEALED[: at - 1]) == []
    assert reader.feed(SEALED[at - 1 : at]) == [Group(OBJECTS), Checkpoint(CURSOR)]
    assert reader.feed(SEALED[at:]) == [End(2, 14, b"")]
    reader.close()
