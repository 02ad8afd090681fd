"""Whether each RRset that has to be signed is signed as it must be, and no other (RFC 4035 §2.2 and §5.3).

Every field of a signature is judged, then the signature itself: by dnspython, or, where there are very many, by
this room's verifier with every 64th by dnspython, too.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from struct import error
from typing import Final, NamedTuple

from zonegit.dnssec.keys import Signed, VerifyAll
from zonegit.dnssec.nodes import Node
from zonegit.dnssec.proving import by_dnspython
from zonegit.dnssec.proving.changes import Change, Served, ttl_of
from zonegit.dnssec.proving.keys import Key, Keys
from zonegit.dnssec.rrsig import Signature, date, moment, signatures, signed_bytes
from zonegit.errors import InvalidObject, InvalidRecord
from zonegit.model.names import Owner, OwnerKey, absolute, key_owner, labels
from zonegit.model.rdata import DNSKEY, RRSIG, SOA
from zonegit.model.rrset import check_stored, owner_size, payload_key, rdatas, rr_key, served_soa

LEAST_LEFT: Final = 3 * 3600
"""Seconds that a signature must still be valid when it is published: caches and secondaries need time."""
ALL_BY_DNSPYTHON: Final = 2000
"""As many signatures of a version are judged by dnspython alone; from there on, every `SAMPLE`th."""
SAMPLE: Final = 64
_OWNERS: Final = 2048
"""Owners whose signatures are verified together."""


class _Claim(NamedTuple):
    """That a signature of an RRset is one by a key."""

    owner: OwnerKey
    payload: bytes
    rrsig: Signature
    dnskey: bytes


class Judge:
    """Judges the signatures of one version, and counts them."""

    def __init__(
        self, served: Served, now: int, keys: Keys, own: Keys, trusted: frozenset[bytes], verify: VerifyAll
    ) -> None:
        """`own`: of the version's DNSKEY RRset. `trusted`: DNSKEY RDATA that old signatures were judged with."""
        self._served = served
        self._apex_labels = len(labels(served.apex))
        self._now = now
        self._keys = keys
        self._own = own
        self._by_dnskey = {
            key.dnskey: key for alike in (*keys.by_tag.values(), *own.by_tag.values()) for key in alike
        }
        self._trusted = trusted
        self._verify = verify
        self._count = 0

    def faults(self, changes: Iterable[Change]) -> Iterator[str]:
        """What is wrong with the signatures of these owners, as far as it isn't as before."""
        rest = iter(changes)
        while some := list(islice(rest, _OWNERS)):
            yield from self._of_owners(some)

    def _of_owners(self, changes: Sequence[Change]) -> list[str]:
        """All claims are believed at first, and verified together. If some are wrong, all is judged once more."""
        found = [each for change in changes for each in self._of_owner(change, ())]
        wrong = self._wrong([each for each in found if isinstance(each, _Claim)])
        if wrong:
            found = [each for change in changes for each in self._of_owner(change, wrong)]
        return [each for each in found if isinstance(each, str)]

    def _of_owner(self, change: Change, wrong: Collection[_Claim]) -> Iterator[str | _Claim]:
        """The faults of an owner, and its claims, which are believed but for those in `wrong`."""
        node, before = change
        try:
            for rtype, payload in node.types.items():
                if before.get(rtype) != payload:
                    _check_form(node, rtype, payload)
            old = _by_type(before)
            new = _by_type(node.types)
        except (InvalidObject, InvalidRecord, error) as reason:
            yield f"{self._served.name(node.key)}: {reason}"
            return
        for rtype in node.signed_types():
            payload = node.types[rtype]
            known = old.get(rtype, ()) if before.get(rtype) == payload else ()
            for each in self._of_rrset(node.key, rtype, payload, new.pop(rtype, ()), known, wrong):
                yield f"{self._served.name(node.key, rtype)}: {each}" if isinstance(each, str) else each
        for rtype in new:
            what = "must not be signed here" if rtype in node.types else "doesn't exist"
            yield f"{self._served.name(node.key, rtype)}: {what}, but has a signature"

    def _of_rrset(
        self,
        owner: OwnerKey,
        rtype: int,
        payload: bytes,
        rrsigs: Sequence[Signature],
        known: Sequence[Signature],
        wrong: Collection[_Claim],
    ) -> Iterator[str | _Claim]:
        """`known`: signatures of this same RRset that were judged before."""
        keys = self._own if rtype == DNSKEY else self._keys
        if not rrsigs:
            yield "has no signature"
            return
        signing: list[Key] = []
        for rrsig in rrsigs:
            alike = keys.by_tag.get((rrsig.algorithm, rrsig.tag), ())
            if known and rrsig in known and len(alike) == 1 and alike[0].dnskey in self._trusted:
                signing.append(alike[0])
            elif fault := self._field_fault(owner, payload, rrsig):
                yield fault
            elif alike:
                claims = [_Claim(owner, payload, rrsig, key.dnskey) for key in alike]
                yield from claims
                by = [key for key, claim in zip(alike, claims, strict=True) if not wrong or claim not in wrong]
                signing += by
                if not by:
                    yield f"the signature by key {rrsig.tag} is wrong"
            elif rtype == DNSKEY or keys.is_known(rrsig.algorithm):
                yield f"signed by key {rrsig.tag}, which no DNSKEY record has"
        if len(signing) > 1 and len(signing) > len({key.dnskey for key in signing}):
            yield "two signatures by the same key"
        if lacking := keys.wanted.difference(*[key.satisfies for key in signing]):
            yield from _lacks(keys, lacking)
        if rtype == DNSKEY and not any(key.own.sep for key in signing) and keys.has_entry_point:
            yield "not signed by any key with the SEP flag, which DS records name"

    def _field_fault(self, owner: OwnerKey, payload: bytes, rrsig: Signature) -> str | None:
        """What is wrong with the fields of a signature, whatever key made it."""
        now = self._now
        ttl = ttl_of(payload)
        count = self._apex_labels + owner.count(b"\0") - (owner == b"*\0" or owner.endswith(b"\0*\0"))
        if rrsig.signer != self._served.apex:
            fault = "has another signer's name than the zone's"
        elif rrsig.labels != count:
            fault = f"has {rrsig.labels} in its field Labels; the name has {count}"
        elif rrsig.original_ttl != ttl:
            fault = f"was made for TTL {rrsig.original_ttl}; the TTL is {ttl}"
        elif moment(rrsig.inception, now) > now:
            fault = f"isn't valid before {date(rrsig.inception, now)}"
        elif moment(rrsig.expiration, now) < now + LEAST_LEFT:
            end = date(rrsig.expiration, now)
            fault = f"ends at {end}; it must last for {LEAST_LEFT // 3600} hours at least"
        else:
            return None
        return f"the signature by key {rrsig.tag} {fault}"

    def _wrong(self, claims: Sequence[_Claim]) -> frozenset[_Claim]:
        """The claims that aren't right: one by one by dnspython, then by this room's verifier together."""
        before, self._count = self._count, self._count + len(claims)
        first = max(0, ALL_BY_DNSPYTHON - before)
        sample = [each for number, each in enumerate(claims[first:], before + first + 1) if not number % SAMPLE]
        wrong = [claim for claim in (*claims[:first], *sample) if not self._is_valid_by_dnspython(claim)]
        by_key: dict[bytes, list[_Claim]] = {}
        for claim in claims[first:]:
            by_key.setdefault(claim.dnskey, []).append(claim)
        for dnskey, alike in by_key.items():
            verdicts = self._verify(dnskey, [self._signed(claim) for claim in alike])
            wrong += [claim for claim, valid in zip(alike, verdicts, strict=True) if not valid]
        return frozenset(wrong)

    def _signed(self, claim: _Claim) -> Signed:
        owner = Owner(claim.payload[: owner_size(claim.payload)])
        return Signed(claim.rrsig.signature, signed_bytes(claim.rrsig, owner, self._served.apex, claim.payload))

    def _is_valid_by_dnspython(self, claim: _Claim) -> bool:
        owner, payload, rrsig, dnskey = claim
        name = absolute(key_owner(owner), self._served.apex)
        record = rrsig.head + rrsig.signature
        key = self._by_dnskey[dnskey].dnspython
        return by_dnspython.is_valid(name, rrsig.covered, ttl_of(payload), rdatas(payload), record, key, self._now)


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


def _lacks(keys: Keys, lacking: Collection[tuple[int, int]]) -> Iterator[str]:
    """Which signatures an RRset lacks. `lacking`: what is left of `keys.wanted`."""
    for algorithm in sorted({algorithm for _, algorithm in lacking}):
        those = "the DNSKEY records" if keys.sets == 1 else "each DNSKEY RRset that validators may hold"
        yield f"lacks a valid signature of algorithm {algorithm} by a key of {those}"
