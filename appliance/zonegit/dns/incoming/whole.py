"""Gathers the records of a whole zone (RFC 5936 §2.2) until its SOA record comes again.

Most servers send a zone in canonical order. So keys and records are kept in two lists in the order in which they
come, and only what isn't in order, or comes several times under one key, takes more than a few operations.
"""

from itertools import islice
from operator import le

from zonegit.acyclic import acyclic
from zonegit.dns.incoming.serials import check_newer
from zonegit.errors import TransferError
from zonegit.model.names import WireName
from zonegit.model.rdata import soa_serial
from zonegit.model.rrset import SOA_KEY, RRKey, served_soa
from zonegit.repo.incoming.values import Entry, WholeZone
from zonegit.zonefile.entries import Entries


class WholeReader:
    """Takes the records after the first SOA record, in any order."""

    def __init__(self, apex: WireName, soa: bytes, newer_than: int | None) -> None:
        """`soa` is the stored form with its serial. `TransferError` if that isn't ahead of `newer_than`."""
        check_newer(soa_serial(soa), newer_than)
        self._apex = apex
        self._soa = soa
        self._keys: list[RRKey] = [SOA_KEY]
        self._rrs: list[bytes] = [served_soa(soa, 0)]

    def take(self, keys: list[RRKey], rrs: list[bytes]) -> WholeZone | None:
        """Take the records of a message; the zone, if they end it. `TransferError`."""
        is_last = SOA_KEY in keys
        if is_last:
            self._check_end(keys, rrs)
            del keys[-1], rrs[-1]
        self._keys += keys
        self._rrs += rrs
        return self._finished() if is_last else None

    def _check_end(self, keys: list[RRKey], rrs: list[bytes]) -> None:
        at = keys.index(SOA_KEY)
        if rrs[at] != self._soa:
            begin, end = soa_serial(self._soa), soa_serial(rrs[at])
            raise TransferError(
                f"the zone begins with serial {begin} and ends with serial {end}: it changed during the transfer"
                if begin != end
                else f"the zone begins and ends with different SOA records of serial {begin}"
            )
        if at + 1 < len(keys):
            raise TransferError("records follow the SOA record that ends the zone")

    def _finished(self) -> WholeZone:
        merging = Entries()
        with acyclic():
            entries = _in_order(self._keys, self._rrs)
            self._keys, self._rrs = [], []
            rrsets, records = merging.gathered(entries)
        return WholeZone(self._apex, soa_serial(self._soa), rrsets, records, merging.warnings.listed())


def _in_order(keys: list[RRKey], rrs: list[bytes]) -> list[Entry]:
    """The records with their keys in canonical order, in which one key may come several times."""
    entries = list(zip(keys, rrs, strict=True))
    if not all(map(le, keys, islice(keys, 1, None))):
        entries.sort()
    return entries
