"""Signatures of a zone that have expired or expire soon, without verifying any."""

from collections.abc import Iterator
from typing import Final

from zonegit.dnssec.nodes import Entries
from zonegit.dnssec.rrsig import date, moment
from zonegit.model.names import Owner
from zonegit.model.rdata import RRSIG
from zonegit.model.rrset import key_parts, record_spans
from zonegit.zonefile.findings import Finding, finding

SOON: Final = 3 * 86400
"""Seconds: long enough to be noticed after a weekend."""
_TYPE: Final = RRSIG.to_bytes(2, "big")
_END: Final = 8
"""Bytes of an RRSIG's RDATA in front of the expiration."""


def ending(entries: Entries, now: int) -> list[Finding]:
    """Warnings about signatures that have expired, and about those that expire within three days."""
    past: list[tuple[int, Owner]] = []
    soon: list[tuple[int, Owner]] = []
    for end, owner in _ends(entries, now):
        (past if end < now else soon).append((end, owner))
    found = []
    for ends, what in ((past, "expired, the first"), (soon, "expire within three days, the first")):
        if ends:
            first, owner = min(ends)
            count = "1 signature" if len(ends) == 1 else f"{len(ends):,} signatures"
            found.append(finding("signatures-end", owner, f"{count} {what} at {date(first, now)}"))
    return found


def _ends(entries: Entries, now: int) -> Iterator[tuple[int, Owner]]:
    for key, payload in entries:
        if key[-2:] != _TYPE:
            continue
        for start, _ in record_spans(payload):
            end = moment(int.from_bytes(payload[start + _END : start + _END + 4], "big"), now)
            if end < now + SOON:
                yield end, key_parts(key)[0]
