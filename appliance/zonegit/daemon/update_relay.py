"""Passes UPDATE messages on to the updater, and its replies to the clients. One for both threads of a DNS worker.

How many may be open is bounded, in all and for each source, and so is how many come to nothing (`Strangers`). More
are answered SERVFAIL at once, and so is what the updater doesn't answer in time. It doesn't apply what is that old
(`daemon.updater`).
"""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Final, NamedTuple

from zonegit.daemon.channels import PATIENCE, Request, Sender
from zonegit.daemon.update_strangers import BURST, BURST_EACH, RATE, RATE_EACH, Strangers
from zonegit.dns.recipient import Recipient
from zonegit.dns.update.message import response
from zonegit.dns.wire.message import Rcode, Transport
from zonegit.net.dns.connections import source_of

MOST: Final = 512
"""Updates that a worker may have open."""
PER_SOURCE: Final = 256
"""Of these, from one IPv4 address or IPv6 /64, over UDP or over connections."""
_FOR_STRANGERS: Final = 0.75
"""The part of `MOST` that sources may have whose signatures haven't verified yet."""


class _Source(NamedTuple):
    is_datagram: bool
    """Whether its address may be forged: nobody can use up what a connection may have open."""
    address: bytes


class _Open(NamedTuple):
    request: Request
    recipient: Recipient
    source: _Source


class UpdateRelay:
    """`net.dns.answering.Replies`, over the channel to the updater."""

    def __init__(self, sender: Sender, clock: Callable[[], float] = monotonic) -> None:
        """`clock`: seconds, by which failures count."""
        self._sender = sender
        self._open: dict[int, _Open] = {}
        """In the order in which they came."""
        self._sources: dict[_Source, int] = {}
        self._strangers = {
            True: Strangers(RATE, BURST, each=False, clock=clock),
            False: Strangers(RATE_EACH, BURST_EACH, each=True, clock=clock),
        }
        """By whether they send datagrams."""
        self._lock = Lock()
        """Over these three; never held while something is sent."""

    def pass_on(self, packet: bytes, client: bytes, transport: Transport, recipient: Recipient) -> bool:
        """Have an UPDATE answered later; False if too many are open. From either thread."""
        request = Request(self._sender.ident(), monotonic(), transport, client, packet)
        source = _Source(transport is Transport.UDP, source_of(client))
        if not self._enter(_Open(request, recipient, source)):
            return False
        if self._sender.send(request):
            return True
        self._take(request.ident)
        return False

    def fileno(self) -> int:
        return self._sender.fileno()

    def deliver(self) -> None:
        for reply in self._sender.replies():
            found = self._take(reply.ident)
            if found is not None:
                with self._lock:
                    self._strangers[found.source.is_datagram].answered(found.source.address, reply.packet)
                found.recipient.deliver(reply.packet)

    def expire(self) -> int:
        limit = monotonic() - PATIENCE
        with self._lock:
            late = [ident for ident, each in self._open.items() if each.request.arrived <= limit]
        for found in map(self._take, late):
            if found is not None:
                found.recipient.deliver(response(found.request.packet, Rcode.SERVFAIL))
        return len(self._open)

    def _enter(self, opened: _Open) -> bool:
        with self._lock:
            count = self._sources.get(opened.source, 0)
            if count >= PER_SOURCE or len(self._open) >= self._most(opened.source):
                return False
            self._sources[opened.source] = count + 1
            self._open[opened.request.ident] = opened
            return True

    def _most(self, source: _Source) -> float:
        """The number of open updates up to which this source may have another one."""
        strangers = self._strangers[source.is_datagram]
        if strangers.knows(source.address):
            return MOST
        return MOST * _FOR_STRANGERS if strangers.admits(source.address) else 0

    def _take(self, ident: int) -> _Open | None:
        with self._lock:
            found = self._open.pop(ident, None)
            if found is not None:
                left = self._sources[found.source] - 1
                if left:
                    self._sources[found.source] = left
                else:
                    del self._sources[found.source]
        return found
