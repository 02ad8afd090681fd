"""Requests and replies between processes that may be restarted."""

import select
from pathlib import Path

import pytest

from channelkit import PATIENCE, ask, echo, request
from spawnkit import finished, run
from zonegit.daemon.channels import REFRESHER, UPDATER, Channels, Receiver, Reply, Sender
from zonegit.dns.wire.message import MAX_MESSAGE
from zonegit.ops.config import Config
from zonegit.ops.shared import SharedBlock


@pytest.fixture
def channels():
    channels = Channels([5, 9])
    yield channels
    channels.close()


def sender(channels: Channels, index: int, name: str = UPDATER) -> Sender:
    return Sender(channels.sending(index)[name])


def receiver(channels: Channels, name: str = UPDATER) -> Receiver:
    return Receiver(channels.receiving(name)[name])


def replies(asked: Sender) -> list[Reply]:
    assert select.select([asked], [], [], PATIENCE)[0]
    return list(asked.replies())


@pytest.mark.parametrize("client", [b"\x7f\0\0\1", bytes(15) + b"\1"])
@pytest.mark.parametrize("size", [0, 12, MAX_MESSAGE])
def test_a_request_arrives_as_it_was_sent_and_its_reply_comes_back(channels, client, size):
    asked = sender(channels, 9)
    sent = request(2**64 - 1, bytes(size), client)
    assert asked.send(sent)
    answering = receiver(channels)
    [(channel, got)] = answering.receive(PATIENCE)
    assert got == sent
    assert answering.reply(channel, Reply(got.ident, bytes(size)))
    assert replies(asked) == [Reply(2**64 - 1, bytes(size))]
    assert list(sender(channels, 5).replies()) == [], "it goes to whoever asked"


def test_the_receivers_are_apart(channels):
    assert sender(channels, 5, REFRESHER).send(request(1))
    assert receiver(channels).receive(0) == []
    assert len(receiver(channels, REFRESHER).receive(PATIENCE)) == 1


def test_a_queue_that_nobody_reads_is_full_at_once_and_takes_more_when_it_was_read(channels):
    asked = sender(channels, 5)
    sent = 0
    while asked.send(request(sent, bytes(9000))):
        sent += 1
    answering = receiver(channels)
    assert sender(channels, 9).send(request(0)), "the other process has a queue of its own"
    got: list[int] = []
    while found := answering.receive(0):
        got += [each.ident for channel, each in found if channel == 0]
    assert got == list(range(sent))
    assert asked.send(request(0))
    while answering.reply(0, Reply(0, bytes(9000))):
        pass
    assert answering.reply(1, Reply(0, b"")), "a process that reads no replies holds up no other"


def test_one_busy_channel_leaves_room_for_the_others(channels):
    asked = sender(channels, 5)
    for number in range(200):
        assert asked.send(request(number, b""))
    assert sender(channels, 9).send(request(0))
    found = receiver(channels).receive(PATIENCE)
    assert {channel for channel, _ in found} == {0, 1}
    assert len(found) < 200


def test_idents_differ_from_those_of_a_process_before(channels):
    first, second = sender(channels, 5), sender(channels, 5)
    assert not {first.ident() for _ in range(9)} & {second.ident() for _ in range(9)}


def test_either_process_may_be_restarted():
    block = SharedBlock.create(1, 5, Config(repo=Path("here")))
    channels = Channels(block.senders)
    (worker, http) = block.senders
    sending = block.with_channels(channels.sending(worker))
    receiving = block.with_channels(channels.receiving(UPDATER))
    for _ in range(2):
        assert finished(run(ask, sending)) == 0
        assert finished(run(echo, receiving)) == 0
    assert len(replies(sender(channels, worker))) == 2, "the predecessor's, which a new process drops"
    assert not list(sender(channels, http).replies())
    channels.close()
    block.close()
