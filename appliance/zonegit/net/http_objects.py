"""Fetches single objects from a peer by their ids, over `/v0/objects/fetch`. What comes is believed by its hash."""

from collections.abc import Callable, Sequence
from contextlib import aclosing

from zonegit.errors import InvalidFrame, InvalidObject, LimitExceeded, Unreachable
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.net.http_client import Declined, HttpPeer, Opened
from zonegit.sync import limits, wire
from zonegit.sync.frames import End, FrameReader, Group, StreamError
from zonegit.sync.session import Ask

Progress = Callable[[int, int], None]


async def fetch_objects(
    peer: HttpPeer, ids: Sequence[ObjectId], progress: Progress = lambda *_: None
) -> dict[ObjectId, bytes]:
    """Those of these objects that the peer has.

    A list with an id that the peer doesn't know is refused as a whole, so it is halved until that one is alone.
    `Unreachable`, `NotAuthorised`, `InvalidData` (a broken stream, bytes that weren't asked for).
    """
    found: dict[ObjectId, bytes] = {}
    waiting = [tuple(ids[at : at + limits.MAX_LIST]) for at in range(0, len(ids), limits.MAX_LIST)]
    size = 0
    while waiting:
        part = waiting.pop()
        got = await _fetch(peer, part)
        if got is None:
            middle = len(part) // 2
            waiting += [half for half in (part[:middle], part[middle:]) if half and len(part) > 1]
            continue
        found |= got
        size += sum(map(len, got.values()))
        if size > peer.bounds.bytes:
            raise LimitExceeded("the peer sends more than one repair takes; giving up")
        rest = tuple(oid for oid in part if oid not in got)
        if rest:
            if not got:
                raise InvalidFrame("the peer says that there is more and sends nothing")
            waiting.append(rest)
        progress(len(found), len(ids))
    return found


async def _fetch(peer: HttpPeer, ids: tuple[ObjectId, ...]) -> dict[ObjectId, bytes] | None:
    """What one answer holds of a list; None when the peer lacks one of its objects."""
    ask = Ask(1, "/v0/objects/fetch", wire.IDS_TYPE, b"".join(ids))
    async with peer.stream(ask) as answer:
        if isinstance(answer, Declined):
            if answer.error == "not_found":
                return None
            raise Unreachable(f"the peer can't give these objects: {answer.error or 'no reason'}")
        return await _read(answer, frozenset(ids))


async def _read(answer: Opened, wanted: frozenset[ObjectId]) -> dict[ObjectId, bytes]:
    reader = FrameReader(answer.check, at_once=True)
    found: dict[ObjectId, bytes] = {}
    more = False
    async with aclosing(answer.chunks) as chunks:
        async for chunk in chunks:
            for frame in reader.feed(chunk):
                if isinstance(frame, Group):
                    found |= _named(frame.objects, wanted)
                elif isinstance(frame, StreamError):
                    raise Unreachable(f"the peer gave up: {frame.code} {frame.reason}")
                elif isinstance(frame, End):
                    more = bool(frame.cursor)
    reader.close()
    if not more and len(found) < len(wanted):
        raise InvalidFrame("the peer left objects out that it said to have")
    return found


def _named(objects: tuple[bytes, ...], wanted: frozenset[ObjectId]) -> dict[ObjectId, bytes]:
    found = {object_id(data): data for data in objects}
    foreign = next((oid for oid in found if oid not in wanted), None)
    if foreign is not None:
        raise InvalidObject(f"the peer sent {short(foreign)}, which nobody asked for")
    return found
