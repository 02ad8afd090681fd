"""Primaries that lie, stall or never end: no ref moves, nothing grows, and an honest one is followed next."""

import struct
import time
from collections.abc import Awaitable, Callable

import pytest

from httpkit import peer_of, run, running
from liarkit import Asked, instead, leaves_of, lying, objects_of, once, refused
from synckit import KEY, PEER, answer, commit, local_refs, names, refs_of
from zonegit.auth.key import Key
from zonegit.errors import InvalidData, LimitExceeded, NotAuthorised, Refused, Unreachable, ZonegitError
from zonegit.model.ids import Kind
from zonegit.net.client.pull import latest_refs
from zonegit.store.memory import MemoryStore
from zonegit.sync import incoming
from zonegit.sync.frames import CONTENT_TYPE, FrameWriter
from zonegit.sync.limits import ClientLimits
from zonegit.sync.ref_lists import RefLists
from zonegit.sync.session import Ask, Session
from zonegit.sync.tips import Tips
from zonegit.sync.wire import JSON_TYPE

STREAM_LIES = {
    "an end that counts more": lambda asked, data, lies: lies.end(1, 0),
    "an end that counts fewer": lambda asked, data, lies: lies.end(-1, 0),
    "an end that counts other bytes": lambda asked, data, lies: lies.end(0, 1),
    "the MAC of another request": lambda asked, data, lies: answer(
        lies.primary, Ask(1, asked.path, "", asked.body), "m"
    ),
    "the MAC of another key": lambda asked, data, lies: lies.sealed_by(Key.derive("k1", b"x" * 32)),
    "another status in the MAC": lambda asked, data, lies: lies.sealed_with(201),
    "no end": lambda asked, data, lies: lies.writer.group(lies.objects),
    "nothing at all": lambda asked, data, lies: b"",
    "text": lambda asked, data, lies: b"<html>it works</html>",
    "an endless frame": lambda asked, data, lies: b"\x01\xff\xff\xff\x7f" + bytes(100_000),
    "a frame of 5 MiB": lambda asked, data, lies: b"\x01\x80\x80\xc0\x02" + bytes(100_000),
    "a compressed frame that wasn't asked for": lambda asked, data, lies: lies.compressed(),
    "frames behind the end": lambda asked, data, lies: data + data,
}


class Lies:
    """Streams with a right MAC over a wrong content."""

    def __init__(self, asked: Asked, primary: MemoryStore) -> None:
        self.primary = primary
        self.objects = objects_of(primary)
        self.writer = FrameWriter(asked.seal)
        self.asked = asked

    def end(self, objects: int, size: int) -> bytes:
        data = self.writer.group(self.objects)
        self.writer.objects += objects
        self.writer.size += size
        return data + self.writer.end(int(time.time()))

    def sealed_by(self, key: Key) -> bytes:
        from synckit import seal_for

        writer = FrameWriter(seal_for(self.asked.mac, key))
        return writer.group(self.objects) + writer.end(int(time.time()))

    def sealed_with(self, status: int) -> bytes:
        from zonegit.auth.scheme import sign_response

        writer = FrameWriter(
            lambda ts, digest: sign_response(
                KEY, self.asked.mac, status=status, ts=ts, content_type=CONTENT_TYPE, digest=digest
            )
        )
        return writer.group(self.objects) + writer.end(int(time.time()))

    def compressed(self) -> bytes:
        writer = FrameWriter(self.asked.seal, compress=True)
        data = writer.group([self.objects[0]] * 100)
        assert data[0] == 4
        return data + writer.end(int(time.time()))


@pytest.mark.parametrize("lie", STREAM_LIES)
def test_a_stream_that_is_not_what_it_says(primary: MemoryStore, lie: str) -> None:
    async def stream(asked: Asked) -> None:
        await asked.frames(STREAM_LIES[lie](asked, asked.truth(primary), Lies(asked, primary)))

    refused(instead(primary, "/v0/fetch", stream), primary, (InvalidData, Unreachable))


REFS_LIES = {
    "no list": b"{}",
    "a list": b"[]",
    "text": b"refs",
    "depth": b"[" * 200_000,
    "a huge number": b'{"epoch":"' + b"a" * 32 + b'","root":"' + b"b" * 64 + b'","seq":1' + b"0" * 4_000 + b"}",
    "a number beyond reading": b'{"seq":1' + b"0" * 10_000 + b"}",
}


@pytest.mark.parametrize("lie", REFS_LIES)
def test_refs_that_make_no_sense(primary: MemoryStore, lie: str) -> None:
    refused(instead(primary, "/v0/refs", lambda asked: asked.reply(200, REFS_LIES[lie])), primary, InvalidData)


def test_refs_that_lead_nowhere_or_elsewhere(primary: MemoryStore) -> None:
    """Tips that aren't there, of the wrong kind, or of another zone."""
    other = MemoryStore()
    commit(other, "example.net.", names("example.net.", 3))
    (elsewhere,) = refs_of(other).branches
    (tip,) = refs_of(primary).branches
    with primary.read() as reader:
        leaf = next(oid for oid in reader.object_ids() if reader.get(oid)[0] == Kind.NODE)
    for oid in (elsewhere.oid, leaf):
        lists = RefLists(branches=Tips([tip._replace(oid=oid)]))
        refs = refs_of(primary)._replace(lists=lists, root="0" * 64)

        async def named(asked: Asked, refs=refs) -> None:  # type: ignore[no-untyped-def]
            await asked.reply(200, refs.encode())

        async def script(asked: Asked, named=named) -> None:  # type: ignore[no-untyped-def]
            if asked.path == "/v0/refs":
                await named(asked)
            elif elsewhere.oid.hex().encode() in asked.body or elsewhere.oid in asked.body:
                await asked.honest(other)
            else:
                await asked.honest(primary)

        refused(script, primary, ZonegitError)


def test_answers_that_nobody_signed_are_not_believed(primary: MemoryStore) -> None:
    refs = refs_of(primary)
    lies: list[Callable[[Asked], Awaitable[None]]] = [
        lambda asked: asked.unsigned(200, refs.encode(), ("content-type", JSON_TYPE)),
        lambda asked: asked.unsigned(304),
        lambda asked: asked.unsigned(304, b"", ("content-type", f"{JSON_TYPE}; root={refs.root}")),
        lambda asked: asked.unsigned(302, b"", ("location", "http://127.0.0.1:1/v0/refs")),
        lambda asked: asked.unsigned(407, b"", ("proxy-authenticate", "Basic")),
        lambda asked: asked.unsigned(401, b'{"error":"clock_skew","server_time":1}'),
        lambda asked: asked.reply(200, refs.encode(), mac="m" * 43),
        lambda asked: asked.reply(200, refs.encode(), key=Key.derive("k1", b"y" * 32)),
    ]
    for lie in lies:
        refused(instead(primary, "/v0/refs", lie), primary, NotAuthorised)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_unsigned_failure_is_an_outage(primary: MemoryStore, status: int) -> None:
    """It may come from a proxy whose primary is away."""
    refused(instead(primary, "/v0/refs", lambda asked: asked.unsigned(status, b"{}")), primary, Unreachable)


@pytest.mark.parametrize("server_time", ["0", "true", "false", "1.5", "-1", '"1"', "null", "1e99", "[]"])
def test_a_time_that_makes_no_sense_moves_no_clock(primary: MemoryStore, server_time: str) -> None:
    """It is refused, and the next honest answer is taken."""
    body = b'{"error":"clock_skew","server_time":%s}' % server_time.encode()

    async def test() -> None:
        lies = 1

        async def script(asked: Asked) -> None:
            nonlocal lies
            lies -= 1
            await (asked.honest(primary) if lies < 0 else asked.reply(401, body))

        async with lying(script) as url, peer_of(url) as peer:
            with pytest.raises((NotAuthorised, Unreachable)):
                await peer.refs()
            assert peer.signer.offset == 0
            assert await peer.refs() is not None

    run(test())


def test_a_304_counts_for_the_state_that_was_meant_only(primary: MemoryStore) -> None:
    root = refs_of(primary).root
    secondary = MemoryStore()

    async def nothing_new(asked: Asked) -> None:
        if "if-none-match" in asked.fields:
            await asked.reply(304, b"", f"{JSON_TYPE}; root={'0' * 64}")
        else:
            await asked.reply(304, b"", f"{JSON_TYPE}; root={root}")

    async def test() -> None:
        async with lying(nothing_new) as url, peer_of(url) as peer:
            with pytest.raises(InvalidData, match="wasn't asked about"):
                await latest_refs(peer, secondary, PEER, root, 1)
            with pytest.raises((InvalidData, Unreachable)):
                await latest_refs(peer, secondary, PEER)

    run(test())


def test_a_200_that_tells_the_known_state_is_no_news(primary: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that took it for news would ask again at once, without end."""
    root = refs_of(primary).root
    secondary = MemoryStore()

    async def test() -> None:
        async with running(primary) as server, peer_of(server.url) as peer:
            await once(peer, secondary)
        async with lying(lambda asked: asked.reply(200, refs_of(primary).encode())) as url, peer_of(url) as peer:
            assert await latest_refs(peer, secondary, PEER, root, 1) is None
            monkeypatch.setattr("zonegit.sync.ref_diff.MANY", 0)
            assert await latest_refs(peer, secondary, PEER, root, 1) is None
            assert await peer.refs() == refs_of(primary)

    run(test())


def test_recorded_answers_are_no_answers_to_another_request(primary: MemoryStore) -> None:
    """Refs that were signed once are given out again."""
    recorded: list[str] = []

    async def replay(asked: Asked) -> None:
        recorded.append(asked.mac)
        mac = recorded[0] if asked.path == "/v0/refs" else asked.mac
        if asked.path == "/v0/refs":
            await asked.reply(200, refs_of(primary).encode(), mac=mac)
        else:
            await asked.frames(answer(primary, Ask(1, asked.path, "", asked.body), mac))

    async def test() -> None:
        secondary = MemoryStore()
        async with lying(replay) as url, peer_of(url) as peer:
            await once(peer, secondary)
            moved = local_refs(secondary)
            with pytest.raises(NotAuthorised, match="wrong signature"):
                await once(peer, secondary)
            assert local_refs(secondary) == moved

    run(test())


def test_an_older_state_or_another_epoch_is_refused(primary: MemoryStore) -> None:
    refs = refs_of(primary)
    states = {
        "an older state": refs._replace(seq=refs.seq - 1),
        "another epoch": refs._replace(epoch="0" * 32, seq=refs.seq + 1),
        "two states of one number": refs._replace(root="0" * 64),
        "a state that would make every later one an older one": refs._replace(seq=(1 << 63) - 1),
    }
    for name, state in states.items():
        secondary = MemoryStore()

        async def test(secondary=secondary, state=state, name=name) -> None:  # type: ignore[no-untyped-def]
            async with running(primary) as server, peer_of(server.url) as peer:
                await once(peer, secondary)
            moved = local_refs(secondary)
            script = instead(
                primary, "/v0/refs", lambda asked: asked.reply(200, state._replace(lists=RefLists()).encode())
            )
            async with lying(script) as url, peer_of(url) as peer:
                with pytest.raises(Refused):
                    await once(peer, secondary)
            assert local_refs(secondary) == moved, name
            async with running(primary) as server, peer_of(server.url) as peer:
                await once(peer, secondary)

        run(test())


def test_a_list_of_refs_that_is_too_long(primary: MemoryStore) -> None:
    """It is given up before it is there as a whole, and so before its signature can be looked at."""
    long = refs_of(primary).encode() + b" " * 100_000
    bounds = ClientLimits(refs_bytes=50_000)
    script = instead(primary, "/v0/refs", lambda asked: asked.reply(200, long))
    refused(script, primary, LimitExceeded, "longer than 50000 bytes", bounds)


def test_an_endless_stream_with_macs_is_taken_in_parts(
    primary: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends at the bound of a sync, and never fills the memory on the way there."""
    monkeypatch.setattr(incoming, "BATCH_BYTES", 10_000)
    held = []
    received = Session.received

    def counted(self: Session, number: int, data: bytes):  # type: ignore[no-untyped-def]
        found = received(self, number, data)
        held.append(sum(stream.size for stream in self._streams.values()))
        return found

    monkeypatch.setattr(Session, "received", counted)
    leaves = leaves_of(primary)

    async def endless(asked: Asked) -> None:
        await asked.head(200, ("content-type", CONTENT_TYPE))
        writer = FrameWriter(asked.seal, sealed=True)
        while True:
            await asked.data(writer.group(leaves) + writer.checkpoint(bytes(34)))

    refused(
        instead(primary, "/v0/fetch", endless), primary, LimitExceeded, "may receive", ClientLimits(bytes=1 << 20)
    )
    assert max(held) < 40_000 + 2 * 65_536


def test_a_peer_that_always_has_more(primary: MemoryStore) -> None:
    """A little each time, always the same."""
    data = leaves_of(primary)[0]
    asked_for = 0

    async def more(asked: Asked) -> None:
        nonlocal asked_for
        asked_for += 1
        writer = FrameWriter(asked.seal)
        cursor = struct.pack(">I", asked_for) * 8
        await asked.frames(writer.group([data]) + writer.end(int(time.time()), cursor))

    refused(instead(primary, "/v0/fetch", more), primary, InvalidData, "more")
    assert asked_for < 1_000
