"""A process that makes and verifies signatures for `repo.dnssec.signing_pool`, which starts it and owns both pipes.

It reads frames: `K` with the PEM of a private key, then `M` with messages, answered by their signatures, joined. Or
`V` with the RDATA of a DNSKEY record, then `M` with signed messages, each answered by `valid_answer` or zeros.
It ends with its standard input, and so with the process that started it, and after a minute without work. The
key comes through the pipe alone, and no core is dumped that would contain it.
"""

import os
import resource
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from select import select
from typing import Final

from zonegit.dnssec.keys import Signed, verify_all
from zonegit.dnssec.private_key import FileSigner, from_pem

_KEY: Final = ord("K")
_DNSKEY: Final = ord("V")
_MESSAGES: Final = ord("M")
_HEAD: Final = struct.Struct(">BI")
_LENGTH: Final = struct.Struct(">I")
_VALID: Final = b"\1"
_ECHO: Final = 8
VERIFIED_SIZE: Final = len(_VALID) + _ECHO
"""Bytes of the answer whether a signature is valid."""
_NICE: Final = 10
"""A tenth of a processor at most, if others want all of it."""
_IDLE: Final = 60.0
"""Seconds without work after which the process ends."""


def key_frame(pem: bytes) -> bytes:
    """The frame with the private key for all messages that follow."""
    return _HEAD.pack(_KEY, len(pem)) + pem


def dnskey_frame(dnskey: bytes) -> bytes:
    """The frame with the key that all signed messages that follow are to be verified with."""
    return _HEAD.pack(_DNSKEY, len(dnskey)) + dnskey


def signed_message(signed: Signed) -> bytes:
    """The message that asks whether a signature is valid."""
    return _LENGTH.pack(len(signed.data)) + signed.data + signed.signature


def valid_answer(message: bytes) -> bytes:
    """The answer that its signature is valid.

    It repeats the end of the message, so that nothing else that comes out of the pipe can be mistaken for it.
    """
    return _VALID + message[-_ECHO:]


def messages_frame(messages: Sequence[bytes]) -> bytes:
    """The frame with messages to sign, or with signed ones."""
    data = b"".join([part for each in messages for part in (_LENGTH.pack(len(each)), each)])
    return _HEAD.pack(_MESSAGES, len(data)) + data


def main() -> None:
    """Serve the standard input and output."""
    for restrict in (lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)), lambda: os.nice(_NICE)):
        with suppress(OSError, ValueError):  # a sandbox doesn't permit it; zonegitd's own forbids cores itself
            restrict()
    with suppress(BrokenPipeError, EOFError):
        serve(0, 1)


def serve(requests: int, replies: int) -> None:
    """Answer the frames of one descriptor to another. EOFError at the end of the first."""
    answer: Callable[[Sequence[bytes]], Sequence[bytes]] | None = None
    while select([requests], [], [], _IDLE)[0]:
        kind, size = _HEAD.unpack(_read(requests, _HEAD.size))
        data = _read(requests, size)
        if kind == _KEY:
            answer = FileSigner(from_pem(data)).sign
        elif kind == _DNSKEY:
            answer = partial(verified, data)
        elif answer is not None:
            _write(replies, b"".join(answer(_messages(data))))


def verified(dnskey: bytes, messages: Sequence[bytes]) -> list[bytes]:
    """The answers to signed messages."""
    valid = verify_all(dnskey, list(map(_signed, messages)))
    answers = zip(messages, valid, strict=True)
    return [valid_answer(message) if each else bytes(VERIFIED_SIZE) for message, each in answers]


def _signed(message: bytes) -> Signed:
    end = _LENGTH.size + _LENGTH.unpack_from(message)[0]
    return Signed(message[end:], message[_LENGTH.size : end])


def _messages(data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        (size,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size + size
        found.append(data[at - size : at])
    return found


def _read(descriptor: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(descriptor, size)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
