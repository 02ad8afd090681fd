"""Which UPDATE messages a DNS worker answers itself: those that need neither a zone's data nor a key.

A message that can't be read is answered FORMERR, one without a TSIG record REFUSED, and SERVFAIL if too many wait.
"""

from collections.abc import Callable
from typing import Final

from zonegit.daemon.update_relay import UpdateRelay
from zonegit.dns.access import tsig
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.recipient import Recipient
from zonegit.dns.responder import Responder
from zonegit.dns.stats import request_slot
from zonegit.dns.wire.message import Query, Rcode, parse
from zonegit.model.names import WireName

UNSIGNED: Final = "unsigned"
BUSY: Final = "busy"

Refused = Callable[[bytes, WireName, str], None]
"""Called with the client and the zone of an UPDATE that is refused, and why: one of the above."""


class UpdateIntake:
    """For one thread. `relay` is shared with the other one."""

    def __init__(self, responder: Responder, relay: UpdateRelay, refused: Refused) -> None:
        self._responder = responder
        self._relay = relay
        self._refused = refused

    def answer(self, packet: bytes, requestor: Requestor, recipient: Callable[[], Recipient]) -> bytes | None:
        """The response to an UPDATE; None if the recipient gets it later."""
        query = parse(packet) or Query(packet[:2], 0)
        rcode = self._refusal(packet, query, requestor)
        if rcode is None and self._relay.pass_on(packet, requestor.client, requestor.transport, recipient()):
            self._responder.stats[request_slot(requestor.transport, requestor.client)] += 1
            return None
        if rcode is None:
            self._refused(requestor.client, query.name, BUSY)
        return self._responder.without_zone(query, requestor, Rcode.SERVFAIL if rcode is None else rcode)

    def _refusal(self, packet: bytes, query: Query, requestor: Requestor) -> Rcode | None:
        try:
            record = tsig.find(packet)
        except tsig.Malformed:
            return Rcode.FORMERR
        if query.rcode:
            return query.rcode
        if record is None:
            self._refused(requestor.client, query.name, UNSIGNED)
            return Rcode.REFUSED
        return None
