"""What isn't an ordinary query: signed ones (RFC 8945), transfers, NOTIFY (RFC 1996). The rest is the responder's.

A signed packet is verified and stripped, answered as if it had come without its signature, and the response is
signed; one that can't be verified gets NOTAUTH with the reason, one that can't be read FORMERR.
"""

from collections.abc import Callable, Iterator, MutableSequence
from typing import Final

from zonegit.dns import tsig
from zonegit.dns.message import (
    AA,
    HEADER,
    HEADER_SIZE,
    MAX_MESSAGE,
    QR,
    TC,
    Query,
    Rcode,
    Transport,
    parse,
)
from zonegit.dns.options import Refused, tell_nobody
from zonegit.dns.responder import Responder
from zonegit.dns.stats import NOTIFIES_OK, NOTIFIES_REFUSED
from zonegit.dns.transfer import Asker
from zonegit.model.names import WireName
from zonegit.model.rdata import CLASS_IN, SOA

Notified = Callable[[WireName, bytes, WireName | None], Rcode]
"""`(apex, client, key)`: what a NOTIFY of a zone does here, told by its rcode."""
Answer = bytes | Iterator[bytes] | None

_RCODE: Final = 15
_AXFR_IN: Final = b"\x00\xfc\x00\x01"
_IXFR_IN: Final = b"\x00\xfb\x00\x01"
_NOTIFIES: Final = frozenset(bytes((4 << 3 | bits,)) for bits in range(8))
"""The first byte of flags of a NOTIFY."""


def is_special(packet: bytes) -> bool:
    """Whether a packet may be one for the front; seldom true of others."""
    return tsig.MARK in packet or _IXFR_IN in packet or _AXFR_IN in packet or packet[2:3] in _NOTIFIES


def not_authoritative(_apex: WireName, _client: bytes, _key: WireName | None) -> Rcode:
    """What a server that mirrors nothing says to a NOTIFY, as Knot DNS does."""
    return Rcode.NOTAUTH


class Front:
    """Stands before one responder. `keys` may be replaced at any time."""

    def __init__(
        self,
        responder: Responder,
        keys: tsig.Keys,
        clock: Callable[[], float],
        udp_size: int,
        stats: MutableSequence[int],
        notified: Notified = not_authoritative,
        refused: Refused = tell_nobody,
    ) -> None:
        """`clock` is Unix seconds; `udp_size` the largest response over UDP; `stats` the responder's counters."""
        self._refused = refused
        self.keys = keys
        self._responder = responder
        self._error = responder.without_zone
        self._clock = clock
        self._udp_size = udp_size
        self._stats = stats
        self._notified = notified

    def respond(self, packet: bytes, transport: Transport, client: bytes) -> Answer:
        """The response, the messages of a transfer (an empty one stands for a pause), or None for none."""
        if len(packet) < HEADER_SIZE or packet[2] & QR >> 8:
            return self._responder.respond(packet, transport, client)
        try:
            record = tsig.find(packet)
            if record is None:
                return self._plain(packet, Asker(client, None, transport))
            code = tsig.check(packet, record, self.keys, int(self._clock()))
        except tsig.Malformed:
            return self._error(_parsed(packet), Rcode.FORMERR, transport, client)
        if code:
            return self._distrust(packet, record, code, transport, client)
        return self._signed(packet, record, transport, client)

    def _plain(self, packet: bytes, asker: Asker) -> Answer:
        if packet[2:3] in _NOTIFIES:
            return self._notify(packet, asker)
        transfer = self._responder.transfer(packet, asker)
        if transfer is None:
            return self._responder.respond(packet, asker.transport, asker.client, asker)
        return next(transfer) if asker.transport is Transport.UDP else transfer

    def _notify(self, packet: bytes, asker: Asker) -> bytes:
        """The response to a NOTIFY (RFC 1996 §3.7)."""
        query = _parsed(packet)
        if query.version:
            return self._error(query, Rcode.BADVERS, asker.transport, asker.client)
        if query.rcode or query.qtype != SOA or query.qclass != CLASS_IN:
            return self._error(query, Rcode.FORMERR, asker.transport, asker.client)
        rcode = self._notified(query.name, asker.client, asker.key)
        self._stats[NOTIFIES_REFUSED if rcode else NOTIFIES_OK] += 1
        return self._error(query, rcode, asker.transport, asker.client, flags=AA)

    def _signed(self, packet: bytes, record: tsig.Record, transport: Transport, client: bytes) -> Answer:
        key = self.keys[record.name]
        bare = packet[:2] + tsig.without(packet, record)[2:]
        answer = self._plain(bare, Asker(client, key.name, transport, key.room))
        signature = tsig.Signature(key, record.mac)
        if answer is None:
            return None
        if not isinstance(answer, bytes):
            return self._each_signed(answer, signature)
        query = _parsed(bare)
        limit = min(query.size, self._udp_size) if transport is Transport.UDP else MAX_MESSAGE
        if len(answer) + key.room > limit:
            answer = _cut(answer, query)
        return signature.sign(answer, int(self._clock()))

    def _each_signed(self, messages: Iterator[bytes], signature: tsig.Signature) -> Iterator[bytes]:
        for message in messages:
            yield signature.sign(message, int(self._clock())) if message else message

    def _distrust(
        self, packet: bytes, record: tsig.Record, code: int, transport: Transport, client: bytes
    ) -> bytes:
        """The response to a signature that doesn't hold (RFC 8945 §5.3.2)."""
        query = _parsed(packet)
        self._refused(client, query.name, record.name, tsig.reason(code))
        response = self._error(query, Rcode.NOTAUTH, transport, client)
        now = int(self._clock())
        if code in (tsig.BADKEY, tsig.BADSIG):
            return tsig.with_record(response, (record.name, record.algorithm), now, b"", code)
        signature = tsig.Signature(self.keys[record.name], record.mac)
        if code == tsig.BADTIME:
            return signature.sign(response, record.time, code, now.to_bytes(6, "big"))
        return signature.sign(response, now, code)


def _parsed(packet: bytes) -> Query:
    """A packet that has a whole header and is no response."""
    return parse(packet) or Query(packet[:2], 0)


def _cut(answer: bytes, query: Query) -> bytes:
    """What is left of a response with no room for its signature: header, without an rcode, and question.

    RFC 8945 §5.3.
    """
    flags = int.from_bytes(answer[2:4], "big") & ~_RCODE | TC
    return answer[:2] + HEADER.pack(0, flags, bool(query.question), 0, 0, 0)[2:] + query.question
