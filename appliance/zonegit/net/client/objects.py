"""Fetches single objects from a peer by their ids, over `/v0/objects/fetch`, and verifies each by its hash."""

from collections.abc import Callable, Sequence
from contextlib import aclosing

from zonegit.errors import InvalidFrame, InvalidObject, LimitExceeded, Unreachable
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.net.client.peer import Declined, OpenStream, PeerClient
from zonegit.sync import limits, wire
from zonegit.sync.frames import End, FrameReader, Group, StreamError
from zonegit.sync.session import Ask

Progress = Callable[[int, int], None]


async def fetch_objects(
    peer: PeerClient, ids: Sequence[ObjectId], progress: Progress = lambda *_: None
) -> dict[ObjectId, bytes]:
    """The objects of these that the peer has, by id.

    The peer refuses a list with an unknown id as a whole, so the list is halved until that id is alone.
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
            raise LimitExceeded("the peer sends more than one repair accepts; giving up")
        rest = tuple(oid for oid in part if oid not in got)
        if rest:
            if not got:
                raise InvalidFrame("the peer announces more objects and sends none")
            waiting.append(rest)
        progress(len(found), len(ids))
    return found


async def _fetch(peer: PeerClient, ids: tuple[ObjectId, ...]) -> dict[ObjectId, bytes] | None:
    """The objects of one answer; None if the peer lacks one of the list."""
    ask = Ask(1, "/v0/objects/fetch", wire.IDS_TYPE, b"".join(ids))
    async with peer.stream(ask) as answer:
        if isinstance(answer, Declined):
            if answer.error == "not_found":
                return None
            raise Unreachable(f"the peer can't send these objects: {answer.error or 'no reason'}")
        return await _read(answer, frozenset(ids))


async def _read(answer: OpenStream, wanted: frozenset[ObjectId]) -> dict[ObjectId, bytes]:
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
        raise InvalidFrame("the peer left out objects that it said it has")
    return found


def _named(objects: tuple[bytes, ...], wanted: frozenset[ObjectId]) -> dict[ObjectId, bytes]:
    found = {object_id(data): data for data in objects}
    foreign = next((oid for oid in found if oid not in wanted), None)
    if foreign is not None:
        raise InvalidObject(f"the peer sent {short(foreign)}, which nobody asked for")
    return found
