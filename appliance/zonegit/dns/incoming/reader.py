"""Reads the answer to a transfer query message by message: AXFR (RFC 5936 §2.2) and IXFR (RFC 1995 §4).

What the records mean follows from their order, and from SOA records:

    S record* S                                     a whole zone: the answer to AXFR, and often to IXFR
    S (old record* new record*)+ S                  differences: `new` of each is `old` of the next, or S
    S alone in the first message                    nothing newer, if S isn't ahead of the serial that is known

Refused besides what `envelope` and `records` refuse: answers that begin with another record than the SOA or end
with another one, serials that fall, differences that don't begin at the known serial or don't follow each other,
messages without records, records after the end, and anything beyond the bounds.
"""

from zonegit.dns.incoming.bounds import BOUNDS, Bounds
from zonegit.dns.incoming.differences import DifferenceReader
from zonegit.dns.incoming.envelope import Envelopes
from zonegit.dns.incoming.query import ZoneQuery
from zonegit.dns.incoming.records import RecordReader
from zonegit.dns.incoming.whole import WholeReader
from zonegit.errors import TransferError, TransferTooLarge
from zonegit.model.names import APEX
from zonegit.model.rdata import soa_serial
from zonegit.model.rrset import MAX_TTL, SOA_KEY, RRKey
from zonegit.repo.incoming.values import Transferred, UpToDate, WholeZone
from zonegit.repo.serials import is_ahead
from zonegit.zonefile.findings import finding


class TransferReader:
    """Reads one answer. Feed it whole messages until it returns what they brought."""

    def __init__(self, query: ZoneQuery, bounds: Bounds = BOUNDS, *, newer_than: int | None = None) -> None:
        """`newer_than`: the serial that a whole zone's must be ahead of; None: the query's, if it has one."""
        self._query = query
        self._bounds = bounds
        self._newer_than = query.known if newer_than is None else newer_than
        self._envelopes = Envelopes(query)
        self._reader = RecordReader(query.apex)
        self._soa: bytes | None = None
        self._body: WholeReader | DifferenceReader | None = None
        self.records = 0
        """How many records were read so far."""
        self.bytes = 0
        """Of messages and records so far."""

    def feed(self, message: bytes, now: int) -> Transferred | None:
        """Read the next message; None: the answer goes on. `TransferError` and its kinds. `now` is Unix seconds."""
        body = self._envelopes.open(message, now)
        if not body.answers:
            raise TransferError("a message of the answer has no records")
        self.records += body.answers
        self.bytes += len(message)
        self._check_bounds()
        keys, rrs = self._reader.read(body)
        self.bytes += sum(map(len, rrs))
        self._check_bounds()
        return self._take(keys, rrs)

    def _check_bounds(self) -> None:
        if self.records > self._bounds.records:
            raise TransferTooLarge(f"the zone has more than {self._bounds.records:,} records")
        if self.bytes > self._bounds.bytes:
            raise TransferTooLarge(f"the zone takes more than {self._bounds.bytes:,} bytes")

    def _take(self, keys: list[RRKey], rrs: list[bytes]) -> Transferred | None:
        if self._soa is None:
            if keys[0] != SOA_KEY:
                raise TransferError("the answer doesn't begin with the zone's SOA record")
            self._soa = rrs[0]
            del keys[0], rrs[0]
            if not keys and self._is_up_to_date(soa_serial(self._soa)):
                return UpToDate(self._query.apex, soa_serial(self._soa))
        if not keys:
            return None
        if self._body is None:
            self._body = self._begin(self._soa, keys[0], rrs[0])
        done = self._body.take(keys, rrs)
        high = self._reader.high_ttls
        if isinstance(done, WholeZone) and high:
            found = finding("ttl-range", APEX, f"{high:,} TTLs above {MAX_TTL}; 0 taken (RFC 2181 §8)")
            return done._replace(findings=[*done.findings, found])
        return done

    def _is_up_to_date(self, serial: int) -> bool:
        """Whether an SOA record that is alone in the first message is the whole answer."""
        known = self._query.known
        return known is not None and not is_ahead(serial, known)

    def _begin(self, soa: bytes, key: RRKey, rr: bytes) -> WholeReader | DifferenceReader:
        known = self._query.known
        if known is not None and key == SOA_KEY and soa_serial(rr) != soa_serial(soa):
            return DifferenceReader(self._query.apex, soa, known)
        return WholeReader(self._query.apex, soa, self._newer_than)
