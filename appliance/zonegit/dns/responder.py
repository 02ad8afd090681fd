"""Query bytes in, response bytes out; nothing a client sends makes it raise.

Two cache levels stand before the walk; the first is the caller's to consult, over UDP. Here are the checks that
need no zone, the room there is (RFC 6891, RFC 2181 §9), and the last resort, SERVFAIL. Rate limits are not this
module's.
"""

from collections.abc import Iterator, Mapping, MutableSequence
from typing import Final

from zonegit.dns.answer import resolve
from zonegit.dns.bounded import Bounded
from zonegit.dns.budget import Budget
from zonegit.dns.cache import AnswerCache, Entry, PacketCache
from zonegit.dns.chaos import CLASS_CHAOS, about_server
from zonegit.dns.compress import COUNTS, TooBig, encode
from zonegit.dns.draft import Draft
from zonegit.dns.dressed import Dressed
from zonegit.dns.edns import Edns, Reason, padded
from zonegit.dns.held import Changes, Eager, Held, Source
from zonegit.dns.message import (
    AA,
    HEADER,
    HEADER_SIZE,
    MAX_MESSAGE,
    OPCODE,
    QR,
    RD,
    TC,
    Query,
    Rcode,
    Transport,
    parse,
)
from zonegit.dns.options import Options
from zonegit.dns.stats import (
    CACHE_QUESTION,
    CORRUPT,
    DROPPED_RESPONSE,
    DROPPED_SHORT,
    TRUNCATED,
    plane,
    query_slot,
    request_slot,
)
from zonegit.dns.straight import Straight
from zonegit.dns.transfer import Asker, Transfer
from zonegit.dns.ways import Door
from zonegit.dns.zone_counts import ZonePlaces
from zonegit.dns.zones import Body, Key, ServedZone, Zone
from zonegit.errors import CorruptStore, OverBudget, ZonegitError
from zonegit.model.names import WireName
from zonegit.model.rdata import ANY, AXFR, CLASS_IN, IXFR

_NOTHING: Final = COUNTS.pack(0, 0, 0)
_ONLY_OPT: Final = COUNTS.pack(0, 0, 1)
_ONE: Final = b"\0\1"
_TRUNCATED: Final = TC >> 8
_TOLD: Final = 1024
"""Exceptions that were logged and are remembered."""
_REASONS: Final = {Rcode.NOTIMP: Reason.NOT_SUPPORTED}


class Responder:
    """One worker's answering. `stats` is its row of counters, `stats.SLOTS` long, and has no other writer."""

    def __init__(self, options: Options, stats: MutableSequence[int], door: Door | None = None) -> None:
        self._options = options
        self._stats = stats
        self._budget = Budget()
        self._held = Held(self._on_trouble, self._let_go, self._budget)
        self._eager = Eager({})
        self._packets = PacketCache(options.cache_entries)
        self._answers = AnswerCache(options.cache_entries)
        self._logged: Bounded[tuple[str, str, str], None] = Bounded(_TOLD)
        self._edns = Edns(options)
        self._place = ZonePlaces(stats)
        self._straight = Straight(self._held, self._packets, options.udp_size, door, self._place)
        self.straight = self._straight.answer
        self.dressed = Dressed(self._straight, self._packets, options.cookies)
        self.cache: dict[bytes, Entry] = self._packets.entries
        """UDP packets behind their id -> (response behind its id, slot to count). Always the same dict; nothing
        in it is of a zone with a canary or an ACL. Who answers from it counts that slot, in the `plane` of its
        clients, and `CACHE_PACKET`."""

    def replace_zones(self, zones: Mapping[WireName, ServedZone]) -> None:
        """Serve these zones from now on. Only caches of zones whose commit changed are dropped."""
        before, self._eager = self._eager, Eager(zones)
        self.serve(self._eager, self._eager.since(before))

    def serve(self, source: Source, changes: Changes) -> None:
        """Serve the zones of a source, in which this has changed since the last call."""
        moved = self._held.serve(source, changes)
        if moved is None:
            self._straight.forget()
            self._packets.clear()
            self._answers.clear()
            return
        self._straight.forget(changes.moved)
        if moved.apexes:
            self._packets.drop(moved.apexes)
            self._answers.drop(moved.zones)

    def _let_go(self, zone: Zone) -> None:
        """A zone isn't kept. What was answered from it stays true until it moves."""
        self._straight.forget((zone.apex,))
        self._answers.let_go(zone)
        if zone.canary_zone is not None:
            self._answers.let_go(zone.canary_zone)

    def respond(
        self, packet: bytes, transport: Transport, client: bytes, asker: Asker | None = None
    ) -> bytes | None:
        """The response to a packet from a client (4 or 16 address bytes); None when there must be none.

        `asker` tells of the signature that was stripped from the packet, if it had one.
        """
        if transport is Transport.UDP:
            found = self.straight(packet[2:]) or self.dressed(packet[2:], client)
            if found is not None:
                self._stats[found[1] + plane(transport, client)] += 1
                return packet[:2] + found[0]
        return self._go_on(packet, transport, client, asker)

    def respond_missed(self, packet: bytes, client: bytes) -> bytes | None:
        """The response to a UDP packet that neither the cache nor `straight` nor `dressed` has an answer to."""
        return self._go_on(packet, Transport.UDP, client)

    def _go_on(
        self, packet: bytes, transport: Transport, client: bytes, asker: Asker | None = None
    ) -> bytes | None:
        query = parse(packet)
        if query is None:
            self._stats[request_slot(transport, client)] += 1
            self._stats[DROPPED_SHORT if len(packet) < HEADER_SIZE else DROPPED_RESPONSE] += 1
            return None
        try:
            if asker is not None:
                query.signer, query.reserve = asker.key, asker.reserve
            return self._respond(packet, query, transport, client)
        except OverBudget:  # the zone was told of
            return self.without_zone(query, Rcode.SERVFAIL, transport, client, Reason.INVALID_DATA)
        except Exception as error:
            self._log_once("a query could not be answered", error)
            return self.without_zone(query, Rcode.SERVFAIL, transport, client, _reason_of(error))
        finally:
            self._budget.restore()

    def transfer(self, packet: bytes, asker: Asker) -> Iterator[bytes] | None:
        """The messages that answer an AXFR or IXFR query, without their lengths; None if the packet isn't one.

        An empty message stands for a pause. Over TCP the iterator raises what reading the zone raises
        (`CorruptStore`, ...); the connection is to be closed then. Over UDP there is exactly one message.
        """
        query = parse(packet)
        if query is None or query.rcode or query.opcode or query.version or query.qclass != CLASS_IN:
            return None
        if query.qtype != IXFR and (query.qtype != AXFR or asker.transport is Transport.UDP):
            return None
        opt = self._edns.opt(query, asker.transport, asker.client)
        return Transfer(self._held, query, packet, asker, self._options, self._stats, self._place, opt).messages()

    def _respond(self, packet: bytes, query: Query, transport: Transport, client: bytes) -> bytes:
        refusal = _refusal(query, transport)
        if refusal:
            return self._refuse(query, refusal, transport, client)
        zone = self._held.route(query.name, query.qtype, client)
        if zone is None:
            return self.without_zone(query, Rcode.REFUSED, transport, client, self._reason_to_refuse(query.name))
        if zone.expired:
            place = self._place(zone.apex)
            return self.without_zone(query, Rcode.SERVFAIL, transport, client, Reason.INVALID_DATA, place=place)
        question = query.question
        opt = self._edns.opt(query, transport, client)
        if opt is None:
            return self.without_zone(query, Rcode.FORMERR, transport, client)
        limit = min(query.size, self._options.udp_size) if transport is Transport.UDP else MAX_MESSAGE
        room = limit - HEADER_SIZE - len(question) - len(opt)
        whole = query.qtype == ANY and transport is not Transport.UDP and self._may_have_all(zone, query, client)
        bits = room << 4 | whole << 3 | (query.flags & RD) >> 6 | query.edns << 1 | query.do
        key = (query.name + question[-4:-2], bits)
        body = self._answers.find(zone, key)
        known = body is not None
        if body is None:
            body = self._finish(zone, query, room, client, key)
        else:
            self._stats[CACHE_QUESTION] += 1
        flags, counts, tail, slot, mixed = body
        self._stats[slot + plane(transport, client)] += 1
        if transport is Transport.TLS:
            opt = padded(opt, query, HEADER_SIZE + len(question) + len(tail))
        rest = b"".join((flags, _ONE, counts, question, tail, opt))
        if flags[0] & _TRUNCATED:
            self._stats[TRUNCATED] += 1
        elif known and transport is Transport.UDP and self._may_keep_packet(query, packet):
            self._packets.add(None if mixed else zone, packet[2:], (rest, slot))
        return query.ident + rest

    def _finish(self, zone: Zone, query: Query, room: int, client: bytes, key: Key) -> Body:
        """Make an answer, and keep it if it is worth that."""
        draft = Draft(query.name, query.qtype, do=query.do, client=client, whole=bool(key[1] & 8))
        resolve(self._held, zone, draft)
        if draft.cut is None:
            body = _encode(draft, query, room, self._place(zone.apex))
        else:
            body = self._refer(zone, draft.cut, draft, query, room, key)
        if not (draft.lacking or (draft.mixed and self._held.by_client)):  # another client may be shown more
            self._answers.keep(zone, key, body, exact=draft.exact)
        return body

    def _may_have_all(self, zone: Zone, query: Query, client: bytes) -> bool:
        """Whether ANY over TCP may tell this client everything at a name: it could transfer the zone."""
        return self._options.may_transfer(zone.apex, client, query.signer)

    def _refer(self, zone: Zone, cut: WireName, draft: Draft, query: Query, room: int, key: Key) -> Body:
        """A referral: the bytes are the same for all names of one length below a cut."""
        shared = (cut + bytes((len(query.name),)), key[1])
        body = self._answers.find(zone, shared)
        if body is None:
            body = _encode(draft, query, room, 0)
            self._answers.keep(zone, shared, body, exact=True)
        return body._replace(slot=self._place(zone.apex) + query_slot(query.qtype, Rcode.NOERROR))

    def _may_keep_packet(self, query: Query, packet: bytes) -> bool:
        """A bare question in lowercase: not what differs by client, nor what has anything behind question and OPT;
        nothing while the client's network counts."""
        bare = len(packet) == query.bare_size and query.question[:-4] == query.name
        return bare and not self._held.by_client

    def _refuse(self, query: Query, rcode: Rcode, transport: Transport, client: bytes) -> bytes:
        """The response to a query that no zone answers, which may yet be one about the server or for a cookie."""
        if rcode is Rcode.FORMERR and not query.question and self._edns.gives_cookie(query, client):
            rcode = Rcode.NOERROR
        if query.qclass == CLASS_CHAOS and query.name == self._options.probe:
            return self._bare(query, rcode, transport, client, None)
        if rcode is Rcode.REFUSED:
            record = about_server(query, self._options)
            if record is not None:
                return self.without_zone(query, Rcode.NOERROR, transport, client, record=record, flags=AA)
            return self.without_zone(query, rcode, transport, client, self._reason_to_refuse())
        return self.without_zone(query, rcode, transport, client, _REASONS.get(rcode))

    def _reason_to_refuse(self, name: WireName | None = None) -> Reason:
        if name is not None and self._held.covers(name):
            return Reason.PROHIBITED
        return Reason.NOT_AUTHORITATIVE if self._held.zones else Reason.NOT_READY

    def without_zone(
        self,
        query: Query,
        rcode: Rcode,
        transport: Transport,
        client: bytes,
        reason: Reason | None = None,
        record: bytes = b"",
        place: int = 0,
        flags: int = 0,
    ) -> bytes:
        """A response with what was read of the query, its OPT, and perhaps one record; counted.

        `place` is that of the zone that the name is in, where it is answered nothing else. `flags` are set beside
        those that every response has.
        """
        if place:
            self._stats[place + plane(transport, client) + query_slot(query.qtype, rcode)] += 1
        else:
            self._stats[request_slot(transport, client)] += 1
            self._stats[query_slot(query.qtype, rcode)] += 1
        return self._bare(query, rcode, transport, client, reason, record, flags)

    def _bare(
        self,
        query: Query,
        rcode: Rcode,
        transport: Transport,
        client: bytes,
        reason: Reason | None,
        record: bytes = b"",
        flags: int = 0,
    ) -> bytes:
        """The same, counted nowhere."""
        flags |= QR | query.flags & (OPCODE | RD) | rcode & 15
        question = query.question
        opt = self._edns.error(query, rcode, transport, client, reason)
        if transport is Transport.TLS:
            opt = padded(opt, query, HEADER_SIZE + len(question) + len(record))
        header = HEADER.pack(0, flags, bool(question), bool(record), 0, bool(opt))
        return b"".join((query.ident, header[2:], question, record, opt))

    def _on_trouble(self, error: Exception) -> None:
        if isinstance(error, CorruptStore):
            self._stats[CORRUPT] += 1
            self._log_once("a zone's version can't be read", error)
        else:
            self._log_once("a query could not be answered", error)

    def _log_once(self, message: str, error: Exception) -> None:
        """Tell of an exception unless one of its kind was raised at the same place before, and said the same if it
        is one of ours: these name what they are about.
        """
        last = error.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        place = f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last is not None else ""
        said = str(error) if isinstance(error, ZonegitError) else ""
        mark = (type(error).__name__, place, said)
        if mark not in self._logged:
            self._logged[mark] = None
            self._options.log(message, error)


def _encode(draft: Draft, query: Query, room: int, place: int) -> Body:
    """The bytes of an answer; none but TC when it takes more than there is room for."""
    flags = QR | (AA if draft.aa else 0) | query.flags & RD | draft.rcode
    try:
        counts, tail = encode(draft, room, edns=query.edns)
    except TooBig:
        flags |= TC
        counts, tail = (_ONLY_OPT if query.edns else _NOTHING), b""
    slot = place + query_slot(query.qtype, draft.rcode)
    return Body(flags.to_bytes(2, "big"), counts, tail, slot, draft.mixed)


def _reason_of(error: Exception) -> Reason | None:
    return Reason.INVALID_DATA if isinstance(error, CorruptStore) else None


def _refusal(query: Query, transport: Transport) -> Rcode:
    """The rcode that a query gets whatever the zones hold; NOERROR when it is one to answer."""
    if query.flags & OPCODE:
        return Rcode.NOTIMP
    if query.rcode:
        return query.rcode
    if query.version:
        return Rcode.BADVERS
    if query.qclass != CLASS_IN:
        return Rcode.REFUSED
    if query.qtype == AXFR:
        return Rcode.FORMERR if transport is Transport.UDP else Rcode.REFUSED
    return Rcode.REFUSED if query.qtype == IXFR else Rcode.NOERROR
