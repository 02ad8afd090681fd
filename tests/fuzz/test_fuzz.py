"""Bytes from hostile hands: whatever they are, readers answer with a declared error or a canonical value.

Each test damages good samples `ZONEGIT_FUZZ` times (20,000; `make fuzz` a million) with a generator whose seed
stands in the message of a failure.
"""

import json
import random
from base64 import b64decode
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from fuzzkit import TIMES, damaged
from storekit import SMALL_NODES, addresses, large, tag_of, version
from zonegit.auth.key import Key
from zonegit.auth.scheme import Call, parse_authorization, parse_signature, sign_request
from zonegit.errors import (
    AllowedSignersError,
    InvalidData,
    InvalidFrame,
    InvalidSSH,
    LimitExceeded,
    NotAuthorised,
    Unreachable,
)
from zonegit.model.ids import object_id
from zonegit.ssh.allowed_signers import parse_allowed_signers
from zonegit.ssh.envelope import decode_envelope
from zonegit.store.memory import MemoryStore
from zonegit.sync.frames import FrameReader, FrameWriter

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "objects.json"

pytestmark = pytest.mark.timeout(1800)


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


def test_ssh_signatures() -> None:
    """A damaged signature is refused, or is still one of the message: by another sample's key."""
    recorded = json.loads(VECTORS.with_name("ssh.json").read_text())
    message = recorded[0]["message"].encode()
    fuzz(
        [b64decode(each["signature"]) for each in recorded],
        lambda data: decode_envelope(data).verify(message),
        InvalidSSH,
    )


def test_files_of_allowed_signers() -> None:
    recorded = json.loads(VECTORS.with_name("ssh.json").read_text())
    options = (
        "",
        'namespaces="zonegit,git" ',
        'cert-authority,valid-before="20270101Z" ',
        'valid-after="20260101" ',
    )
    lines = [
        f"*@example.org,!bob@example.org {each}{key['key']} a comment\n" for each in options for key in recorded
    ]
    samples = [line.encode() for line in lines] + [b"# Ada\n\n" + lines[0].encode()]
    fuzz(samples, lambda data: parse_allowed_signers(data, "file"), AllowedSignersError)
