"""Bytes from hostile hands: whatever they are, readers answer with a declared error or a canonical value.

Each test damages good samples `ZONEGIT_FUZZ` times (100,000; `make fuzz` a million) with a generator whose seed
stands in the message of a failure.
"""

import json
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from storekit import SMALL_NODES, addresses, large, tag_of, version
from unit.dns.fake import CLIENT, Server, make_query
from unit.dns.fake import version as zone_version
from unit.dns.zones_for_tests import ORG
from zonegit.auth.key import Key
from zonegit.auth.scheme import Call, parse_authorization, parse_signature, sign_request
from zonegit.dns.message import Transport
from zonegit.errors import InvalidData, InvalidFrame, LimitExceeded, NotAuthorised, Unreachable
from zonegit.model.ids import object_id
from zonegit.store.memory import MemoryStore
from zonegit.sync.frames import FrameReader, FrameWriter

TIMES = int(os.environ.get("ZONEGIT_FUZZ", "100000"))
VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "objects.json"
EDGES = bytes((0, 1, 2, 63, 64, 127, 128, 192, 255))

pytestmark = pytest.mark.timeout(1800)


def damaged(rng: random.Random, samples: Sequence[bytes]) -> bytes:
    """A sample with one to four places changed, cut, doubled, or filled from another sample."""
    data = bytearray(rng.choice(samples))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        size = rng.choice((0, 1, 1, 2, 4, 32))
        kind = rng.randrange(5)
        if kind == 0:
            data[at : at + size] = rng.randbytes(rng.choice((0, 1, 2, 4)))
        elif kind == 1 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 2 and at < len(data):
            data[at] = rng.choice(EDGES)
        elif kind == 3:
            data[at:at] = data[at : at + size]
        else:
            other = rng.choice(samples)
            start = rng.randrange(len(other) + 1)
            data[at : at + size] = other[start : start + size]
    return bytes(data)


def fuzz(samples: Sequence[bytes], read: Callable[[bytes], object], *declared: type[Exception]) -> None:
    """Give damaged samples to a reader: only declared errors may come out, and often enough one must."""
    seed = random.getrandbits(32)
    rng = random.Random(seed)
    refused = 0
    for number in range(TIMES):
        data = damaged(rng, samples)
        try:
            read(data)
        except declared:
            refused += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}, input {number}: {data.hex()}") from error
    assert refused > TIMES // 10


def test_objects() -> None:
    """A damaged object is refused, or is itself a canonical object under another id."""
    store = MemoryStore()
    commit, objects = version([*addresses(300), large()], shape=SMALL_NODES)
    objects.append(tag_of(commit))
    with store.write() as writer:
        writer.insert(objects)
    samples = objects + [bytes.fromhex(item) for item in hex_objects(json.loads(VECTORS.read_text())["objects"])]
    with pytest.raises(KeyboardInterrupt), store.write() as writer:

        def insert(data: bytes) -> None:
            known = writer.has(object_id(data))
            assert writer.insert([data]) == (not known)

        fuzz(samples, insert, InvalidData)
        raise KeyboardInterrupt  # nothing of this is to be kept


def hex_objects(vectors: object) -> list[str]:
    """Every hex string of some length among the object vectors."""
    if isinstance(vectors, dict):
        return [found for value in vectors.values() for found in hex_objects(value)]
    if isinstance(vectors, list):
        return [found for value in vectors for found in hex_objects(value)]
    plain = isinstance(vectors, str) and len(vectors) > 70 and not vectors.strip("0123456789abcdef")
    return [str(vectors)] if plain else []


def test_frames() -> None:
    _, objects = version(addresses(40), shape=SMALL_NODES)
    samples = []
    for count in (1, 3, len(objects)):
        writer = FrameWriter(lambda _ts, digest: digest)
        stream = writer.group(objects[:count]) + writer.checkpoint(b"c" * 34)
        samples += [stream + writer.end(7), writer.error("limit", "too much")]

    def read(data: bytes) -> None:
        reader = FrameReader(lambda _ts, digest, mac: digest == mac)
        for at in range(0, len(data), 97):
            reader.feed(data[at : at + 97])
        reader.close()

    fuzz(samples, read, InvalidFrame, LimitExceeded, Unreachable, NotAuthorised)


def test_authorization() -> None:
    key = Key.derive("k1", bytes(range(32)))
    call = Call("GET", "/v0/refs", "")
    samples = [
        sign_request(key, call, aud=aud, ts=ts, nonce=bytes(16), digest=bytes(32))[0].encode()
        for aud, ts in (("primary-1", 1767225600), ("a", 0), ("a" * 64, 1 << 40))
    ]
    fuzz(samples, lambda data: parse_authorization([data]), NotAuthorised)


def test_signatures() -> None:
    samples = [b"kid=k1,ts=1767225601,mac=" + b"A" * 43, b"kid=a.b-c_d,ts=0,mac=" + b"_-" * 21 + b"A"]
    fuzz(samples, parse_signature, NotAuthorised, Unreachable, InvalidData)


def test_packets() -> None:
    """Any packet is answered or dropped, and nothing is logged as unexpected."""
    server = Server(zone_version(ORG, "example.org."))
    samples = [
        make_query(name, rtype, do=do, edns=edns, size=1232).to_wire()
        for name in ("www.example.org.", "x.wild.example.org.", "ns.sub.example.org.", "none.example.org.", ".")
        for rtype in ("A", "MX", "ANY", "SOA")
        for do, edns in ((False, False), (True, True))
    ]

    def answer(data: bytes) -> None:
        for transport in Transport:
            reply = server.raw(data, transport, CLIENT)
            if reply is None:
                raise InvalidData("dropped")
            assert reply[:2] == data[:2]
            if reply[3] & 15:
                raise InvalidData("an error of DNS")

    fuzz(samples, answer, InvalidData)
    assert server.errors == []
