"""The thread that sends UPDATEs on: to a node over `/v0`, with keys that are replaced meanwhile, and in time."""

import asyncio
import os
import queue
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemonkit import new_reader, until
from httpkit import Running, generous_gate, served
from updaterkit import adding
from zonegit.auth.key import Key
from zonegit.auth.keyfile import new_key
from zonegit.auth.keyring import Keyring
from zonegit.auth.scope import parse_scope
from zonegit.daemon import update_sending
from zonegit.daemon.update_origin import Origin
from zonegit.daemon.update_sending import TIMEOUT, UNREACHABLE, Message, Outcome, UpdateSending
from zonegit.dns.update.message import response
from zonegit.dns.wire.message import Rcode
from zonegit.ops.config import Config, PrimaryConfig
from zonegit.ops.primaries import Primary
from zonegit.sync import server as routes
from zonegit.sync.server import Reply
from zonegit.sync.update_wire import DNS_TYPE, PATH

PEER = "primary-1"
NODE = Origin(PEER)


class Answering:
    """A node's `net.server.updates.Updates`."""

    def __init__(self, answer: Reply | None = None) -> None:
        self.answer_with = answer
        self.silent = False
        self.came: list[tuple[str, bytes]] = []
        """The key's id and the message of each request."""

    async def answer(self, key: Key, content_type: str, body: bytes, address: str) -> Reply:
        self.came.append((key.kid, body))
        while self.silent:
            await asyncio.sleep(0.02)
        return self.answer_with or Reply(200, DNS_TYPE, response(body, Rcode.NOERROR))


class Sent:
    """The thread, and what it reports."""

    def __init__(self, config: Config) -> None:
        self.outcomes: queue.Queue[Outcome] = queue.Queue()
        self.delivered: queue.Queue[bytes] = queue.Queue()
        self.sending = UpdateSending(config, self.outcomes.put)

    def send(self, packet: bytes, origin: Origin = NODE, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        self.sending.send(Message(packet[:2], packet, origin, deadline, self.delivered.put))

    def outcome(self) -> Outcome:
        return self.outcomes.get(timeout=30)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return new_reader(tmp_path / "keys.d")


@pytest.fixture
def config(tmp_path: Path, keys: Path) -> Config:
    return Config(tmp_path / "repo", keys, primary=PrimaryConfig("http://127.0.0.1:1", PEER))


@pytest.fixture
def answering() -> Answering:
    return Answering()


@pytest.fixture
def sent(config: Config) -> Iterator[Sent]:
    sent = Sent(config)
    yield sent
    sent.sending.close()
    assert not sent.sending._thread.is_alive()


def packet(owner: str = "new") -> bytes:
    return adding(None, owner).to_wire()


def beside(answering: Answering | None, config: Config, sent: Sent, test: Callable[[Running], None]) -> None:
    """Run a blocking test beside a node that the thread sends to."""

    def connected(server: Running) -> None:
        sent.sending.configure(at(config, server))
        test(server)

    gate = generous_gate(tuple(Keyring.load(config.keys or Path())))
    served(connected, gate=gate, updates=None if answering is None else lambda: answering)


def at(config: Config, server: Running) -> Config:
    assert config.primary is not None
    return replace(config, primary=config.primary._replace(url=server.url))


def test_a_response_is_delivered_and_reported(config, sent, answering) -> None:
    packets = [packet(f"n{number}") for number in range(60)]

    def test(_: Running) -> None:
        for each in packets:
            sent.send(each)
        outcomes = [sent.outcome() for _ in packets]
        assert {outcome.answer for outcome in outcomes} == {response(each, Rcode.NOERROR) for each in packets}
        assert all(sent.delivered.get_nowait() in {outcome.answer for outcome in outcomes} for _ in packets)
        assert {body for _, body in answering.came} == set(packets)

    beside(answering, config, sent, test)


def test_a_node_that_is_away_is_reported_at_once(sent) -> None:
    sent.send(packet())
    outcome = sent.outcome()
    assert (outcome.answer, outcome.failure) == (None, UNREACHABLE)
    assert "http://127.0.0.1:1 can't be reached" in outcome.why
    assert sent.delivered.empty()


def test_a_node_that_does_not_answer_in_time_leaves_room_for_the_next(config, sent, answering) -> None:
    """Its late answer is nobody's."""

    def test(_: Running) -> None:
        answering.silent = True
        sent.send(packet("late"), seconds=0.3)
        assert sent.outcome().failure == TIMEOUT
        answering.silent = False
        after = packet("after")
        sent.send(after)
        assert sent.outcome().answer == response(after, Rcode.NOERROR)
        assert sent.delivered.get(timeout=30) == response(after, Rcode.NOERROR)
        assert sent.delivered.empty()

    beside(answering, config, sent, test)


def test_a_new_key_signs_from_the_next_message_on(config, sent, answering, keys) -> None:
    def test(server: Running) -> None:
        sent.send(packet("one"))
        assert sent.outcome().answer
        new = new_key(keys.parent / "new.d", "k2", (parse_scope("read:*"),), time.time, os.urandom)
        shutil.copy(new, keys)
        (keys / "k1.key").unlink()
        server.gate.keyring = Keyring.load(keys)
        sent.sending.configure(at(config, server))
        sent.send(packet("two"))
        assert sent.outcome().answer
        assert [kid for kid, _ in answering.came] == ["k1", "k2"]

    beside(answering, config, sent, test)


@pytest.mark.parametrize("older", [False, True])
def test_a_node_that_takes_none_is_asked_once_in_a_while(config, sent, monkeypatch, older) -> None:
    """Each question that it doesn't know counts there as a failed one (413)."""
    if older:
        monkeypatch.delitem(routes._PATHS, PATH)

    def test(server: Running) -> None:
        for _ in range(3):
            sent.send(packet())
            outcome = sent.outcome()
            assert outcome.failure == UNREACHABLE
            assert "it is an older version of zonegitd, which takes no UPDATEs from other nodes" in outcome.why
        assert server.requests == 1
        monkeypatch.setattr(update_sending, "_UNABLE", 0.0)
        sent.sending.configure(at(config, server))
        sent.send(packet())
        sent.send(packet())
        assert {sent.outcome().failure, sent.outcome().failure} == {UNREACHABLE}
        assert server.requests == 3

    beside(None, config, sent, test)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(200, DNS_TYPE, b""), "something else than the response"),
        (Reply(200, DNS_TYPE, bytes(12)), "something else than the response"),
        (Reply(400, "application/json", b'{"error":"bad_request"}'), "the peer answers 400 bad_request"),
        (Reply(403, "application/json", b'{"error":"forbidden"}'), "its file there needs the scope read:ZONE"),
    ],
)
def test_other_answers_are_none(config, sent, reply, why) -> None:
    def test(_: Running) -> None:
        sent.send(packet())
        outcome = sent.outcome()
        assert outcome.failure == UNREACHABLE
        assert why in outcome.why

    beside(Answering(reply), config, sent, test)


def test_other_servers_are_asked_over_tcp(sent) -> None:
    sent.send(packet(), Origin(primaries=(Primary.parse("127.0.0.1:1"),)))
    assert sent.outcome().why == "127.0.0.1:1: nothing listens there: it refused the connection"


def test_a_peer_that_is_configured_no_more_is_an_error_of_its_own(sent) -> None:
    sent.send(packet(), Origin("p9"))
    assert sent.outcome().why == "the zone is mirrored from p9, which has no [[peer]] with a url"


def test_the_thread_ends_whatever_it_waits_for(config, answering) -> None:
    sent = Sent(config)

    def test(_: Running) -> None:
        answering.silent = True
        sent.send(packet())
        until(lambda: answering.came, "the request")
        sent.sending.close()
        assert not sent.sending._thread.is_alive()
        answering.silent = False

    beside(answering, config, sent, test)
