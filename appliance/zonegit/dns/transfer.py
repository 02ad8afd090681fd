"""Answers to AXFR and IXFR queries (RFC 5936, RFC 1995): who may, which of the two forms, or a refusal.

AXFR is refused over UDP by the responder. IXFR over UDP is answered in one message, with the newest SOA alone when
the differences don't fit, so that the client asks again over TCP (RFC 1995 §2). The version is pinned while it is
sent.
"""

from collections.abc import Callable, Iterable, Iterator, MutableSequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from zonegit.dns.axfr import whole
from zonegit.dns.held import Held
from zonegit.dns.message import HEADER_SIZE, MAX_MESSAGE, QR, Query, Rcode, Transport
from zonegit.dns.options import Options
from zonegit.dns.past import Past
from zonegit.dns.stats import TRANSFERS_OK, plane, query_slot, request_slot
from zonegit.dns.stream import PAUSE, Run, header, messages
from zonegit.dns.zones import Zone
from zonegit.model.names import WireName
from zonegit.model.rdata import IXFR, SOA

OK: Final = 0
REFUSED: Final = 1
FAILED: Final = 2
_PAUSES: Final = 2
_VERSIONS: Final = 16
"""How long a look for differences may take over UDP, where others wait behind it: in turns, and in versions."""
_SOA_IN: Final = b"\0\6\0\1"
_SHORTEST_SOA: Final = 22
_NOT_ALLOWED: Final = "transfer_acl names neither this address nor this key for the zone"
_NOT_HERE: Final = "no such zone is answered from here"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for a zone, and how."""

    client: bytes
    key: WireName | None = None
    """What the query was signed with."""
    transport: Transport = Transport.TCP
    reserve: int = 0
    """Bytes that a signature will take in each message."""


class Taken(NamedTuple):
    """What a transfer is made from: a zone's version follows its branch, and others have turns while it is sent."""

    soa: bytes
    everything: Iterable[Run]
    line: list[Past] | None
    """The versions from the newest to the client's, where differences are asked for and the client's is known."""


class Transfer:
    """One query for a zone, and its answer."""

    def __init__(
        self,
        held: Held,
        query: Query,
        packet: bytes,
        asker: Asker,
        options: Options,
        stats: MutableSequence[int],
        place: Callable[[bytes], int],
        opt: bytes | None,
    ) -> None:
        """`place` is a zone's place in `stats`, by apex; `opt` goes into the answer, None for a malformed query."""
        self._query = query
        self._packet = packet
        self._asker = asker
        self._options = options
        self._stats = stats
        self._place = place
        self._malformed = opt is None
        self._opt = opt or b""
        self._zone = held.exact(query.name, asker.client)
        self._incremental = query.qtype == IXFR

    def messages(self) -> Iterator[bytes]:
        """The answer, without lengths. An empty message stands for a pause.

        What is sent is settled now and read message by message as it is asked for: an answer that waits behind
        others holds next to no memory. Raises what reading the zone raises, now or later, but for UDP, where the
        one message tells of it.
        """
        zone = self._zone
        refused = self._refused()
        if refused is not None or zone is None:
            return iter((self._refusal(*(refused or (Rcode.NOTAUTH, REFUSED))),))
        if self._asker.transport is Transport.UDP:
            return iter((self._at_once(zone),))
        try:
            taken = self._taken(zone)
        except Exception:
            self._count(None, FAILED)
            raise
        return self._all(taken)

    def _refused(self) -> tuple[Rcode, int] | None:
        """What is answered instead of the zone, and how that is counted; None where nothing is in the way."""
        options, asker, zone = self._options, self._asker, self._zone
        if self._malformed:
            return Rcode.FORMERR, REFUSED
        if options.runs is None or not options.may_transfer(self._query.name, asker.client, asker.key):
            options.refused(asker.client, self._query.name, asker.key, _NOT_ALLOWED)
            return Rcode.REFUSED, REFUSED
        if zone is None:
            options.refused(asker.client, self._query.name, asker.key, _NOT_HERE)
            return Rcode.NOTAUTH, REFUSED
        if zone.expired:
            return Rcode.SERVFAIL, FAILED
        if self._incremental and _serial(self._packet, self._query) is None:
            return Rcode.FORMERR, REFUSED
        return None

    def _refusal(self, rcode: Rcode, result: int) -> bytes:
        self._count(rcode, result)
        return header(self._query, QR | rcode, 0, len(self._opt) > 0) + self._opt

    def _count(self, rcode: Rcode | None, result: int) -> None:
        """`rcode` is what the client was told; None where its answer broke off."""
        self._stats[TRANSFERS_OK + 3 * self._incremental + result] += 1
        client, transport, zone = self._asker.client, self._asker.transport, self._zone
        if rcode is None or zone is None:
            self._stats[request_slot(transport, client)] += 1
        if rcode is not None:
            place = 0 if zone is None else self._place(zone.apex) + plane(transport, client)
            self._stats[place + query_slot(self._query.qtype, rcode)] += 1

    def _all(self, taken: Taken) -> Iterator[bytes]:
        sent = False
        try:
            runs = self._runs(taken)
            yield from messages(self._query, runs, self._opt, MAX_MESSAGE - self._asker.reserve)
            sent = True
        finally:
            self._count(Rcode.NOERROR if sent else None, OK if sent else FAILED)

    def _at_once(self, zone: Zone) -> bytes:
        """The answer over UDP, whatever comes."""
        try:
            message = self._in_one(zone)
        except Exception as error:
            self._options.log("a transfer over UDP could not be answered", error)
            return self._refusal(Rcode.SERVFAIL, FAILED)
        self._count(Rcode.NOERROR, OK)
        return message

    def _taken(self, zone: Zone) -> Taken:
        runs = self._options.runs
        everything = iter(()) if runs is None else runs(zone.version)
        return Taken(zone.top()[SOA][1], everything, self._line(zone) if self._incremental else None)

    def _runs(self, taken: Taken) -> Iterator[Run]:
        history = self._options.history
        if taken.line is not None and history is not None and (yield from history.differences.runs(taken.line)):
            return
        self._incremental = False  # what is sent and counted is a whole zone
        yield from whole(taken.soa, taken.everything)

    def _line(self, zone: Zone, most: int = 0) -> list[Past] | None:
        """The versions from the newest to the client's; None when the client's is not known."""
        serial = _serial(self._packet, self._query)
        history = self._options.history
        if serial is None or history is None:
            return None
        return history.versions.back_to(serial, history.versions(zone.commit), history.moves(zone.version), most)

    def _in_one(self, zone: Zone) -> bytes:
        """The differences in one message, or the newest SOA."""
        query, opt = self._query, self._opt
        taken = HEADER_SIZE + len(query.question) + len(opt) + self._asker.reserve
        room = min(query.size, self._options.udp_size) - taken
        line, history = self._line(zone, _VERSIONS), self._options.history
        found: list[Run] = []
        if line is not None and history is not None and room > 0:
            found = _gathered(history.differences.runs(line, room), room)
        return next(messages(query, found or [(1, zone.top()[SOA][1])], opt))


def _gathered(runs: Iterator[Run], room: int) -> list[Run]:
    """The runs, if they are at hand and fit into so many bytes; else none."""
    found: list[Run] = []
    pauses = size = 0
    for run in runs:
        size += len(run[1])
        pauses += run is PAUSE
        if size > room or pauses > _PAUSES:
            return []
        if run is not PAUSE:
            found.append(run)
    return found


def _serial(packet: bytes, query: Query) -> int | None:
    """The serial in the SOA that an IXFR query has in its authority section; None without one (RFC 1995 §3)."""
    if packet[6:10] != b"\0\0\0\1":
        return None
    at = 12 + len(query.question)
    while label := packet[at]:
        if label >= 0xC0:
            at += 1
            break
        at += 1 + label
    at += 1
    size = int.from_bytes(packet[at + 8 : at + 10], "big")
    if packet[at : at + 4] != _SOA_IN or size < _SHORTEST_SOA:
        return None
    end = at + 10 + size
    return int.from_bytes(packet[end - 20 : end - 16], "big")
