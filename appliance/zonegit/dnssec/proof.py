"""Whether a signed version of a zone may be published: everything that differs from the one before is proven.

RFC 4034, 4035, 5155, 8976, 9077. What is proven: the signatures of what changed, by every DNSKEY RRset that
validators may hold; that nothing lacks a signature, or has one that it must not have; the chain of denial around
the changes; the records about keys; the zone's digest. What validators accept with a warning is refused, too:
signing made it, so it is a mistake. The version before is believed: it was proven when it was published.

Nothing here is shared with the code that signs (`docs/decisions/0053-verification-before-publication.md`).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from zonegit.dnssec.hashing import MAX_VALIDATED_ITERATIONS, Parameters, parameters
from zonegit.dnssec.keys import VerifyAll, verify_all
from zonegit.dnssec.proving.apex import apex_faults
from zonegit.dnssec.proving.changes import Change, Served, changes, everything, others, ttl_of
from zonegit.dnssec.proving.keys import Keys
from zonegit.dnssec.proving.nsec import nsec_around, whole_nsec
from zonegit.dnssec.proving.nsec3 import Mended, are_alike
from zonegit.dnssec.proving.nsec3_chain import whole_nsec3
from zonegit.dnssec.proving.signatures import Judge
from zonegit.dnssec.proving.zonemd import zonemd_faults
from zonegit.errors import InvalidObject, InvalidRecord
from zonegit.model.names import APEX_KEY, WireName
from zonegit.model.rdata import DNSKEY, NSEC, NSEC3PARAM, SOA
from zonegit.model.rrset import rdatas
from zonegit.tree.zone_tree import Tree

MOST: Final = 100
"""Faults that are listed; the search ends with them."""

Types = Mapping[int, bytes]
"""Stored RRsets at one owner."""


def faults(
    old: Tree | None,
    new: Tree,
    apex: WireName,
    serial: int,
    now: int,
    dnskey_sets: Sequence[bytes],
    verify: VerifyAll = verify_all,
) -> list[str]:
    """Reasons, one line each, why `new` mustn't be published after `old`; empty if it may be.

    `old`: the version that is published, whose nodes `new` can read, too; None, or a version that isn't signed: all
    of `new` is proven. `serial`: the one that `new` is served with. `now`: Unix seconds. `dnskey_sets`: stored
    DNSKEY RRsets: the one in `new`, and those that caches may still hold. `verify`: verifies large batches of
    signatures.
    """
    if old is not None and DNSKEY not in old.at(APEX_KEY):
        old = None
    return list(islice(_faults(old, Served(new, apex, serial), now, dnskey_sets, verify), MOST))


def _faults(
    old: Tree | None, new: Served, now: int, dnskey_sets: Sequence[bytes], verify: VerifyAll
) -> Iterator[str]:
    at_apex = new.at(APEX_KEY)
    before = old.at(APEX_KEY) if old else {}
    try:
        yield from apex_faults(new, at_apex, dnskey_sets)
        if DNSKEY not in at_apex or SOA not in at_apex:
            return
        keys, own = Keys.of(new.apex, dnskey_sets), Keys.of(new.apex, [at_apex[DNSKEY]])
        trusted = frozenset(rdatas(before[DNSKEY]) if DNSKEY in before else ())
        judge = Judge(new, now, keys, own, trusted, verify)
        changed = [] if old is None else list(changes(old, new))
        yield from judge.faults(everything(new) if old is None else changed)
        if old is not None and _is_coverage_doubtful(before[DNSKEY], at_apex[DNSKEY]):
            yield from judge.faults(others(new, {change.node.key for change in changed}))
        yield from _denial_faults(old, before, new, at_apex, changed)
        yield from zonemd_faults(new)
    except (InvalidObject, InvalidRecord) as reason:
        yield f"{new.name(APEX_KEY)}: a record of the zone can't be read: {reason}"


def _is_coverage_doubtful(old: bytes, new: bytes) -> bool:
    """Whether signatures that didn't change may no longer be enough: a key is gone, or an algorithm came."""
    was, now = set(rdatas(old)), set(rdatas(new))
    return bool(was - now) or bool({dnskey[3] for dnskey in now} - {dnskey[3] for dnskey in was})


def _denial_faults(
    old: Tree | None, before: Types, new: Served, at_apex: Types, changed: Sequence[Change]
) -> Iterator[str]:
    ttl = _negative_ttl(at_apex[SOA])
    is_around = SOA in before and _negative_ttl(before[SOA]) == ttl
    apex = new.name(APEX_KEY)
    if NSEC3PARAM in at_apex:
        if NSEC in at_apex:
            yield f"{apex}: both an NSEC and an NSEC3PARAM record"
        chosen = _parameters(at_apex[NSEC3PARAM])
        if isinstance(chosen, str):
            yield f"{apex} NSEC3PARAM: {chosen}"
            return
        if old and is_around and before.get(NSEC3PARAM) == at_apex[NSEC3PARAM]:
            previous = Served(old, new.apex, 0)
            if are_alike(previous, changed, chosen):
                yield from Mended(previous, new, chosen, ttl).faults(changed)
                return
        yield from whole_nsec3(new, chosen, ttl)
    elif NSEC not in at_apex:
        yield f"{apex}: neither an NSEC nor an NSEC3PARAM record"
    elif is_around and NSEC in before and NSEC3PARAM not in before:
        yield from nsec_around(new, changed, ttl)
    else:
        yield from whole_nsec(new, ttl)


def _parameters(payload: bytes) -> Parameters | str:
    """The parameters of the one NSEC3 chain that a zone has; or what is wrong with them."""
    records = rdatas(payload)
    chosen = parameters(records)
    if len(records) > 1:
        return f"{len(records)} records; one is enough"
    if chosen is None:
        return "unknown hash algorithm, flags, or a salt that is cut short"
    if chosen.iterations > MAX_VALIDATED_ITERATIONS:
        return f"{chosen.iterations} iterations; validators accept {MAX_VALIDATED_ITERATIONS}"
    return chosen


def _negative_ttl(soa: bytes) -> int:
    """The TTL of negative answers (RFC 2308 §5, RFC 9077 §3)."""
    return min(ttl_of(soa), int.from_bytes(soa[-4:], "big"))
