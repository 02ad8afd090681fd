"""Applies one step of an incremental transfer to the version that it is a difference to.

What is to be removed must be there, and what is to be added mustn't, else the version isn't the one that the
primary means. TTLs don't take part in this comparison: they belong to the RRset (RFC 2181 §5.2). If records are
added to others that stay, the lowest TTL becomes that of all, as when a whole zone is read.
"""

from collections.abc import Callable
from typing import Final

from zonegit.errors import DifferenceUnfit
from zonegit.model.names import WireName, absolute, to_text
from zonegit.model.rrset import SOA_KEY, RRKey, RRset, key_parts, rdatas
from zonegit.repo.incoming.values import Difference
from zonegit.repo.records import Changes
from zonegit.zonefile.types import type_text

_AGAIN: Final = "the whole zone is needed"


def changes_of(apex: WireName, step: Difference, stored: Callable[[RRKey], bytes | None]) -> Changes:
    """What the step changes; `stored` gives the RRset under a key before it. `DifferenceUnfit` if it doesn't fit.

    That `step.old` is the serial of that version is up to the caller.
    """
    removed, added = dict(step.removed), dict(step.added)
    return {
        key: _changed(apex, key, stored(key), removed.get(key), added.get(key))
        for key in sorted(removed.keys() | added.keys())
    }


def _changed(
    apex: WireName, key: RRKey, old: bytes | None, removed: bytes | None, added: bytes | None
) -> bytes | None:
    before = RRset.decode(old) if old else None
    held = frozenset(before.rdatas if before else ())
    going = frozenset(rdatas(removed) if removed else ())
    kept = held - going
    if not going <= held:
        raise DifferenceUnfit(f"the difference removes {_of(apex, key)}, which isn't in the zone; {_AGAIN}")
    coming = RRset.decode(added) if added else None
    if coming is None:
        if not kept or before is None:
            if key == SOA_KEY:
                raise DifferenceUnfit(f"the difference removes the zone's SOA record; {_AGAIN}")
            return None
        return before._replace(rdatas=tuple(sorted(kept))).encode()
    if not kept.isdisjoint(coming.rdatas):
        raise DifferenceUnfit(f"the difference adds {_of(apex, key)}, which is in the zone already; {_AGAIN}")
    ttl = min(before.ttl, coming.ttl) if kept and before else coming.ttl
    return coming._replace(ttl=ttl, rdatas=tuple(sorted(kept.union(coming.rdatas)))).encode()


def _of(apex: WireName, key: RRKey) -> str:
    owner, rtype = key_parts(key)
    return f"{to_text(absolute(owner, apex))} {type_text(rtype)}"
