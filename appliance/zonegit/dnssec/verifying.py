"""Whether each RRset of a signed zone validates (RFC 4035 §5.3, RFC 6840): keys, signatures and their times.

One valid signature is enough (RFC 6840 §5.11): what is wrong with others beside it is a warning. A signature whose
algorithm can't be judged here refuses nothing either. Which key the parent's DS names isn't known here, so any key
that signs the DNSKEY RRset may be the one.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from zonegit.dnssec.bounded_findings import BoundedFindings
from zonegit.dnssec.keys import ZoneKey, zone_key
from zonegit.dnssec.nodes import Node
from zonegit.dnssec.rrsig import Signature, date, moment, signatures, signed_bytes
from zonegit.model.names import APEX, Owner, WireName, labels
from zonegit.model.rdata import DNSKEY, RRSIG
from zonegit.model.rrset import FIXED, owner_size, rdatas
from zonegit.zonefile.types import type_text

_TRIED: Final = 4
"""Keys of one tag and algorithm that signatures are tried with, as validators do (CVE-2023-50387)."""


class Verdict(IntEnum):
    """The verdict on one signature; the greatest among an RRset's signatures counts."""

    UNKNOWN_KEY = 0
    WRONG = 1
    EARLY = 2
    EXPIRED = 3
    UNSUPPORTED = 4
    VALID = 5


_CHECKS: Final = {
    Verdict.UNKNOWN_KEY: "signature-key",
    Verdict.WRONG: "signature-wrong",
    Verdict.EARLY: "signature-early",
    Verdict.EXPIRED: "signature-expired",
}


class Verifier:
    """Looks at the owners of one zone."""

    def __init__(self, apex: WireName, apex_node: Node, now: int, found: BoundedFindings) -> None:
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
                message = f"more than {_TRIED} keys have tag {key.tag}; validators try no more than {_TRIED}"
                found.tally("dnskey-tag", APEX, message)
        self._algorithms = {algorithm for _, algorithm in self._keys}
        if not self._keys:
            found.add("no-dnskey", APEX, "a signed zone without a DNSKEY record of a zone key")

    def verify(self, node: Node) -> None:
        """Verify the RRsets of an owner, and report signatures that don't belong there."""
        wanted = node.signed_types()
        rrsigs: dict[int, list[Signature]] = {}
        for signature in signatures(node.types[RRSIG]) if RRSIG in node.types else ():
            if signature.covered != DNSKEY or (signature.tag, signature.algorithm) not in self._revoked:
                rrsigs.setdefault(signature.covered, []).append(signature)
        for rtype in wanted:
            self._verify_rrset(node.owner, rtype, node.types[rtype], rrsigs.pop(rtype, []))
        for rtype in rrsigs:
            why = "which doesn't exist here" if rtype not in node.types else "which must not be signed here"
            self._found.tally("signature-stray", node.owner, f"a signature of {type_text(rtype)}, {why}")

    def _verify_rrset(self, owner: Owner, rtype: int, payload: bytes, rrsigs: Sequence[Signature]) -> None:
        if not self._keys:
            return
        what = type_text(rtype)
        if not rrsigs:
            self._found.add("signature-missing", owner, f"{what} has no signature")
            return
        verdicts = [(self._verdict(owner, payload, signature), signature) for signature in rrsigs]
        best = max(verdict for verdict, _ in verdicts)
        for verdict, signature in verdicts:
            message = self._message(verdict, what, signature)
            if verdict is Verdict.UNSUPPORTED:
                self._found.tally("signature-unjudged", owner, message)
            elif best >= Verdict.UNSUPPORTED > verdict:
                self._found.tally("signature-spare", owner, message)
        if best < Verdict.UNSUPPORTED:
            signature = next(signature for verdict, signature in verdicts if verdict is best)
            self._found.add(_CHECKS[best], owner, self._message(best, what, signature))
        self._warn(owner, what, payload, rrsigs)
        if rtype == DNSKEY and best is Verdict.VALID and not self._has_entry_point(verdicts):
            message = "no key with the SEP flag signs the DNSKEY records; the parent's DS may name such a key"
            self._found.tally("dnskey-entry", owner, message)

    def _has_entry_point(self, verdicts: Sequence[tuple[Verdict, Signature]]) -> bool:
        """Whether a key with the SEP flag (RFC 4034 §2.1.1) signs the DNSKEY RRset; true if no key has it."""
        sep_tags = {tag for tag, keys in self._keys.items() if any(key.sep for key in keys)}
        signing = {(rrsig.tag, rrsig.algorithm) for verdict, rrsig in verdicts if verdict >= Verdict.UNSUPPORTED}
        return not sep_tags or not sep_tags.isdisjoint(signing)

    def _warn(self, owner: Owner, what: str, payload: bytes, rrsigs: Sequence[Signature]) -> None:
        """Warn of what validators accept all the same."""
        if missing := self._algorithms - {signature.algorithm for signature in rrsigs}:
            message = f"{what} has no signature of algorithm {min(missing)}, though there is a DNSKEY of it"
            self._found.tally("signature-algorithm", owner, message)
        ttl = FIXED.unpack_from(payload, owner_size(payload) + 2)[2]
        if any(signature.original_ttl != ttl for signature in rrsigs):
            self._found.tally("signature-ttl", owner, f"{what} has TTL {ttl}, but was signed with another")

    def _verdict(self, owner: Owner, payload: bytes, signature: Signature) -> Verdict:
        keys = self._keys.get((signature.tag, signature.algorithm), ())  # several: tags are not unique
        if not keys or signature.signer != self._apex:
            return Verdict.UNKNOWN_KEY
        if all(key.verify is None for key in keys):
            return Verdict.UNSUPPORTED
        data = signed_bytes(signature, owner, self._apex, payload)
        if signature.labels != _label_count(owner + self._apex) or not any(
            key.verify(signature.signature, data) for key in keys if key.verify is not None
        ):
            return Verdict.WRONG
        if moment(signature.expiration, self._now) < self._now:
            return Verdict.EXPIRED
        if moment(signature.inception, self._now) > self._now:
            return Verdict.EARLY
        return Verdict.VALID

    def _message(self, verdict: Verdict, what: str, signature: Signature) -> str:
        by = f"key {signature.tag}"
        match verdict:
            case Verdict.UNKNOWN_KEY:
                return f"{what} is signed by {by}, algorithm {signature.algorithm}, which is not a key of this zone"
            case Verdict.WRONG:
                return f"the signature of {what} by {by} is wrong"
            case Verdict.EARLY:
                return f"the signature of {what} by {by} isn't valid before {date(signature.inception, self._now)}"
            case Verdict.EXPIRED:
                return f"the signature of {what} by {by} expired at {date(signature.expiration, self._now)}"
            case _:
                return f"the signature of {what} by {by} has algorithm {signature.algorithm}, which isn't supported"


def _label_count(name: bytes) -> int:
    """The labels of a name, without the root's and a leading asterisk (RFC 4034 §3.1.3)."""
    return len(labels(name)) - name.startswith(b"\1*")
