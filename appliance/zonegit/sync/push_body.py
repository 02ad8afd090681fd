"""Decodes the body of a push: groups of objects, children before parents, and then at most one question.

Refused: any other frame, one after the question, a body that is cut short, more objects than a push may have.
"""

from typing import Final, NamedTuple

from zonegit.errors import InvalidFrame, LimitExceeded
from zonegit.sync.frames import LARGEST, FrameType, inflated, read_group, span
from zonegit.sync.limits import PUSH_BYTES, PUSH_OBJECTS
from zonegit.sync.push_wire import Ask
from zonegit.sync.work import Due, Work

_KNOWN: Final[dict[int, int]] = {
    kind: LARGEST[kind] for kind in (FrameType.GROUP, FrameType.COMPRESSED, FrameType.ASK)
}


class PushBody(NamedTuple):
    """The contents of one request."""

    objects: tuple[bytes, ...] = ()
    ask: Ask = Ask()
    size: int = 0
    """Bytes of the objects."""


def reading(body: bytes, due: Due) -> Work[PushBody]:
    """Decode a body, yielding whenever it is `due`. `InvalidFrame`, `InvalidData`, `LimitExceeded`."""
    objects: list[bytes] = []
    size = at = 0
    while at < len(body):
        found = span(body, at, _KNOWN)
        if found is None or sum(found) > len(body):
            raise InvalidFrame("the push is cut short")
        kind, payload = FrameType(body[at]), body[found[0] : sum(found)]
        at = sum(found)
        if kind is FrameType.ASK:
            if at < len(body):
                raise InvalidFrame("a push continues after its question")
            return PushBody(tuple(objects), Ask.decode(payload), size)
        group = read_group(inflated(payload) if kind is FrameType.COMPRESSED else payload)
        size += sum(map(len, group.objects))
        if size > PUSH_BYTES:
            raise LimitExceeded(f"a push has at most {PUSH_BYTES:,} bytes of objects")
        objects += group.objects
        if len(objects) > PUSH_OBJECTS:
            raise LimitExceeded(f"a push has at most {PUSH_OBJECTS:,} objects")
        if due():
            yield
    return PushBody(tuple(objects), Ask(), size)
