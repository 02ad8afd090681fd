"""Any DNS packet is answered or dropped as its header alone says, whatever carried it, and nothing is logged.

`make fuzz` also holds the time: no packet costs more than 10 ms of a processor.
"""

import random
from collections.abc import Iterator
from time import thread_time

import dns.message
import pytest

from fuzzkit import CLIENTS, SHARD, TIMES, corpus, damaged, longest_packets, serving, shards, signed_queries
from zonegit.daemon.live_zones import LiveZones
from zonegit.dns.wire.message import Transport

LONGEST = 0.010
"""Seconds of processor time."""
UDP_SIZE = 1232
READ_BACK = 97
"""One in so many responses is read by dnspython, if it is to a query."""

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture
def served(tmp_path) -> Iterator[LiveZones]:
    with serving(tmp_path / "repo") as (zones, log):
        yield zones
        assert log == []


def answers(zones: LiveZones, packet: bytes, transport: Transport, client: bytes) -> list[bytes]:
    """All messages that a packet gets, by the way that the loops take."""
    if transport is Transport.UDP:
        found = zones.cache.get(packet[2:]) or zones.ways.fast_path(packet[2:])
        if found is not None:
            return [packet[:2] + found[0]]
        answer = zones.respond_udp(packet, client)
        return [] if answer is None else [answer]
    answered = zones.respond_tcp(packet, client, transport)
    if answered is None:
        return []
    return [answered] if isinstance(answered, bytes) else [message for message in answered if message]


def check(packet: bytes, transport: Transport, found: list[bytes]) -> None:
    """The laws of every response."""
    assert bool(found) == (len(packet) >= 12 and packet[2] < 0x80)
    for message in found:
        assert message[:2] == packet[:2]
        assert message[2] & 0xF8 == packet[2] & 0x78 | 0x80, "QR, and the opcode of the query"
        assert message[3] & 0x70 == 0, "RA, Z and AD are clear"
        assert len(message) <= (UDP_SIZE if transport is Transport.UDP else 65535)


@pytest.mark.parametrize("times", shards())
def test_packets(served, times):
    seed = random.getrandbits(32)
    rng = random.Random(seed)
    samples = corpus() + signed_queries()
    transports = tuple(Transport)
    slow: dict[bytes, float] = {}
    number = 0
    packet = b""
    try:
        served.check()
        served.begin()
        for number in range(times):
            packet = samples[number] if number < len(samples) else damaged(rng, samples)
            transport = transports[number % 3]
            began = thread_time()
            found = answers(served, packet, transport, CLIENTS[number % len(CLIENTS)])
            took = thread_time() - began
            if took > LONGEST:
                slow[packet] = took
            check(packet, transport, found)
            if found and number % READ_BACK == 0 and not packet[2] & 0x78:
                dns.message.from_wire(found[0], keyring=False)
    except Exception as error:
        raise AssertionError(f"seed {seed}, input {number}: {packet.hex()}") from error
    finally:
        served.done()
    if TIMES > SHARD:
        assert len(slow) <= 3 and not [packet.hex() for packet in slow if is_slow(served, packet)]


def test_the_longest_packets(served):
    served.check()
    served.begin()
    for packet in longest_packets():
        for transport in (Transport.TCP, Transport.TLS):
            check(packet, transport, answers(served, packet, transport, CLIENTS[0]))
        assert TIMES <= SHARD or not is_slow(served, packet), packet[:50].hex()


def is_slow(zones: LiveZones, packet: bytes) -> bool:
    """Whether a packet costs too much each time, with no cache to help: once may be the machine's."""
    times = []
    zones.begin()
    for _ in range(5):
        zones.cache.clear()
        for transport in Transport:
            began = thread_time()
            answers(zones, packet, transport, CLIENTS[0])
            times.append(thread_time() - began)
    zones.done()
    return min(times[0::3]) > LONGEST or min(times[1::3]) > LONGEST or min(times[2::3]) > LONGEST


def test_the_corpus_is_what_it_says(served):
    """All rcodes that a query can get are among the answers, some are transfers, and some packets get none."""
    served.check()
    served.begin()
    found = [answers(served, packet, Transport.TCP, CLIENTS[0]) for packet in corpus()]
    served.done()
    rcodes = {messages[0][3] & 15 for messages in found if messages}
    assert rcodes >= {0, 1, 3, 4, 5, 9}
    assert [] in found
    assert any(messages and messages[0][6:8] > b"\0\x20" for messages in found), "a whole zone"
