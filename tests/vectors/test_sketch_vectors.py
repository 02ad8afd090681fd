"""The published vector of a sketch of refs, and the same bytes made from docs/protocol.md alone."""

from blake3 import blake3

from zonegit.model.ids import ObjectId
from zonegit.model.refs import head, tag
from zonegit.sync.ref_sketch import question
from zonegit.sync.ref_table import RefTable
from zonegit.sync.wire import Accepts

EPOCH = "000102030405060708090a0b0c0d0e0f"
REFS = [
    (head("example.org.", "main"), ObjectId(b"\x11" * 32)),
    (tag("example.org.", "v1"), ObjectId(b"\x22" * 32)),
]
SUM = "f8470b96b87fe69adb08cf15ceb4cd7a25445ea8bb825007e64e7c540793afa9"
BODY = """
0103000102030405060708090a0b0c0d0e0ff8470b96b87fe69adb08cf15ceb4cd7a25445ea8bb825007e64e7c540793afa9
00030006000000010001000000000101000001010000010000000100e3a930046e8ae260000000000000000049d758f3d880
d685000000000000000049d758f3d880d685e3a930046e8ae260e3a930046e8ae260000000000000000049d758f3d880d685
e3a930046e8ae26049d758f3d880d6850000000000000000
"""


def test_the_published_vector() -> None:
    table = RefTable(REFS, EPOCH)
    assert table.sum.to_bytes(32, "big").hex() == SUM
    asked = question(table, EPOCH, 3, 6)._replace(accepts=Accepts(all_names=True, tombstones=True))
    assert asked.encode().hex() == BODY.replace("\n", "")


def test_a_reading_of_the_text_makes_the_same() -> None:
    salt = blake3(b"zonegit/v0 refs " + EPOCH.encode()).digest()
    total, counts, sums = 0, [0] * 24, [0] * 12
    for name, tip in REFS:
        key = blake3(name.encode()).digest()
        fingerprint = blake3(key + tip, key=salt).digest()
        total += int.from_bytes(fingerprint, "big")
        e = int.from_bytes(key[:3] + fingerprint[:3], "big")
        check = (e * 0xD6E8FEB86659FD93) % 2**64 >> 48
        places = (e * 0x9E3779B97F4A7C15) % 2**64
        for row in range(4):
            place = places >> 16 * (3 - row) & 0xFFFF
            counts[row * 6 + place % 6] += 1
            sums[row * 3 + place % 3] ^= e << 16 | check
    body = b"\x01\x03" + bytes.fromhex(EPOCH) + (total % 2**256).to_bytes(32, "big")
    body += (3).to_bytes(2, "big") + (6).to_bytes(2, "big") + bytes(counts)
    body += b"".join(word.to_bytes(8, "big") for word in sums)
    assert body.hex() == BODY.replace("\n", "")
