"""What transfers bring, made of zone files: whole zones, and the differences between two."""

from itertools import pairwise

from repokit import parsed
from zonegit.model.names import from_text
from zonegit.model.rrset import SOA_KEY, RRset, key_parts, record_count
from zonegit.repo.incoming.values import Difference, Differences, Entry, WholeZone

SERVER = "192.0.2.1"
REFRESH, RETRY, EXPIRE = 600, 120, 3600
"""Seconds, of the zones that `text_of` makes."""


def text_of(serial: int, *lines: str, ns: bool = True) -> str:
    """A zone file of example.org. with these lines, each `www A 192.0.2.1`."""
    own = ["@ NS ns1", "ns1 A 192.0.2.53"] if ns else []
    soa = f"@ SOA ns1 hostmaster {serial} {REFRESH} {RETRY} {EXPIRE} 300"
    return "\n".join(["$ORIGIN example.org.", "$TTL 3600", soa, *own, *lines, ""])


ONE, TWO, THREE = (text_of(serial, f"www A 192.0.2.{serial}") for serial in (1, 2, 3))
"""Three versions of a zone."""


def whole(text: str) -> WholeZone:
    """The zone as an AXFR brings it."""
    found = parsed(text)
    records = sum(record_count(payload) for _, payload in found.entries)
    return WholeZone(found.apex, found.serial, list(found.entries), records)


def steps(*texts: str) -> Differences:
    """The zone as an IXFR brings it, from the first of these versions to the last one."""
    versions = [whole(text) for text in texts]
    found = [_step(old, new) for old, new in pairwise(versions)]
    return Differences(from_text("example.org."), found)


def _step(old: WholeZone, new: WholeZone) -> Difference:
    return Difference(old.serial, new.serial, _without(old, new), _without(new, old))


def _without(one: WholeZone, other: WholeZone) -> list[Entry]:
    """The records that only `one` has; all of an RRset whose TTL differs, as servers send it."""
    others = dict(other.entries)
    found: list[Entry] = []
    for key, payload in one.entries:
        mine, theirs = RRset.decode(payload), others.get(key)
        rest = RRset.decode(theirs) if theirs is not None else None
        same_ttl = rest is not None and rest.ttl == mine.ttl
        left = [rdata for rdata in mine.rdatas if rest is None or not same_ttl or rdata not in rest.rdatas]
        if left and not (key == SOA_KEY and payload == theirs):
            owner, rtype = key_parts(key)
            found.append((key, RRset.of(owner, rtype, mine.ttl, left).encode()))
    return found
