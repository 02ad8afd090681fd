"""Whether each RRset that has to be signed is signed as it must be, and no other (RFC 4035 §2.2 and §5.3).

Every field of a signature is judged, then the signature itself: by dnspython, or, where there are very many, by
this room's verifier with every 64th by dnspython, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from struct import error
from typing import Final

from zonegit.dnssec.nodes import Node
from zonegit.dnssec.proving import by_dnspython
from zonegit.dnssec.proving.changes import Change, Served, ttl_of
from zonegit.dnssec.proving.keys import Key, Keys
from zonegit.dnssec.rrsig import Signature, date, moment, signatures, signed_bytes
from zonegit.errors import InvalidObject, InvalidRecord
from zonegit.model.names import absolute, labels
from zonegit.model.rdata import DNSKEY, RRSIG, SOA
from zonegit.model.rrset import check_stored, payload_key, rdatas, rr_key, served_soa

LEAST_LEFT: Final = 3 * 3600
"""Seconds that a signature must still be valid when it is published: caches and secondaries need time."""
ALL_BY_DNSPYTHON: Final = 2000
"""As many signatures of a version are judged by dnspython alone; from there on, every `SAMPLE`th."""
SAMPLE: Final = 64


class Judge:
    """Judges the signatures of one version, and counts them."""

    def __init__(self, served: Served, now: int, keys: Keys, own: Keys, trusted: frozenset[bytes]) -> None:
        """`own`: of the version's DNSKEY RRset. `trusted`: DNSKEY RDATA that old signatures were judged with."""
        self._served = served
        self._now = now
        self._keys = keys
        self._own = own
        self._trusted = trusted
        self._count = 0

    def faults(self, change: Change) -> Iterator[str]:
        """What is wrong with the signatures of an owner, as far as it isn't as before."""
        node = change.node
        try:
            for rtype, payload in node.types.items():
                if change.before.get(rtype) != payload:
                    _check_form(node, rtype, payload)
            old = _by_type(change.before)
            new = _by_type(node.types)
        except (InvalidObject, InvalidRecord, error) as reason:
            yield f"{self._served.name(node.key)}: {reason}"
            return
        for rtype in node.signed_types():
            payload = node.types[rtype]
            known = old.get(rtype, []) if change.before.get(rtype) == payload else []
            yield from self._of_rrset(node, rtype, payload, new.pop(rtype, []), known)
        for rtype in new:
            what = "must not be signed here" if rtype in node.types else "doesn't exist"
            yield f"{self._served.name(node.key, rtype)}: {what}, but has a signature"

    def _of_rrset(
        self, node: Node, rtype: int, payload: bytes, rrsigs: Sequence[Signature], known: Sequence[Signature]
    ) -> Iterator[str]:
        """`known`: signatures of this same RRset that were judged before."""
        name = self._served.name(node.key, rtype)
        keys = self._own if rtype == DNSKEY else self._keys
        if not rrsigs:
            yield f"{name}: has no signature"
            return
        signing: list[Key] = []
        for rrsig in rrsigs:
            alike = keys.by_tag.get((rrsig.algorithm, rrsig.tag), [])
            if rrsig in known and len(alike) == 1 and alike[0].dnskey in self._trusted:
                signing.append(alike[0])
            elif fault := self._field_fault(node, payload, rrsig):
                yield f"{name}: {fault}"
            elif by := [key for key in alike if self._is_valid(node, rtype, payload, rrsig, key)]:
                signing += by
            elif alike:
                yield f"{name}: the signature by key {rrsig.tag} is wrong"
            elif rtype == DNSKEY or keys.is_known(rrsig.algorithm):
                yield f"{name}: signed by key {rrsig.tag}, which no DNSKEY record has"
        if len(signing) > len({key.dnskey for key in signing}):
            yield f"{name}: two signatures by the same key"
        yield from (f"{name}: {fault}" for fault in _lacks(keys, signing))
        if rtype == DNSKEY and not any(key.own.sep for key in signing) and keys.has_entry_point:
            yield f"{name}: not signed by any key with the SEP flag, which DS records name"

    def _field_fault(self, node: Node, payload: bytes, rrsig: Signature) -> str | None:
        """What is wrong with the fields of a signature, whatever key made it."""
        now = self._now
        ttl = ttl_of(payload)
        count = len(labels(node.owner + self._served.apex)) - node.owner.startswith(b"\1*")
        by = f"the signature by key {rrsig.tag}"
        if rrsig.signer != self._served.apex:
            return f"{by} has another signer's name than the zone's"
        if rrsig.labels != count:
            return f"{by} has {rrsig.labels} in its field Labels; the name has {count}"
        if rrsig.original_ttl != ttl:
            return f"{by} was made for TTL {rrsig.original_ttl}; the TTL is {ttl}"
        if moment(rrsig.inception, now) > now:
            return f"{by} isn't valid before {date(rrsig.inception, now)}"
        if moment(rrsig.expiration, now) < now + LEAST_LEFT:
            return (
                f"{by} ends at {date(rrsig.expiration, now)}; it must last for {LEAST_LEFT // 3600} hours at least"
            )
        return None

    def _is_valid(self, node: Node, rtype: int, payload: bytes, rrsig: Signature, key: Key) -> bool:
        self._count += 1
        if self._count > ALL_BY_DNSPYTHON:
            data = signed_bytes(rrsig, node.owner, self._served.apex, payload)
            if key.own.verify is None or not key.own.verify(rrsig.signature, data):
                return False
            if self._count % SAMPLE:
                return True
        name = absolute(node.owner, self._served.apex)
        record = rrsig.head + rrsig.signature
        return by_dnspython.is_valid(
            name, rtype, ttl_of(payload), rdatas(payload), record, key.dnspython, self._now
        )


def _by_type(types: Mapping[int, bytes]) -> dict[int, list[Signature]]:
    found: dict[int, list[Signature]] = {}
    for signature in signatures(types[RRSIG]) if RRSIG in types else ():
        found.setdefault(signature.covered, []).append(signature)
    return found


def _check_form(node: Node, rtype: int, payload: bytes) -> None:
    """Check what the store checks of an RRset, and that it is the one that it stands for."""
    stored = served_soa(payload, 0) if rtype == SOA else payload
    check_stored(stored)
    if payload_key(payload) != rr_key(node.key, rtype):
        raise InvalidObject("a record stands under another name or type than its own")


def _lacks(keys: Keys, signing: Sequence[Key]) -> Iterator[str]:
    """Which signatures an RRset lacks that was signed by these keys."""
    there = {(number, key.own.algorithm) for key in signing for number in key.sets}
    wanted = {(number, algorithm) for number, each in enumerate(keys.algorithms) for algorithm in each}
    for algorithm in sorted({algorithm for _, algorithm in wanted - there}):
        those = "the DNSKEY records" if len(keys.algorithms) == 1 else "each DNSKEY RRset that validators may hold"
        yield f"lacks a valid signature of algorithm {algorithm} by a key of {those}"
