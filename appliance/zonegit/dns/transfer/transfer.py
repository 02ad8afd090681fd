"""Answers to AXFR and IXFR queries (RFC 5936, RFC 1995): whether, and in which of the two forms.

AXFR is refused over UDP by the responder. IXFR over UDP is answered in one message: with the newest SOA alone if
the differences don't fit, so that the client asks again over TCP (RFC 1995 §2). A transfer stays at the version
that it began with.
"""

from collections.abc import Callable, Iterable, Iterator, MutableSequence
from typing import Final, NamedTuple

from zonegit.dns.access.requestor import Requestor
from zonegit.dns.stats import TRANSFERS_OK, plane, query_slot, request_slot
from zonegit.dns.transfer.axfr import whole
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.transfer.stream import PAUSE, header, messages
from zonegit.dns.transfer.versions import ServedVersion
from zonegit.dns.wire.message import HEADER_SIZE, MAX_MESSAGE, QR, Query, Rcode, Transport, skip_name
from zonegit.dns.zone.served_zones import ServedZones
from zonegit.dns.zone.zone_state import ZoneState
from zonegit.model.rdata import IXFR, SOA
from zonegit.tree.change import Run

OK: Final = 0
REFUSED: Final = 1
FAILED: Final = 2
_PAUSES: Final = 2
"""The most pauses in a search for differences over UDP, where other queries wait for it."""
_VERSIONS: Final = 16
"""The most versions that such a search goes back."""
_SOA_IN: Final = b"\0\6\0\1"
_SHORTEST_SOA: Final = 22
_NOT_ALLOWED: Final = "transfer_acl names neither this address nor this key for the zone"
_NOT_HERE: Final = "no such zone is answered from here"


class Snapshot(NamedTuple):
    """What a transfer is made from, as it was at its start: the zone may move on while it is sent."""

    soa: bytes
    everything: Iterable[Run]
    versions: list[ServedVersion] | None
    """The versions from the newest to the client's; None for AXFR, or if the client's isn't known."""


class TransferServer(NamedTuple):
    """What all transfers of one thread are answered from."""

    zones: ServedZones
    options: TransferOptions
    stats: MutableSequence[int]
    zone_offset: Callable[[bytes], int]
    """The offset of a zone's counters in `stats`, by apex."""
    udp_size: int
    """The largest answer over UDP, in bytes."""
    log: Callable[[str, Exception], None]
    """Told why a zone could not be read for an answer over UDP."""

    def answer(self, packet: bytes, query: Query, requestor: Requestor, opt: bytes | None) -> Iterator[bytes]:
        """The messages for an AXFR or IXFR query, which `packet` was read as. See `Transfer.messages`.

        `opt` goes into the answer; None for a malformed query.
        """
        return Transfer(self, packet, query, requestor, opt).messages()


class Transfer:
    """One query for a zone, and its answer."""

    def __init__(
        self, server: TransferServer, packet: bytes, query: Query, requestor: Requestor, opt: bytes | None
    ) -> None:
        self._server = server
        self._options = server.options
        self._query = query
        self._asker = requestor
        self._malformed = opt is None
        self._opt = opt or b""
        self._zone = server.zones.with_apex(query.name, requestor)
        self._incremental = query.qtype == IXFR
        self._serial = _serial(packet, query) if self._incremental else None
        """Of the version that the client has."""

    def messages(self) -> Iterator[bytes]:
        """The messages of the answer, without lengths. An empty message stands for a pause.

        What is sent is fixed now, and read when each message is asked for: an answer that waits behind others
        holds hardly any memory. Raises what reading the zone raises, now or later; over UDP that becomes SERVFAIL.
        """
        zone = self._zone
        refused = self._refused()
        if refused is not None or zone is None:
            return iter((self._refusal(*(refused or (Rcode.NOTAUTH, REFUSED))),))
        if self._asker.transport is Transport.UDP:
            return iter((self._over_udp(zone),))
        try:
            snapshot = self._snapshot(zone)
        except Exception:
            self._count(None, FAILED)
            raise
        return self._stream(snapshot)

    def _refused(self) -> tuple[Rcode, int] | None:
        """The rcode of a refusal, and how it is counted; None if the zone may be sent."""
        options, requestor, zone = self._options, self._asker, self._zone
        if self._malformed:
            return Rcode.FORMERR, REFUSED
        if options.runs is None or not options.may_transfer(self._query.name, requestor.client, requestor.signer):
            options.refused(requestor.client, self._query.name, requestor.signer, _NOT_ALLOWED)
            return Rcode.REFUSED, REFUSED
        if zone is None:
            options.refused(requestor.client, self._query.name, requestor.signer, _NOT_HERE)
            return Rcode.NOTAUTH, REFUSED
        if zone.expired:
            return Rcode.SERVFAIL, FAILED
        if self._incremental and self._serial is None:
            return Rcode.FORMERR, REFUSED
        return None

    def _refusal(self, rcode: Rcode, result: int) -> bytes:
        self._count(rcode, result)
        return header(self._query, QR | rcode, 0, len(self._opt) > 0) + self._opt

    def _count(self, rcode: Rcode | None, result: int) -> None:
        """Count an answer; `rcode` is None if it was cut off."""
        stats = self._server.stats
        stats[TRANSFERS_OK + 3 * self._incremental + result] += 1
        client, transport, zone = self._asker.client, self._asker.transport, self._zone
        if rcode is None or zone is None:
            stats[request_slot(transport, client)] += 1
        if rcode is not None:
            offset = 0 if zone is None else self._server.zone_offset(zone.apex) + plane(transport, client)
            stats[offset + query_slot(self._query.qtype, rcode)] += 1

    def _stream(self, snapshot: Snapshot) -> Iterator[bytes]:
        sent = False
        try:
            runs = self._runs(snapshot)
            yield from messages(self._query, runs, self._opt, MAX_MESSAGE - self._asker.reserve)
            sent = True
        finally:
            self._count(Rcode.NOERROR if sent else None, OK if sent else FAILED)

    def _over_udp(self, zone: ZoneState) -> bytes:
        """The one message over UDP. Never raises."""
        try:
            message = self._one_message(zone)
        except Exception as error:
            self._server.log("cannot answer a transfer over UDP", error)
            return self._refusal(Rcode.SERVFAIL, FAILED)
        self._count(Rcode.NOERROR, OK)
        return message

    def _snapshot(self, zone: ZoneState) -> Snapshot:
        runs = self._options.runs
        everything = iter(()) if runs is None else runs(zone.version)
        return Snapshot(zone.apex_node()[SOA][1], everything, self._versions(zone) if self._incremental else None)

    def _runs(self, snapshot: Snapshot) -> Iterator[Run]:
        """The differences, if they were asked for, are known and are shorter than the zone. Else the whole zone:
        then the answer to an IXFR has the form of an AXFR (RFC 1995 §4).
        """
        versions, history = snapshot.versions, self._options.history
        if versions is not None and history is not None and (yield from history.differences.runs(versions)):
            return
        self._incremental = False  # what is sent and counted is a whole zone
        yield from whole(snapshot.soa, snapshot.everything)

    def _versions(self, zone: ZoneState, most: int = 0) -> list[ServedVersion] | None:
        """The versions from the newest to the client's; None if the client's isn't known."""
        serial, history = self._serial, self._options.history
        if serial is None or history is None:
            return None
        return history.versions.back_to(serial, history.versions(zone.commit), history.moves(zone.version), most)

    def _one_message(self, zone: ZoneState) -> bytes:
        """The differences in one message, or the newest SOA."""
        query, opt = self._query, self._opt
        without_records = HEADER_SIZE + len(query.question) + len(opt) + self._asker.reserve
        room = min(query.size, self._server.udp_size) - without_records
        versions, history = self._versions(zone, _VERSIONS), self._options.history
        found: list[Run] = []
        if versions is not None and history is not None and room > 0:
            found = _gathered(history.differences.runs(versions, room), room)
        return next(messages(query, found or [(1, zone.apex_node()[SOA][1])], opt))


def _gathered(runs: Iterator[Run], room: int) -> list[Run]:
    """The runs if they come without many pauses and fit into `room` bytes; else none."""
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
    at = skip_name(packet, HEADER_SIZE + len(query.question))
    size = int.from_bytes(packet[at + 8 : at + 10], "big")
    if packet[at : at + 4] != _SOA_IN or size < _SHORTEST_SOA:
        return None
    end = at + 10 + size
    return int.from_bytes(packet[end - 20 : end - 16], "big")
