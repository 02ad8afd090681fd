"""Forwards UPDATE messages for zones that are written elsewhere, and relays the responses (RFC 2136 §6).

Whose messages are forwarded is decided here, so that nobody can use this node as a relay: by default theirs who
sign with a key whose file is here, which is verified. How many may be open is bounded. A message that its client
repeats meanwhile is not sent twice, and one that comes back another way has gone in a circle.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from zonegit.daemon.channels import Arrival
from zonegit.daemon.update_origin import Origin, origin_of
from zonegit.daemon.update_report import OTHER
from zonegit.dns.access import tsig
from zonegit.dns.update.message import response
from zonegit.dns.update.signed import SignedUpdate
from zonegit.dns.wire.message import Rcode
from zonegit.model.names import WireName
from zonegit.net.dns.connections import source_of
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.samples import Samples
from zonegit.store.port import Store

if TYPE_CHECKING:
    from zonegit.daemon.update_sending import Outcome, UpdateSending

SECONDS: Final = 12.0
"""After which a client is answered SERVFAIL; less than `channels.PATIENCE`."""
MOST: Final = 256
"""Messages on their way."""
PER_SOURCE: Final = 64
"""Of these, from one IPv4 address or IPv6 /64."""
UNVERIFIED: Final = 32
"""Of all of them, those whose signature only the primary can verify."""
BUSY: Final = "busy"
"""The result of what exceeds these bounds."""
CIRCLE: Final = "circle"
"""That of a message that has been forwarded from here before."""
SOON: Final = 0.05
"""Seconds after which the outcomes are looked at again."""
_LINES: Final = 10
"""Lines a minute about what couldn't be forwarded."""

_logger: Final = logging.getLogger(__name__)

Send = Callable[[Arrival, bytes], object]
"""Sends the response to a request. Called in any thread."""


@dataclass(slots=True)
class _Open:
    """A message on its way."""

    came: Arrival
    zone: str
    signed: SignedUpdate | None
    """None if only the primary can verify it."""
    repeated: list[Arrival] = field(default_factory=list)
    """The same message from the same client, which came again meanwhile."""


class UpdateForwarding:
    """For one thread, but for what it starts itself."""

    def __init__(
        self, store: Store, config: Config, samples: Samples, send: Send, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._config = config
        self._samples = samples
        self._send = send
        self._clock = clock
        self._sending: UpdateSending | None = None
        self._open: dict[bytes, _Open] = {}
        self._sources: Counter[bytes] = Counter()
        self._unverified = 0
        self._outcomes: deque[Outcome] = deque()
        """What the thread has to report."""
        self._shown: set[str] = set()
        self._allowance = log.Allowance(_LINES)

    def configure(self, config: Config) -> None:
        """Use another configuration, and its keys."""
        self._config = config
        if self._sending is not None:
            self._sending.configure(config)

    @property
    def waiting(self) -> int:
        """How many messages are on their way."""
        return len(self._open)

    def origin(self, zone: str) -> Origin | None:
        """Where a zone (canonical name) is written; None if it is written here, or nothing is forwarded."""
        if not self._config.forwards_updates:
            return None
        with self._store.read() as reader:
            return origin_of(reader, self._config, zone)

    def allows(self, came: Arrival, zone: str, signed: SignedUpdate | None) -> bool:
        """Whether a message may be forwarded. `signed` is None if its key's file isn't here."""
        allowed = self._config.zone(zone).update_forwarding
        if allowed is None:
            return signed is not None
        name = _key_name(came.request.packet) if signed is None else signed.key.name
        return name is not None and allowed.allows(came.request.client, name)

    def forward(self, came: Arrival, zone: str, origin: Origin, signed: SignedUpdate | None) -> None:
        """Have a message answered that is allowed."""
        request = came.request
        ident = blake2b(request.packet[2:], digest_size=16).digest()
        opened = self._open.get(ident)
        new = _Open(came, zone, signed)
        if opened is not None:
            if _whence(opened.came) == _whence(came):
                opened.repeated.append(came)
            else:
                self._fail(new, CIRCLE, "it came back here: two nodes take each other for the primary")
        elif not self._has_room(new):
            self._fail(new, BUSY, "too many UPDATEs are on their way")
        else:
            self._enter(ident, new, 1)
            from zonegit.daemon.update_sending import Message

            deliver = partial(self._send, came)
            self._thread().send(Message(ident, request.packet, origin, request.arrived + SECONDS, deliver))

    def settle(self) -> None:
        """Answer what couldn't be forwarded, and the repetitions of what could."""
        while self._outcomes:
            self._settle(self._outcomes.popleft())

    def close(self) -> None:
        """Answer SERVFAIL to what is on its way, and end the thread."""
        if self._sending is not None:
            self._sending.close()
        self.settle()
        for ident, opened in list(self._open.items()):
            self._enter(ident, opened, -1)
            self._fail(opened, "ended", "zonegitd ends")

    def _settle(self, outcome: "Outcome") -> None:
        opened = self._open[outcome.ident]
        self._enter(outcome.ident, opened, -1)
        if outcome.answer is None:
            self._fail(opened, outcome.failure, outcome.why)
            return
        for each in opened.repeated:
            self._send(each, outcome.answer)
        self._count(opened.zone, _rcode_text(outcome.answer))

    def _fail(self, opened: _Open, result: str, why: str) -> None:
        """Answer SERVFAIL to a message and its repetitions."""
        for came in (opened.came, *opened.repeated):
            packet = came.request.packet
            if opened.signed is None:
                self._send(came, response(packet, Rcode.SERVFAIL))
            else:
                self._send(came, opened.signed.response(Rcode.SERVFAIL, int(self._clock())))
        self._count(opened.zone, result)
        more = self._allowance.take((opened.zone, result, why))
        if more is not None:
            log.event(_logger, "cannot forward UPDATEs", logging.WARNING, zone=opened.zone, why=why, **more)

    def _has_room(self, new: _Open) -> bool:
        return (
            len(self._open) < MOST
            and self._sources[source_of(new.came.request.client)] < PER_SOURCE
            and (new.signed is not None or self._unverified < UNVERIFIED)
        )

    def _enter(self, ident: bytes, opened: _Open, step: int) -> None:
        """Enter a message, by 1, or remove it, by -1."""
        source = source_of(opened.came.request.client)
        self._sources[source] += step
        self._unverified += step * (opened.signed is None)
        if step > 0:
            self._open[ident] = opened
            return
        del self._open[ident]
        if not self._sources[source]:
            del self._sources[source]

    def _thread(self) -> "UpdateSending":
        if self._sending is None:
            from zonegit.daemon.update_sending import UpdateSending

            self._sending = UpdateSending(self._config, self._outcomes.append)
        return self._sending

    def _count(self, zone: str, result: str) -> None:
        """Count a message. Only so many zones have series of their own."""
        metrics = self._config.metrics
        if metrics is not None and (len(self._shown) < metrics.per_zone or zone in metrics.zones):
            self._shown.add(zone)
        self._samples.inc("updates_forwarded_total", zone=zone if zone in self._shown else OTHER, result=result)


def _whence(came: Arrival) -> tuple[object, ...]:
    """By which a repetition is told from a message that has gone in a circle."""
    return came.request.client, came.request.transport


def _key_name(packet: bytes) -> WireName | None:
    try:
        record = tsig.find(packet)
    except tsig.Malformed:
        return None
    return None if record is None else record.name


def _rcode_text(answer: bytes) -> str:
    try:
        return Rcode(answer[3] & 15).name
    except ValueError:
        return OTHER
