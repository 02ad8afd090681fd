"""Which signed versions take much memory to make: the first one of a large zone, and those with many changes."""

from itertools import islice
from typing import Final

from zonegit.dnssec.policy import Denial
from zonegit.dnssec.signing.denial import denial_ttl
from zonegit.dnssec.signing.plan import SigningPlan
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import DNSKEY, NSEC3PARAM
from zonegit.model.rrset import RRKey, rdatas, rr_key
from zonegit.repo.content import Content
from zonegit.repo.dnssec.making import Task
from zonegit.repo.dnssec.zone_facts import Served
from zonegit.tree.diff import diff
from zonegit.tree.zone_tree import Tree

_LARGE: Final = 2000
"""Records of a zone beyond which there is anything to gain: a new signature takes some 2 KB while it is made."""
_MANY: Final = 500
"""Owners that are signed anew, or RRsets that differ: starting a process takes about as long."""
_DNSKEY: Final = rr_key(APEX_KEY, DNSKEY)
_NSEC3PARAM: Final = rr_key(APEX_KEY, NSEC3PARAM)


def is_large(task: Task) -> bool:
    """Whether much of a large zone is to be signed, or proven."""
    before, content = task.before, task.content
    if content.zone.records <= _LARGE:
        return False
    if not before.is_signed or len(task.renew) > _MANY or is_made_anew(before, content, task.plan):
        return True
    differences = diff(content.tree.nodes, before.shown.root, content.tree.root)
    return next(islice(differences, _MANY, None), None) is not None


def is_made_anew(before: Served, content: Content, plan: SigningPlan) -> bool:
    """Whether other DNSKEY records, or another chain of denial, concern all of a zone that is signed."""
    if _at(before.tree, _DNSKEY) != _at(before.shown, _DNSKEY) | frozenset(plan.dnskeys):
        return True
    if (before.tree.payload(_NSEC3PARAM) is None) != (plan.denial is Denial.NSEC):
        return True
    return before.shown.root != content.tree.root and denial_ttl(before.shown) != denial_ttl(content.tree)


def _at(tree: Tree, key: RRKey) -> frozenset[bytes]:
    payload = tree.payload(key)
    return frozenset(rdatas(payload) if payload else ())
