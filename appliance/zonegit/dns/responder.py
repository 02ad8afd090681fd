"""Query bytes in, response bytes out. Nothing that a client sends makes it raise.

Does the checks that need no zone, computes how large a response may be (RFC 6891, RFC 2181 §9), and answers
SERVFAIL when anything else fails. Two cache levels come before the lookup; over UDP the caller consults the first.
Rate limits are applied elsewhere.
"""

from collections.abc import Iterator, Mapping, MutableSequence
from typing import Final

from zonegit.dns.access.client_subnet import CLIENT_SUBNET, read_subnet
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.cache import AnswerCache
from zonegit.dns.chaos import CLASS_CHAOS, about_server
from zonegit.dns.edns import Edns, Reason, padded
from zonegit.dns.fastpath.answer import FastPath
from zonegit.dns.fastpath.blocks import ViewTable
from zonegit.dns.fastpath.normalize import Normalizer
from zonegit.dns.fastpath.packet_cache import Entry, PacketCache
from zonegit.dns.lookup.resolve import resolve
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
from zonegit.dns.transfer.transfer import TransferServer
from zonegit.dns.udp import Ways
from zonegit.dns.wire.bounded_dict import BoundedDict
from zonegit.dns.wire.encode import COUNTS, TooBig, encode
from zonegit.dns.wire.message import (
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
from zonegit.dns.wire.response import Draft
from zonegit.dns.zone.query_budget import Budget
from zonegit.dns.zone.served_zones import Changes, FixedSource, ServedZones, Source
from zonegit.dns.zone.zone_state import CachedAnswer, CacheKey, ServedZone, ZoneState
from zonegit.dns.zone_counts import ZoneOffsets
from zonegit.errors import CorruptStore, OverBudget, ZonegitError
from zonegit.model.names import WireName
from zonegit.model.rdata import ANY, AXFR, CLASS_IN, IXFR

_NOTHING: Final = COUNTS.pack(0, 0, 0)
_ONLY_OPT: Final = COUNTS.pack(0, 0, 1)
_ONE: Final = b"\0\1"
_TRUNCATED: Final = TC >> 8
_LOGGED: Final = 1024
"""The most exceptions that are remembered, so that each is logged only once."""
_UDP: Final = Transport.UDP
_TLS: Final = Transport.TLS
_NOERROR: Final = Rcode.NOERROR
"""Looked up once: Python 3.11 finds a member of an enum through a property, at a dozen times a global's cost."""
_REASONS: Final = {Rcode.NOTIMP: Reason.NOT_SUPPORTED}


class Responder:
    """Answers for one worker. `stats` is its row of counters, `stats.SLOTS` long, and has no other writer."""

    def __init__(
        self,
        options: Options,
        stats: MutableSequence[int],
        views: ViewTable | None = None,
        *,
        streams: bool = False,
    ) -> None:
        """With `streams` the quick `ways` are for queries over TCP and TLS, else for those over UDP."""
        self.options = options
        self._streams = streams
        self.stats = stats
        self._budget = Budget()
        self.zones = ServedZones(self._on_trouble, self._unload, self._budget)
        self._eager = FixedSource({})
        self.packets = PacketCache(options.cache_entries)
        self.answers = AnswerCache(options.cache_entries)
        self._logged: BoundedDict[tuple[str, str, str], None] = BoundedDict(_LOGGED)
        self._edns = Edns(options)
        self._zone_offset = ZoneOffsets(stats)
        self._transfers = TransferServer(
            self.zones, options.transfers, stats, self._zone_offset, options.udp_size, options.log
        )
        self.fast_path = FastPath(
            self.zones, self.packets, options.udp_size, views, self._zone_offset, streams=streams
        )
        normalized = Normalizer(self.fast_path, self.packets, options.cookies)
        self.ways = Ways(self.packets.entries.get, self.fast_path.answer, normalized)
        """Before `slow_path`, or `respond` over a connection."""
        self.cache: dict[bytes, Entry] = self.packets.entries
        """Packets without their ids -> (response without its id, slot to count). Always the same dict. It never
        holds answers from a zone with routes, a canary or an ACL. The caller that answers from it counts that slot,
        in the `plane` of the client, and `CACHE_PACKET`."""

    def replace_zones(self, zones: Mapping[WireName, ServedZone]) -> None:
        """Serve these zones from now on. Drops cached answers only of zones whose commit changed."""
        before, self._eager = self._eager, FixedSource(zones)
        self.serve(self._eager, self._eager.since(before))

    def serve(self, source: Source, changes: Changes) -> None:
        """Serve the zones of a source; `changes` are those since the last call."""
        moved = self.zones.serve(source, changes)
        if moved is None:
            self.fast_path.forget()
            self.packets.clear()
            self.answers.clear()
            return
        self.fast_path.forget(changes.moved)
        if moved.apexes:
            self.packets.drop(moved.apexes)
            self.answers.drop(moved.zones)

    def _unload(self, zone: ZoneState) -> None:
        """Forget a zone that is unloaded. Cached packets of it stay valid until the zone moves."""
        self.fast_path.forget((zone.apex,))
        self.answers.drop_single(zone)
        if zone.choice is not None:
            for other in zone.choice.others:
                self.answers.drop_single(other)

    def respond(self, packet: bytes, requestor: Requestor) -> bytes | None:
        """The response to a packet whose signature, if any, was stripped; None when there must be none."""
        if requestor.transport is _UDP and not self._streams:
            found = self.ways.find(packet[2:], requestor.client)
            if found is not None:
                self.stats[found[1] + plane(requestor.transport, requestor.client)] += 1
                return packet[:2] + found[0]
        return self._answer(packet, requestor)

    def slow_path(self, packet: bytes, client: bytes) -> bytes | None:
        """The response to a UDP packet that none of `ways` has an answer to."""
        return self._answer(packet, Requestor(client, _UDP))

    def _answer(self, packet: bytes, requestor: Requestor) -> bytes | None:
        query = parse(packet)
        if query is None:
            self.stats[request_slot(requestor.transport, requestor.client)] += 1
            self.stats[DROPPED_SHORT if len(packet) < HEADER_SIZE else DROPPED_RESPONSE] += 1
            return None
        try:
            return self._respond(packet, query, requestor)
        except OverBudget:  # `_on_trouble` has logged the zone
            return self.without_zone(query, requestor, Rcode.SERVFAIL, Reason.INVALID_DATA)
        except Exception as error:
            self._log_once("cannot answer a query", error)
            return self.without_zone(query, requestor, Rcode.SERVFAIL, _reason_of(error))
        finally:
            self._budget.restore()

    def transfer(self, packet: bytes, requestor: Requestor) -> Iterator[bytes] | None:
        """The messages that answer an AXFR or IXFR query, without their lengths; None if the packet isn't one.

        An empty message stands for a pause. Over TCP the iterator raises what reading the zone raises
        (`CorruptStore`, ...); the connection is to be closed then. Over UDP there is exactly one message.
        """
        query = parse(packet)
        if query is None or query.rcode or query.opcode or query.version or query.qclass != CLASS_IN:
            return None
        if query.qtype != IXFR and (query.qtype != AXFR or requestor.transport is _UDP):
            return None
        requestor.question = query
        return self._transfers.answer(packet, query, requestor, self._edns.opt(query, requestor))

    def _respond(self, packet: bytes, query: Query, requestor: Requestor) -> bytes:
        refusal = _refusal(query, requestor.transport)
        if refusal:
            return self._refuse(query, requestor, refusal)
        client, transport = requestor.client, requestor.transport
        requestor.question = query
        if query.options and not self._read_subnet(query, requestor):
            return self.without_zone(query, requestor, Rcode.FORMERR)
        zone = self.zones.find(query.name, query.qtype, requestor)
        if zone is None:
            return self.without_zone(query, requestor, Rcode.REFUSED, self._reason_to_refuse(query.name))
        if zone.expired:
            self._count(query, requestor, Rcode.SERVFAIL, self._zone_offset(zone.apex))
            return self._compose(query, requestor, Rcode.SERVFAIL, Reason.INVALID_DATA)
        question = query.question
        opt = self._edns.opt(query, requestor)
        if opt is None:
            return self.without_zone(query, requestor, Rcode.FORMERR)
        limit = min(query.size, self.options.udp_size) if transport is _UDP else MAX_MESSAGE
        room = limit - HEADER_SIZE - len(question) - len(opt)
        full_any = query.qtype == ANY and transport is not _UDP and self._may_have_all(zone, requestor)
        bits = room << 4 | full_any << 3 | (query.flags & RD) >> 6 | query.edns << 1 | query.do
        key = (query.name + question[-4:-2], bits)
        answer = self.answers.find(zone, key)
        known = answer is not None
        if answer is None:
            answer = self._finish(zone, query, room, requestor, key)
        else:
            self.stats[CACHE_QUESTION] += 1
        if requestor.subnet is not None:
            # Of the same size, with the scope, which is known only now.
            opt = self._edns.opt(query, requestor) or opt
        flags, counts, tail, slot, spans_zones = answer
        self.stats[slot + plane(transport, client)] += 1
        if transport is _TLS:
            opt = padded(opt, query, requestor, HEADER_SIZE + len(question) + len(tail))
        rest = b"".join((flags, _ONE, counts, question, tail, opt))
        if flags[0] & _TRUNCATED:
            self.stats[TRUNCATED] += 1
        elif known and self._may_keep_packet(query, packet, transport):
            self.packets.add(None if spans_zones else zone, packet[2:], (rest, slot))
        return query.ident + rest

    def _read_subnet(self, query: Query, requestor: Requestor) -> bool:
        """Read the network that a trusted requestor asks for; False if the option is malformed."""
        data = query.options.get(CLIENT_SUBNET)
        trusted = self.options.ecs_trusted
        if data is None or trusted is None or not trusted(requestor.client):
            return True
        requestor.subnet = read_subnet(data)
        return requestor.subnet is not None

    def _finish(
        self, zone: ZoneState, query: Query, room: int, requestor: Requestor, key: CacheKey
    ) -> CachedAnswer:
        """Make an answer, and keep it if it may be asked for again."""
        draft = Draft(query.name, query.qtype, do=query.do, sender=requestor, full_any=bool(key[1] & 8))
        resolve(self.zones, zone, draft)
        if draft.delegation is None:
            answer = _encode(draft, query, room, self._zone_offset(zone.apex))
        else:
            answer = self._refer(zone, draft.delegation, draft, query, room, key)
        if not (draft.incomplete or (draft.spans_zones and self.zones.by_client)):  # another client may see more
            self.answers.keep(zone, key, answer, name_exists=draft.name_exists)
        return answer

    def _may_have_all(self, zone: ZoneState, requestor: Requestor) -> bool:
        """Whether ANY over TCP gives this client every RRset at a name: only if it may transfer the zone."""
        return self.options.transfers.may_transfer(zone.apex, requestor.client, requestor.signer)

    def _refer(
        self, zone: ZoneState, cut: WireName, draft: Draft, query: Query, room: int, key: CacheKey
    ) -> CachedAnswer:
        """A referral: the bytes are the same for all names of one length below a cut."""
        shared = (cut + bytes((len(query.name),)), key[1])
        answer = self.answers.find(zone, shared)
        if answer is None:
            answer = _encode(draft, query, room, 0)
            self.answers.keep(zone, shared, answer, name_exists=True)
        return answer._replace(slot=self._zone_offset(zone.apex) + query_slot(query.qtype, _NOERROR))

    def _may_keep_packet(self, query: Query, packet: bytes, transport: Transport) -> bool:
        """Whether the packet cache may hold the response: the packet is a lowercase question with at most a bare
        OPT, and neither a zone nor the type (ANY over a connection) is answered differently by client."""
        if (transport is _UDP) is self._streams or (self._streams and query.qtype == ANY):
            return False
        bare = len(packet) == query.bare_size and query.question[:-4] == query.name
        return bare and not self.zones.by_client

    def _refuse(self, query: Query, requestor: Requestor, rcode: Rcode) -> bytes:
        """The response to a query that no zone answers: it may ask about the server, or for a cookie alone."""
        if rcode is Rcode.FORMERR and not query.question and self._edns.gives_cookie(query, requestor.client):
            rcode = _NOERROR
        if query.qclass == CLASS_CHAOS and query.name == self.options.probe:
            return self._compose(query, requestor, rcode)  # the daemon's own, so not counted
        if rcode is Rcode.REFUSED:
            record = about_server(query, self.options)
            if record is not None:
                self._count(query, requestor, _NOERROR)
                return self._compose(query, requestor, _NOERROR, flags=AA, record=record)
            return self.without_zone(query, requestor, rcode, self._reason_to_refuse())
        return self.without_zone(query, requestor, rcode, _REASONS.get(rcode))

    def _reason_to_refuse(self, name: WireName | None = None) -> Reason:
        if name is not None and self.zones.covers(name):
            return Reason.PROHIBITED
        return Reason.NOT_AUTHORITATIVE if self.zones.by_apex else Reason.NOT_READY

    def without_zone(
        self, query: Query, requestor: Requestor, rcode: Rcode, reason: Reason | None = None, flags: int = 0
    ) -> bytes:
        """A response that no zone gives, counted: what could be read of the query, and its OPT.

        `flags` are set beside those that every response has.
        """
        self._count(query, requestor, rcode)
        return self._compose(query, requestor, rcode, reason, flags)

    def _count(self, query: Query, requestor: Requestor, rcode: Rcode, offset: int = 0) -> None:
        """Count a response; `offset` is that of the zone's counters, 0 if no zone is known."""
        client, transport = requestor.client, requestor.transport
        if offset:
            self.stats[offset + plane(transport, client) + query_slot(query.qtype, rcode)] += 1
        else:
            self.stats[request_slot(transport, client)] += 1
            self.stats[query_slot(query.qtype, rcode)] += 1

    def _compose(
        self,
        query: Query,
        requestor: Requestor,
        rcode: Rcode,
        reason: Reason | None = None,
        flags: int = 0,
        record: bytes = b"",
    ) -> bytes:
        """The bytes of a response without RRsets of a zone, but perhaps with one `record` as its answer."""
        flags |= QR | query.flags & (OPCODE | RD) | rcode & 15
        question = query.question
        opt = self._edns.error(query, requestor, rcode, reason)
        opt = padded(opt, query, requestor, HEADER_SIZE + len(question) + len(record))
        header = HEADER.pack(0, flags, bool(question), bool(record), 0, bool(opt))
        return b"".join((query.ident, header[2:], question, record, opt))

    def _on_trouble(self, error: Exception) -> None:
        if isinstance(error, CorruptStore):
            self.stats[CORRUPT] += 1
            self._log_once("cannot read a zone's version", error)
        else:
            self._log_once("cannot answer a query", error)

    def _log_once(self, message: str, error: Exception) -> None:
        """Log an exception, unless one of the same type was raised at the same line before. The program's own
        exceptions must have the same message, too, because it names the zone.
        """
        last = error.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        line = f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last is not None else ""
        said = str(error) if isinstance(error, ZonegitError) else ""
        mark = (type(error).__name__, line, said)
        if mark not in self._logged:
            self._logged[mark] = None
            self.options.log(message, error)


def _encode(draft: Draft, query: Query, room: int, offset: int) -> CachedAnswer:
    """The bytes of an answer. If what must be sent takes more than `room` bytes, it is truncated: TC is set, and
    nothing is sent but the question and the OPT (RFC 2181 §9). Optional additional data never truncates it.
    """
    flags = QR | (AA if draft.aa else 0) | query.flags & RD | draft.rcode
    try:
        counts, tail = encode(draft, room, edns=query.edns)
    except TooBig:
        flags |= TC
        counts, tail = (_ONLY_OPT if query.edns else _NOTHING), b""
    slot = offset + query_slot(query.qtype, draft.rcode)
    return CachedAnswer(flags.to_bytes(2, "big"), counts, tail, slot, draft.spans_zones)


def _reason_of(error: Exception) -> Reason | None:
    return Reason.INVALID_DATA if isinstance(error, CorruptStore) else None


def _refusal(query: Query, transport: Transport) -> Rcode:
    """The rcode of a query that is refused whatever zones are served; NOERROR if it is to be answered."""
    if query.flags & OPCODE:
        return Rcode.NOTIMP
    if query.rcode:
        return query.rcode
    if query.version:
        return Rcode.BADVERS
    if query.qclass != CLASS_IN:
        return Rcode.REFUSED
    if query.qtype == AXFR:
        return Rcode.FORMERR if transport is _UDP else Rcode.REFUSED
    return Rcode.REFUSED if query.qtype == IXFR else _NOERROR
