"""Which UPDATE messages came before: those that are being applied, and the responses to those that were."""

from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b
from time import monotonic
from typing import Final

from zonegit.daemon.channels import Arrival, Request
from zonegit.dns.update.signed import SignedUpdate
from zonegit.repo.updating.values import Asked

KEPT: Final = 30.0
"""Seconds for which a response is kept; clients repeat a message within a few."""
MOST: Final = 4096
"""Responses that are kept."""


@dataclass(slots=True)
class Waiting:
    """A verified UPDATE that is to be applied."""

    came: Arrival
    signed: SignedUpdate
    asked: Asked
    repeated: list[Arrival] = field(default_factory=list)
    """The same message from the same client, which came again meanwhile."""


class AnsweredUpdates:
    """For one process. Only messages with a good signature are entered, so others can't displace them."""

    def __init__(self) -> None:
        self._open: dict[bytes, Waiting] = {}
        self._answered: OrderedDict[bytes, tuple[float, bytes]] = OrderedDict()

    def opened(self, request: Request) -> Waiting | None:
        """The same message, if it is being applied."""
        return self._open.get(_digest(request))

    def answer(self, request: Request) -> bytes | None:
        """The response to the same message, if it was applied before."""
        found = self._answered.get(_digest(request))
        return None if found is None or found[0] < monotonic() - KEPT else found[1]

    def open(self, waiting: Waiting) -> None:
        """Note that a message is being applied."""
        self._open[_digest(waiting.came.request)] = waiting

    def close(self, waiting: Waiting, response: bytes | None) -> None:
        """Note its response; None if it may be tried again."""
        digest = _digest(waiting.came.request)
        self._open.pop(digest, None)
        if response is not None:
            self._answered[digest] = monotonic(), response
            if len(self._answered) > MOST:
                self._answered.popitem(last=False)


def _digest(request: Request) -> bytes:
    return blake2b(request.client + request.packet, digest_size=16).digest()
