"""Values that processes of this program send each other through pipes.

The values are pickled: nobody else writes there. A frame is the size of the pickle, then the pickle.
"""

import pickle
import struct
from typing import IO, Any, Final

_HEAD: Final = struct.Struct("<Q")
HEAD_SIZE: Final = _HEAD.size
"""Bytes of a frame's head."""


def frame(value: object) -> tuple[bytes, bytes]:
    """Head and body of the frame with a value."""
    body = pickle.dumps(value)
    return _HEAD.pack(len(body)), body


def body_size(head: bytes) -> int:
    """How many bytes follow the head of a frame."""
    size: int = _HEAD.unpack(head)[0]
    return size


def value(body: bytes) -> Any:
    """The value in the body of a frame."""
    return pickle.loads(body)  # noqa: S301  from this very program


def send(sink: IO[bytes], what: object) -> None:
    """Send a value to the other process. BrokenPipeError if that has ended."""
    sink.writelines(frame(what))
    sink.flush()


def receive(source: IO[bytes]) -> Any:
    """Wait for the next value from the other process. EOFError if that has ended."""
    return value(_read(source, body_size(_read(source, HEAD_SIZE))))


def _read(source: IO[bytes], size: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise EOFError
    return data
