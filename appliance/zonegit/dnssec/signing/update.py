"""Which signatures of an owner stay and which are made anew, when a signed version continues another one."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from typing import NamedTuple

from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.signing.plan import SIGNED_BY_DNSKEY_KEYS, SigningPlan
from zonegit.dnssec.signing.rrsig import ToSign, made_by
from zonegit.dnssec.signing.standing import signed_types, standing
from zonegit.model.names import APEX_KEY, OwnerKey
from zonegit.model.rdata import RRSIG, SOA
from zonegit.model.rrset import RRKey, rdatas
from zonegit.tree.zone_tree import Tree


class Update(NamedTuple):
    """From the signed version before to the next one."""

    signed: Tree
    zone: Tree
    """The new complete zone."""
    plan: SigningPlan
    rrsets: Mapping[RRKey, bytes | None]
    """What changes, the chain of denial included."""
    renew: Collection[OwnerKey]
    """Owners that get new signatures only."""

    def owners(self, touched: Iterable[OwnerKey]) -> Iterator[ToSign]:
        """Each owner whose signatures may change, in canonical order."""
        found: dict[OwnerKey, dict[int, bytes | None]] = {owner: {} for owner in touched}
        for key, payload in self.rrsets.items():
            found.setdefault(OwnerKey(key[:-3]), {})[int.from_bytes(key[-2:], "big")] = payload
        for owner in (APEX_KEY, *self.renew):
            found.setdefault(owner, {})
        return (self._to_sign(owner, found[owner]) for owner in sorted(found))

    def _to_sign(self, owner: OwnerKey, changed: Mapping[int, bytes | None]) -> ToSign:
        before = self.signed.at(owner)
        old = rdatas(before.pop(RRSIG)) if RRSIG in before else ()
        after = {rtype: payload for rtype, payload in {**before, **changed}.items() if payload is not None}
        wanted = signed_types(standing(self.zone, owner, after), after)
        anew: Set[int] = changed.keys() | (set(wanted) - {made_by(rdata).covered for rdata in old})
        if owner in self.renew:
            anew = anew | set(wanted)
        if not owner:
            anew = self._anew_at_apex(anew | {SOA}, old)
        stay = set(wanted) - anew
        kept = [rdata for rdata in old if made_by(rdata).covered in stay]
        return ToSign(owner, [after[rtype] for rtype in wanted if rtype in anew], kept)

    def _anew_at_apex(self, anew: Set[int], old: Iterable[bytes]) -> Set[int]:
        """The types that are signed anew, with those of the DNSKEY keys that others signed before."""
        if not self.plan.dnskey_keys:
            return anew - SIGNED_BY_DNSKEY_KEYS
        made = [made_by(rdata) for rdata in old]
        by_others = set()
        for rtype in SIGNED_BY_DNSKEY_KEYS:
            keys = {(key.algorithm, tag_of(key.dnskey)) for key in self.plan.signers_at_apex(rtype)}
            if {(each.algorithm, each.tag) for each in made if each.covered == rtype} != keys:
                by_others.add(rtype)
        return anew | by_others
