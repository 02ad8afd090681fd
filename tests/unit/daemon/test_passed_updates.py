"""`POST /v0/update` over sockets: from a secondary's client through an http process to the updater, and back."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from httpkit import Counted, Running, generous_gate, peer_of, run, running, small_store
from synckit import KEY
from updaterkit import adding
from zonegit.auth.key import Key, State
from zonegit.auth.scope import parse_scope
from zonegit.daemon import passed_updates
from zonegit.daemon.channels import UPDATER, Channels, Receiver, Reply, Request, Sender
from zonegit.daemon.passed_updates import PassedUpdates
from zonegit.dns.update.message import response
from zonegit.dns.wire.message import Rcode
from zonegit.errors import NotAuthorised
from zonegit.net.client.peer import Declined, PeerClient
from zonegit.net.server import frame_budget
from zonegit.net.server.updates import Updates
from zonegit.ops.config import Config, ZoneConfig
from zonegit.ops.update_rules import parse_rule
from zonegit.sync import server as routes
from zonegit.sync import update_wire

CONFIG = Config(Path("nowhere"), zones={"example.org.": ZoneConfig(update=(parse_rule("key:k1 ** *"),))})
Answer = Callable[[Request], bytes | None]


def noerror(request: Request) -> bytes:
    return response(request.packet, Rcode.NOERROR)


class Updater:
    """The other end: it answers each request, or leaves it."""

    def __init__(self, answer: Answer, config: Config = CONFIG) -> None:
        self.came: list[Request] = []
        self.samples = Counted()
        self.answer = answer
        self.stray: tuple[int, ...] = ()
        """Idents of replies that nobody waits for."""
        self._config = config
        self._channels = Channels([1])
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def updates(self) -> Updates:
        return PassedUpdates(Sender(self._channels.sending(1)[UPDATER]), lambda: self._config, self.samples)

    def _run(self) -> None:
        receiver = Receiver(self._channels.receiving(UPDATER)[UPDATER])
        while not self._ended.is_set():
            for channel, request in receiver.receive(0.05):
                self.came.append(request)
                for ident in self.stray:
                    receiver.reply(channel, Reply(ident, b""))
                answer = self.answer(request)
                if answer is not None:
                    receiver.reply(channel, Reply(request.ident, answer))
        receiver.close()

    def __enter__(self) -> "Updater":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._channels.close()


def packet(owner: str = "new", zone: str = "example.org.") -> bytes:
    return adding(None, owner, zone=zone).to_wire()


def asked(updater: Updater, test: Callable[[Running, PeerClient], Any], key: Key = KEY) -> Any:
    """Run a test's coroutine with a server and a client with this key."""

    async def both() -> Any:
        gate = generous_gate((key,))
        async with (
            running(small_store(), gate, updates=updater.updates) as server,
            peer_of(server.url, key) as peer,
        ):
            return await test(server, peer)

    return run(both())


def reader_of(*scopes: str) -> Key:
    return Key.derive("r1", bytes(range(32)), state=State.SIGN, scopes=tuple(map(parse_scope, scopes)))


def test_the_message_arrives_as_it_is_and_so_does_the_response() -> None:
    """From the secondary's address, over what is no datagram. Many at a time are told apart."""
    sent = [packet(f"n{number}") for number in range(24)]

    async def test(_: Running, peer: PeerClient) -> list[bytes | Declined]:
        return await asyncio.gather(*map(peer.update, sent))

    with Updater(noerror) as updater:
        found = asked(updater, test)
    assert found == [response(each, Rcode.NOERROR) for each in sent]
    assert sorted(each.packet for each in updater.came) == sorted(sent)
    assert {each.client for each in updater.came} == {b"\x7f\0\0\1"}


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (["read:*"], True),
        (["read:example.org."], True),
        (["read:org."], True),
        (["read:example.org.:main"], True),
        (["read:example.org.:staging"], False),
        (["read:example.net."], False),
        (["read:example.net.", "push:*"], False),
    ],
)
def test_a_key_that_may_read_the_zone_is_enough(scopes: list[str], allowed: bool) -> None:
    async def test(_: Running, peer: PeerClient) -> bytes | Declined | str:
        try:
            return await peer.update(packet())
        except NotAuthorised as error:
            return str(error)

    with Updater(noerror) as updater:
        found = asked(updater, test, reader_of(*scopes))
    assert len(updater.came) == allowed
    assert isinstance(found, bytes) if allowed else "needs the scope read:ZONE or read:*" in found


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", update_wire.DNS_TYPE),
        (b"\0" * 11, update_wire.DNS_TYPE),
        (b"\0\1\0\0\0\1" + bytes(6) + b"\0\0\6\0\1", update_wire.DNS_TYPE),
        (b"\0\1\x28\0" + bytes(8), update_wire.DNS_TYPE),
        (response(packet(), Rcode.NOERROR), update_wire.DNS_TYPE),
        (packet(), "application/octet-stream"),
        (packet(), ""),
    ],
    ids=["nothing", "a short header", "a query", "no zone", "a response", "another type", "no type"],
)
def test_what_is_no_update_is_a_bad_request(
    monkeypatch: pytest.MonkeyPatch, body: bytes, content_type: str
) -> None:
    monkeypatch.setattr(update_wire, "DNS_TYPE", content_type)  # the client's; the daemon has its own

    async def test(_: Running, peer: PeerClient) -> bytes | Declined:
        return await peer.update(body)

    with Updater(noerror) as updater:
        found = asked(updater, test)
    assert isinstance(found, Declined)
    assert found.error == "bad_request"
    assert updater.came == []


def test_a_body_that_no_message_has_is_refused() -> None:
    """The client takes the unsigned 413 for that of an older server."""

    async def test(_: Running, peer: PeerClient) -> bytes | Declined:
        return await peer.update(packet() + bytes(65_536))

    with Updater(noerror) as updater:
        assert isinstance(asked(updater, test), Declined)
    assert updater.came == []


def test_a_node_that_takes_no_updates_refuses_them() -> None:
    sent = packet()

    async def test(_: Running, peer: PeerClient) -> bytes | Declined:
        return await peer.update(sent)

    with Updater(noerror, Config(Path("nowhere"))) as updater:
        assert asked(updater, test) == response(sent, Rcode.REFUSED)
    assert updater.came == []


def test_what_is_not_answered_in_time_or_too_much_at_once_is_servfail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passed_updates, "PATIENCE", 0.3)
    monkeypatch.setattr(passed_updates, "PER_KEY", 5)
    sent = [packet(f"n{number}") for number in range(8)]

    async def test(_: Running, peer: PeerClient) -> list[bytes | Declined]:
        return await asyncio.gather(*map(peer.update, sent), peer.update(sent[0]))

    with Updater(lambda _: None) as updater:
        found = asked(updater, test)
        assert found == [response(each, Rcode.SERVFAIL) for each in [*sent, sent[0]]]
        assert len(updater.came) == 5
        assert updater.samples.values["updates_total,key=,result=busy,zone="] == 4
        updater.answer = noerror
        assert asked(updater, test)[:5] == [response(each, Rcode.NOERROR) for each in sent[:5]]


def test_a_secondary_may_send_as_many_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over one connection, whose frames no time pays for."""
    monkeypatch.setattr(frame_budget, "UNAUTHENTICATED_BURST", 200)
    monkeypatch.setattr(frame_budget, "BURST", 200)
    monkeypatch.setattr(frame_budget, "PER_SECOND", 0.0)

    async def test(_: Running, peer: PeerClient) -> tuple[object, object]:
        await peer.update(packet())
        first = peer._connection
        for _ in range(50):
            await asyncio.gather(*(peer.update(packet(f"n{number}")) for number in range(3)))
        return first, peer._connection

    with Updater(noerror) as updater:
        first, last = asked(updater, test)
    assert first is last
    assert len(updater.came) == 151, "none was sent twice"


def test_replies_to_a_process_that_ran_before_are_dropped() -> None:
    sent = packet()

    async def test(_: Running, peer: PeerClient) -> bytes | Declined:
        return await peer.update(sent)

    with Updater(noerror) as updater:
        updater.stray = (0, 2**64 - 1)
        assert asked(updater, test) == response(sent, Rcode.NOERROR)


@pytest.mark.parametrize("older", [False, True])
def test_a_server_without_it_is_told_from_others(monkeypatch: pytest.MonkeyPatch, older: bool) -> None:
    """An embedded server takes none (404, signed); an older one expects no body there (413, unsigned)."""
    if older:
        monkeypatch.delitem(routes._PATHS, update_wire.PATH)

    async def test() -> bytes | Declined:
        async with running(small_store()) as server, peer_of(server.url) as peer:
            return await peer.update(packet())

    found = run(test())
    assert isinstance(found, Declined)
    assert found.error == "not_found"
