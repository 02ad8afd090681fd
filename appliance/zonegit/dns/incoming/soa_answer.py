"""Reads the answer to a query for a zone's SOA record."""

from zonegit.dns.incoming.envelope import Envelopes
from zonegit.dns.incoming.query import ZoneQuery
from zonegit.dns.incoming.records import RecordReader
from zonegit.errors import TransferError
from zonegit.model.rdata import soa_serial
from zonegit.model.rrset import SOA_KEY


def serial_in(query: ZoneQuery, message: bytes, now: int) -> int:
    """The serial in an answer. `TransferError` and its kinds; `now` is Unix seconds.

    The answer must be authoritative: a resolver's may be old, and would say that nothing is newer.
    """
    body = Envelopes(query).open(message, now)
    if not body.authoritative:
        raise TransferError("its answer isn't authoritative: it doesn't serve the zone")
    keys, rrs = RecordReader(query.apex).read(body)
    if keys != [SOA_KEY]:
        raise TransferError("its answer isn't one SOA record: it doesn't serve the zone")
    return soa_serial(rrs[0])
