"""Sorts packets that aren't ordinary queries: signed ones (RFC 8945), transfers and NOTIFY (RFC 1996).

A signed packet is verified, stripped and answered like any other, and the response is signed. If the signature
doesn't verify, the response is NOTAUTH with the TSIG error; if the packet can't be read, FORMERR.
"""

from collections.abc import Callable, Iterator, MutableSequence
from typing import Final

from zonegit.dns.access import tsig
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.responder import Responder
from zonegit.dns.stats import NOTIFIES_OK, NOTIFIES_REFUSED
from zonegit.dns.transfer.options import Refused, tell_nobody
from zonegit.dns.wire.message import (
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
from zonegit.model.names import WireName
from zonegit.model.rdata import CLASS_IN, SOA

Notified = Callable[[bytes, WireName, bytes, WireName | None], Rcode]
"""`(packet, apex, client, key)`: handles a NOTIFY for a zone and returns the rcode of the response."""
Answer = bytes | Iterator[bytes] | None

_RCODE: Final = 15
_AXFR_IN: Final = b"\x00\xfc\x00\x01"
_IXFR_IN: Final = b"\x00\xfb\x00\x01"
_NOTIFIES: Final = frozenset(bytes((4 << 3 | bits,)) for bits in range(8))
"""What the first byte of a NOTIFY's flags may be."""


def is_special(packet: bytes) -> bool:
    """Whether a packet may need the dispatcher; seldom true of others."""
    return tsig.TSIG_ANY in packet or _IXFR_IN in packet or _AXFR_IN in packet or packet[2:3] in _NOTIFIES


def not_authoritative(_packet: bytes, _apex: WireName, _client: bytes, _key: WireName | None) -> Rcode:
    """The rcode for a NOTIFY on a server that mirrors nothing, as in Knot DNS."""
    return Rcode.NOTAUTH


class Dispatcher:
    """Stands in front of one responder. `keys` may be replaced at any time."""

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

    def respond(self, packet: bytes, requestor: Requestor) -> Answer:
        """The response, the messages of a transfer (an empty one stands for a pause), or None for no response.

        `requestor` has no signer yet: it is determined here.
        """
        if len(packet) < HEADER_SIZE or packet[2] & QR >> 8:
            return self._responder.respond(packet, requestor)
        try:
            record = tsig.find(packet)
            if record is None:
                return self._plain(packet, requestor)
            code = tsig.check(packet, record, self.keys, int(self._clock()))
        except tsig.Malformed:
            return self._error(_parsed(packet), requestor, Rcode.FORMERR)
        if code:
            return self._refuse_signature(packet, record, code, requestor)
        return self._signed(packet, record, requestor)

    def _plain(self, packet: bytes, requestor: Requestor) -> Answer:
        if packet[2:3] in _NOTIFIES:
            return self._notify(packet, requestor)
        transfer = self._responder.transfer(packet, requestor)
        if transfer is None:
            return self._responder.respond(packet, requestor)
        return next(transfer) if requestor.transport is Transport.UDP else transfer

    def _notify(self, packet: bytes, requestor: Requestor) -> bytes:
        """The response to a NOTIFY (RFC 1996 §3.7)."""
        query = _parsed(packet)
        if query.version:
            return self._error(query, requestor, Rcode.BADVERS)
        if query.rcode or query.qtype != SOA or query.qclass != CLASS_IN:
            return self._error(query, requestor, Rcode.FORMERR)
        rcode = self._notified(packet, query.name, requestor.client, requestor.signer)
        self._stats[NOTIFIES_REFUSED if rcode else NOTIFIES_OK] += 1
        return self._error(query, requestor, rcode, flags=AA)

    def _signed(self, packet: bytes, record: tsig.Record, requestor: Requestor) -> Answer:
        key = self.keys[record.name]
        bare = tsig.stripped(packet, record)
        answer = self._plain(bare, requestor.signed(key.name, key.room))
        signature = tsig.Signature(key, record.mac)
        if answer is None:
            return None
        if not isinstance(answer, bytes):
            return self._each_signed(answer, signature)
        query = _parsed(bare)
        limit = min(query.size, self._udp_size) if requestor.transport is Transport.UDP else MAX_MESSAGE
        if len(answer) + key.room > limit:
            answer = _cut(answer, query)
        return signature.sign(answer, int(self._clock()))

    def _each_signed(self, messages: Iterator[bytes], signature: tsig.Signature) -> Iterator[bytes]:
        for message in messages:
            yield signature.sign(message, int(self._clock())) if message else message

    def _refuse_signature(self, packet: bytes, record: tsig.Record, code: int, requestor: Requestor) -> bytes:
        """The response to a signature that doesn't verify (RFC 8945 §5.3.2)."""
        query = _parsed(packet)
        now = int(self._clock())
        self._refused(requestor.client, query.name, record.name, tsig.reason(code, record, self.keys, now))
        response = self._error(query, requestor, Rcode.NOTAUTH)
        return tsig.refusal(response, record, code, self.keys, now)


def _parsed(packet: bytes) -> Query:
    """The query in a packet that has a whole header and is no response."""
    return parse(packet) or Query(packet[:2], 0)


def _cut(answer: bytes, query: Query) -> bytes:
    """A response that has no room for its signature, cut to its header, with TC and no rcode, and its question.

    RFC 8945 §5.3.
    """
    flags = int.from_bytes(answer[2:4], "big") & ~_RCODE | TC
    return answer[:2] + HEADER.pack(0, flags, bool(query.question), 0, 0, 0)[2:] + query.question
