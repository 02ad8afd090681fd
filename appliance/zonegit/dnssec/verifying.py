"""Whether each RRset of a signed zone validates (RFC 4035 §5.3, RFC 6840): keys, signatures and their times.

One valid signature is enough (RFC 6840 §5.11): what is wrong with others beside it is a warning. A signature whose
algorithm can't be judged here refuses nothing either. Which key the parent's DS names isn't known here, so any key
that signs the DNSKEY RRset may be the one.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from zonegit.dnssec.found import Found
from zonegit.dnssec.keys import ZoneKey, zone_key
from zonegit.dnssec.nodes import Node
from zonegit.dnssec.rrsig import Signature, date, moment, signatures, signed_bytes
from zonegit.model.names import APEX, Owner, WireName
from zonegit.model.rdata import DNSKEY, RRSIG
from zonegit.model.rrset import FIXED, owner_size, rdatas
from zonegit.zonefile.types import type_text

_TRIED: Final = 4
"""Keys of one tag and algorithm that signatures are tried with, as validators do (CVE-2023-50387)."""


class Verdict(IntEnum):
    """What one signature is worth; the greatest of an RRset's decides."""

    UNKNOWN_KEY = 0
    WRONG = 1
    EARLY = 2
    EXPIRED = 3
    UNJUDGED = 4
    VALID = 5


_CHECKS: Final = {
    Verdict.UNKNOWN_KEY: "signature-key",
    Verdict.WRONG: "signature-wrong",
    Verdict.EARLY: "signature-early",
    Verdict.EXPIRED: "signature-expired",
}


class Verifier:
    """Looks at the owners of one zone."""

    def __init__(self, apex: WireName, apex_node: Node, now: int, found: Found) -> None:
        self._apex = apex
        self._now = now
        self._found = found
        dnskeys = rdatas(apex_node.types[DNSKEY]) if DNSKEY in apex_node.types else ()
        self._keys: dict[tuple[int, int], list[ZoneKey]] = {}
        self._revoked = set()
        for key in filter(None, map(zone_key, dnskeys)):
            if key.revoked:
                self._revoked.add((key.tag, key.algorithm))
            elif len(alike := self._keys.setdefault((key.tag, key.algorithm), [])) < _TRIED:
                alike.append(key)
            else:
                told = f"more than {_TRIED} keys have tag {key.tag}; validators try no more of them"
                found.tally("dnskey-tag", APEX, told)
        self._algorithms = {algorithm for _, algorithm in self._keys}
        if not self._keys:
            found.add("no-dnskey", APEX, "no DNSKEY record of a zone's key in a signed zone")

    def look(self, node: Node) -> None:
        """Verify what has to be signed at an owner, and report signatures that nothing there needs."""
        wanted = node.signed_types()
        made: dict[int, list[Signature]] = {}
        for signature in signatures(node.types[RRSIG]) if RRSIG in node.types else ():
            if signature.covered != DNSKEY or (signature.tag, signature.algorithm) not in self._revoked:
                made.setdefault(signature.covered, []).append(signature)
        for rtype in wanted:
            self._judge(node.owner, rtype, node.types[rtype], made.pop(rtype, []))
        for rtype in made:
            why = "which is not here" if rtype not in node.types else "which nobody signs here"
            self._found.tally("signature-stray", node.owner, f"a signature of {type_text(rtype)}, {why}")

    def _judge(self, owner: Owner, rtype: int, payload: bytes, made: Sequence[Signature]) -> None:
        if not self._keys:
            return
        what = type_text(rtype)
        if not made:
            self._found.add("signature-missing", owner, f"{what} has no signature")
            return
        verdicts = [(self._verdict(owner, payload, signature), signature) for signature in made]
        best = max(verdict for verdict, _ in verdicts)
        for verdict, signature in verdicts:
            told = self._told(verdict, what, signature)
            if verdict is Verdict.UNJUDGED:
                self._found.tally("signature-unjudged", owner, told)
            elif best >= Verdict.UNJUDGED > verdict:
                self._found.tally("signature-spare", owner, told)
        if best < Verdict.UNJUDGED:
            signature = next(signature for verdict, signature in verdicts if verdict is best)
            self._found.add(_CHECKS[best], owner, self._told(best, what, signature))
        self._look_beside(owner, what, payload, made)
        if rtype == DNSKEY and best is Verdict.VALID and not self._enters(verdicts):
            told = "no key with the SEP flag signs the DNSKEY records; the parent's DS may name such a key"
            self._found.tally("dnskey-entry", owner, told)

    def _enters(self, verdicts: Sequence[tuple[Verdict, Signature]]) -> bool:
        """Whether a key that is meant as the way in signs the keys, if there is such a key."""
        meant = {tag for tag, keys in self._keys.items() if any(key.entry for key in keys)}
        signing = {(made.tag, made.algorithm) for verdict, made in verdicts if verdict >= Verdict.UNJUDGED}
        return not meant or not meant.isdisjoint(signing)

    def _look_beside(self, owner: Owner, what: str, payload: bytes, made: Sequence[Signature]) -> None:
        """What validators don't mind."""
        if missing := self._algorithms - {signature.algorithm for signature in made}:
            told = f"{what} has no signature of algorithm {min(missing)}, of which there is a DNSKEY"
            self._found.tally("signature-algorithm", owner, told)
        ttl = FIXED.unpack_from(payload, owner_size(payload) + 2)[2]
        if any(signature.original_ttl != ttl for signature in made):
            self._found.tally("signature-ttl", owner, f"{what} has TTL {ttl}, and was signed with another")

    def _verdict(self, owner: Owner, payload: bytes, signature: Signature) -> Verdict:
        keys = self._keys.get((signature.tag, signature.algorithm), ())  # several: tags are not unique
        if not keys or signature.signer != self._apex:
            return Verdict.UNKNOWN_KEY
        if all(key.verify is None for key in keys):
            return Verdict.UNJUDGED
        data = signed_bytes(signature, owner, self._apex, payload)
        if signature.labels != _labels(owner + self._apex) or not any(
            key.verify(signature.signature, data) for key in keys if key.verify is not None
        ):
            return Verdict.WRONG
        if moment(signature.expiration, self._now) < self._now:
            return Verdict.EXPIRED
        if moment(signature.inception, self._now) > self._now:
            return Verdict.EARLY
        return Verdict.VALID

    def _told(self, verdict: Verdict, what: str, signature: Signature) -> str:
        by = f"key {signature.tag}"
        match verdict:
            case Verdict.UNKNOWN_KEY:
                return f"{what} is signed by {by}, algorithm {signature.algorithm}, which is not a key of this zone"
            case Verdict.WRONG:
                return f"the signature of {what} by {by} is wrong"
            case Verdict.EARLY:
                return f"the signature of {what} by {by} is valid from {date(signature.inception, self._now)} on"
            case Verdict.EXPIRED:
                return f"the signature of {what} by {by} ended at {date(signature.expiration, self._now)}"
            case _:
                return f"the signature of {what} by {by} has algorithm {signature.algorithm}, unknown here"


def _labels(name: bytes) -> int:
    """The labels of a name, without the root's and a leading asterisk (RFC 4034 §3.1.3)."""
    count = 0
    at = 0
    while size := name[at]:
        count += 1
        at += 1 + size
    return count - name.startswith(b"\1*")
