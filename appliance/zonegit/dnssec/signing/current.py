"""Whether a signed version already is as a plan wants it, but for its times and its serial."""

from collections.abc import Collection

from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.signing.chain import chain_for
from zonegit.dnssec.signing.changes import Versions, changes
from zonegit.dnssec.signing.complete import ZONEMD_KEY, complete
from zonegit.dnssec.signing.plan import SIGNED_BY_DNSKEY_KEYS, SigningPlan
from zonegit.dnssec.signing.rrsig import made_by
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import RRSIG
from zonegit.model.rrset import RRKey, rdatas, rr_key
from zonegit.model.zone import Shape
from zonegit.tree.zone_tree import Tree

_RRSIG = rr_key(APEX_KEY, RRSIG)


def is_current(
    signed: Tree, shown: Tree, shape: Shape, plan: SigningPlan, withdrawn: Collection[RRKey] = ()
) -> bool:
    """Whether the version `signed` of the zone `shown` has the plan's keys, additions, digest and chain.

    Who signs the zone's data isn't looked at: `due` finds that. `withdrawn` as for `sign_again`.
    """
    zone = complete(shown, shape, plan)
    differs = changes(Versions(signed, shown, shown, zone), plan, withdrawn).rrsets
    if differs.keys() - {ZONEMD_KEY} or (signed.payload(ZONEMD_KEY) is None) != (zone.payload(ZONEMD_KEY) is None):
        return False
    return _is_signed_by(signed, plan) and not chain_for(plan).mend(signed, zone, ())


def _is_signed_by(signed: Tree, plan: SigningPlan) -> bool:
    """Whether the plan's keys sign DNSKEY, CDS and CDNSKEY, or nobody can."""
    if not plan.dnskey_keys:
        return True
    rrsigs = signed.payload(_RRSIG)
    made = [made_by(rdata) for rdata in rdatas(rrsigs)] if rrsigs else []
    return all(
        {(each.algorithm, each.tag) for each in made if each.covered == rtype}
        == {(key.algorithm, tag_of(key.dnskey)) for key in plan.signers_at_apex(rtype)}
        for rtype in SIGNED_BY_DNSKEY_KEYS & signed.at(APEX_KEY).keys()
    )
