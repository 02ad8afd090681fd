"""Which UPDATE messages came before: those that are being applied, and the responses to those that were.

A signature says neither who sent a message nor that it is the first time (RFC 8945 §10). Whoever has seen one might
send it again, from anywhere, once a later UPDATE has undone it. So a message counts once, wherever it comes from,
for as long as its signature holds.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from zonegit.daemon.channels import Arrival
from zonegit.dns.access.tsig import FUDGE
from zonegit.dns.update.signed import SignedUpdate
from zonegit.dns.wire.message import Rcode
from zonegit.model.names import WireName
from zonegit.repo.updating.values import Asked

KEPT: Final = 30.0
"""Seconds for which a response is kept; clients repeat a message within a few."""
MOST: Final = 4096
"""Responses that are kept."""
REMEMBERED: Final = 2.0 * FUDGE
"""Seconds for which a signature may hold: it may have been made by a clock that is ahead by the fudge."""
MOST_REMEMBERED: Final = 65_536
"""Messages that are remembered, of some 150 bytes each."""
PARCEL: Final = 128 << 10
"""Bytes of messages in one transaction: it takes a second at most, and others wait for it."""


@dataclass(slots=True)
class Waiting:
    """A verified UPDATE that is to be applied."""

    came: Arrival
    signed: SignedUpdate
    asked: Asked
    repeated: list[Arrival] = field(default_factory=list)
    """The same message, which came again meanwhile."""


def next_parcel(waiting: list[Waiting]) -> tuple[list[Waiting], list[Waiting]]:
    """What the next transaction takes in of these, and what is left. No key's messages hold up another key's.

    The order of each key's messages stays.
    """
    asked: Counter[WireName] = Counter()
    places: list[tuple[int, int]] = []
    for number, each in enumerate(waiting):
        asked[each.asked.key] += len(each.signed.bare)
        places.append((asked[each.asked.key], number))
    if asked.total() <= PARCEL:
        return waiting, []
    size, taken = 0, list[int]()
    for _, number in sorted(places):
        size += len(waiting[number].signed.bare)
        if taken and size > PARCEL:
            break
        taken.append(number)
    left = set(range(len(waiting))).difference(taken)
    return [waiting[number] for number in taken], [waiting[number] for number in sorted(left)]


class AnsweredUpdates:
    """For one process. Only messages with a good signature are entered, so others can't displace them."""

    def __init__(self) -> None:
        self._open: dict[bytes, Waiting] = {}
        self._answered: OrderedDict[bytes, bytes] = OrderedDict()
        self._when: OrderedDict[bytes, float] = OrderedDict()
        """When each message was answered, of these and of earlier ones."""

    def opened(self, signed: SignedUpdate) -> Waiting | None:
        """The same message, if it is being applied."""
        return self._open.get(signed.ident)

    def answer(self, signed: SignedUpdate, now: int) -> bytes | None:
        """The response to the same message, if it was answered before; REFUSED if that is long ago.

        `now` is Unix seconds.
        """
        when, time = self._when.get(signed.ident), monotonic()
        if when is None or when < time - REMEMBERED:
            return None
        found = self._answered.get(signed.ident) if when >= time - KEPT else None
        return signed.response(Rcode.REFUSED, now) if found is None else found

    def open(self, waiting: Waiting) -> None:
        """Note that a message is being applied."""
        self._open[waiting.signed.ident] = waiting

    def close(self, waiting: Waiting, answer: bytes | None) -> None:
        """Note its response; None if it may be tried again."""
        ident = waiting.signed.ident
        self._open.pop(ident, None)
        if answer is not None:
            self._answered[ident], self._when[ident] = answer, monotonic()
            for kept, most in ((self._answered, MOST), (self._when, MOST_REMEMBERED)):
                if len(kept) > most:
                    kept.popitem(last=False)
