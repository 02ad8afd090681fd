"""AXFR out (RFC 5936): a zone as it lies, joined into messages of up to 64 KiB.

Stored RRs end their owners with a pointer to offset 12, so every message carries the question, whose name is the
apex. Whole runs are joined; only a run that exceeds a message by itself is split. The apex SOA is stored with
serial 0: it is taken out where it lies, and sent first and last with the version's serial.
"""

from collections.abc import Iterable, Iterator, MutableSequence
from itertools import chain
from typing import Final

from zonegit.dns.message import AA, HEADER, HEADER_SIZE, MAX_MESSAGE, QR, RD, Query, Rcode, opt_record
from zonegit.dns.options import Options
from zonegit.dns.stats import TRANSFERS_FAILED, TRANSFERS_OK, TRANSFERS_REFUSED, query_slot
from zonegit.dns.zones import Held
from zonegit.errors import CorruptStore, LimitExceeded
from zonegit.model.rdata import SOA
from zonegit.model.rrset import APEX_POINTER, owner_size

_SOA: Final = SOA.to_bytes(2, "big")


def transfer(
    held: Held, query: Query, client: bytes, options: Options, stats: MutableSequence[int]
) -> Iterator[bytes]:
    """The messages that answer an AXFR query: the zone, or one that refuses it."""
    opt = opt_record(options.udp_size, 0, do=query.do) if query.edns else b""
    runs = options.runs if options.may_transfer(client) else None
    zone = held.exact(query.name, client)
    if runs is None or zone is None:
        rcode = Rcode.REFUSED if runs is None else Rcode.NOTAUTH
        stats[TRANSFERS_REFUSED] += 1
        stats[query_slot(query.qtype, rcode)] += 1
        yield _header(query, QR | rcode, 0, len(opt) > 0) + opt
        return
    if zone.expired:
        stats[TRANSFERS_FAILED] += 1
        stats[query_slot(query.qtype, Rcode.SERVFAIL)] += 1
        yield _header(query, QR | Rcode.SERVFAIL, 0, len(opt) > 0) + opt
        return
    result = TRANSFERS_FAILED
    try:
        yield from _messages(query, zone.top()[SOA][1], _without_soa(runs(zone.version)), opt)
        result = TRANSFERS_OK
        stats[query_slot(query.qtype, Rcode.NOERROR)] += 1
    finally:
        stats[result] += 1


def _header(query: Query, flags: int, records: int, additional: int) -> bytes:
    flags |= query.flags & RD
    return query.ident + HEADER.pack(0, flags, 1, records, 0, additional)[2:] + query.question


def _messages(query: Query, soa: bytes, runs: Iterator[tuple[int, bytes]], opt: bytes) -> Iterator[bytes]:
    """Fill messages with the SOA, the runs and the SOA again. Only the first carries the OPT (RFC 5936 §2.2.5)."""
    start = HEADER_SIZE + len(query.question)
    room = MAX_MESSAGE - start - len(opt)
    parts: list[bytes] = []
    total = size = 0
    for records, rrs in _fitting(chain([(1, soa)], runs, [(1, soa)]), room):
        size += len(rrs)
        if size > room:
            yield b"".join((_header(query, QR | AA, total, len(opt) > 0), *parts, opt))
            opt = b""
            room = MAX_MESSAGE - start
            parts.clear()
            total = 0
            size = len(rrs)
        parts.append(rrs)
        total += records
    yield b"".join((_header(query, QR | AA, total, len(opt) > 0), *parts, opt))


def _fitting(runs: Iterable[tuple[int, bytes]], room: int) -> Iterator[tuple[int, bytes]]:
    """The runs, those of more than `room` bytes in pieces."""
    for run in runs:
        if len(run[1]) <= room:
            yield run
        else:
            yield from _pieces(run[1], room)


def _pieces(rrs: bytes, room: int) -> Iterator[tuple[int, bytes]]:
    """One long run split between records, each piece as long as fits."""
    start = records = end = 0
    for at, after in _records(rrs):
        if after - at > room:
            raise LimitExceeded(f"a record of {after - at} bytes does not fit a DNS message; it can't be sent")
        if after - start > room:
            yield records, rrs[start:end]
            start = at
            records = 0
        records += 1
        end = after
    yield records, rrs[start:end]


def _records(rrs: bytes) -> Iterator[tuple[int, int]]:
    """Where each RR of a run begins and ends."""
    at = 0
    size = len(rrs)
    while at < size:
        rdata = at + owner_size(rrs[at : at + 256]) + 12
        after = rdata + int.from_bytes(rrs[rdata - 2 : rdata], "big")
        yield at, after
        at = after


def _without_soa(runs: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The runs without the apex SOA, which stands among the first records."""
    rest = iter(runs)
    for records, rrs in rest:
        for at, after in _records(rrs):
            if rrs[at : at + 2] != APEX_POINTER:
                break
            if rrs[at + 2 : at + 4] == _SOA:
                if records > 1:
                    yield records - 1, rrs[:at] + rrs[after:]
                yield from rest
                return
        else:
            yield records, rrs
            continue
        break
    raise CorruptStore("a zone to transfer has no SOA record at its apex")
