"""Worlds of zones under one responder, asked and held to the laws of every answer, whatever stands in the zones."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle
from random import Random
from typing import Final

import dns.exception
import dns.message

import hostile_aliases  # noqa: F401 its kinds, as those of the next two
import hostile_chains  # noqa: F401
import hostile_piles  # noqa: F401
from costkit import Meter, Shelf, calls_of
from hostile_queries import QueryMaker
from hostile_zones import BAD, BESIDE, CHILD, HONEST, KINDS, honest, make
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.responder import Responder
from zonegit.dns.wire.message import Rcode, Transport
from zonegit.errors import ZonegitError
from zonegit.model.rdata import DS

UDP_SIZE: Final = 1232
READ_BACK: Final = 41
"""One in so many responses is read by dnspython."""
WATCHED: Final = 97
"""In one of so many queries the calls of functions are counted."""
ROUND: Final = 25
"""Queries until a world gets a responder that has answered nothing yet."""
_RCODES: Final = {Rcode.NOERROR, Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NXDOMAIN, Rcode.REFUSED, Rcode.YXDOMAIN}
_ASKED: Final = (0, 0, 0, 0, 1, 2, 2, 3)
"""Which zone a query is for: the hostile one, the one beside it, the honest ones."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a world can be found again, and a query in it."""

    kind: str
    seed: int
    trees: bool
    """Whether zones are read from their trees, rather than from served views."""
    packet: bytes = b""
    transport: Transport = Transport.UDP
    client: bytes = b""

    def __str__(self) -> str:
        read = "trees" if self.trees else "views"
        return f"{self.kind} {self.seed} ({read}), {self.transport.name} {self.packet.hex()}"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one query took."""

    place: Place
    reads: int
    bytes: int
    hashes: int
    passed: int
    calls: int = 0
    """Of functions; 0 where they weren't counted."""


class World:
    """A hostile zone and those that are served with it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        hostile = make(place.kind, BAD, place.seed)
        good = [honest(apex, hostile.traps) for apex in (HONEST, CHILD)]
        zones = (hostile, make("beside", BESIDE, place.seed), *good)
        self.shelf = Shelf(*zones)
        self.rng = Random(f"{place.kind} {place.seed} {place.trees}")
        self.askers = [QueryMaker(zone, self.rng) for zone in zones]
        self.whole = hostile.whole
        self.largest = hostile.largest
        self.errors: list[Exception] = []
        """That were raised inside and aren't what the program raises for what it can't read."""

    @property
    def meter(self) -> Meter:
        return self.shelf.meter

    def costs(self, times: int) -> Iterator[Cost]:
        """Ask so many queries, look at each answer, and tell what it took."""
        place = self.place
        for number in range(times):
            if number % ROUND == 0:
                responder = self.fresh()
            packet, transport, client = self.askers[self.rng.choice(_ASKED)].query()
            here = replace(place, packet=packet, transport=transport, client=client)
            found: list[bytes | None] = []

            def ask() -> None:
                found.append(responder.respond(packet, Requestor(client, transport)))  # noqa: B023 called at once

            meter = self.meter
            meter.clear()
            calls = 0
            if number % WATCHED:
                ask()
            else:
                calls = calls_of(ask)
            check(here, found[0], read=number % READ_BACK == 0, whole=self.whole)
            yield Cost(here, meter.reads, meter.bytes, meter.hashes, meter.passed, calls)

    def fresh(self) -> Responder:
        """A responder that has answered nothing yet."""
        return self.shelf.responder(self._log, trees=self.place.trees)

    def _log(self, _message: str, error: Exception) -> None:
        if not isinstance(error, ZonegitError):
            self.errors.append(error)


def check(place: Place, answer: bytes | None, *, read: bool, whole: bool) -> None:
    """The laws of every answer: its form, its rcode, and that nobody's damage reaches the honest zone."""
    packet = place.packet
    assert answer is not None, place
    assert answer[:2] == packet[:2], place
    assert answer[2] & 0xF8 == 0x80, place
    assert len(answer) <= (UDP_SIZE if place.transport is Transport.UDP else 65535), place
    rcode = answer[3] & 15
    assert rcode in _RCODES, place
    asked = question(packet)
    if rcode != Rcode.FORMERR:
        assert answer[12 : 12 + len(asked)] == asked, place
    name = asked[:-4].lower()
    ours = name.endswith(CHILD) and (name != CHILD or asked[-4:-2] != DS.to_bytes(2, "big"))
    if ours or name.endswith(HONEST):
        assert rcode != Rcode.SERVFAIL, f"damage reaches an honest zone: {place}"
    if read:
        try:
            message = dns.message.from_wire(answer, continue_on_error=not whole)
        except dns.exception.DNSException as error:
            raise AssertionError(f"can't be read: {place}") from error
        assert message.id == int.from_bytes(packet[:2], "big"), place


def question(packet: bytes) -> bytes:
    """Name, type and class that a query asks for."""
    at = 12
    while packet[at]:
        at += 1 + packet[at]
    return packet[12 : at + 5]


def places(times: int, each: int, rng: Random) -> Iterator[tuple[Place, int]]:
    """Worlds of all kinds in turn, and how often each is asked: so often in all."""
    for kind in cycle(sorted(KINDS)):
        yield Place(kind, rng.getrandbits(32), trees=rng.random() < 0.5), min(times, each)
        times -= each
        if times <= 0:
            return
