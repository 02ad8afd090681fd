"""The chain by which a signed zone proves what it doesn't have, as the policy wants it."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from zonegit.dnssec.policy import Denial
from zonegit.dnssec.signing.nsec import NsecChain
from zonegit.dnssec.signing.nsec3 import Nsec3Chain
from zonegit.dnssec.signing.plan import SigningPlan
from zonegit.model.names import OwnerKey
from zonegit.model.rrset import RRKey
from zonegit.tree.zone_tree import Tree


class Chain(Protocol):
    """A chain of NSEC or NSEC3 records. A complete zone has all its records but signatures and the chain."""

    def whole(self, zone: Tree) -> Iterable[tuple[RRKey, bytes]]:
        """All records of the chain of a complete zone, in canonical order, and with NSEC3 its NSEC3PARAM."""
        ...

    def mend(self, signed: Tree, zone: Tree, touched: Sequence[OwnerKey]) -> dict[RRKey, bytes | None]:
        """What changes (None: goes away) in the chain of the signed version before, for a new complete zone.

        `touched` has every owner whose types or standing differ.
        """
        ...


def chain_for(plan: SigningPlan) -> Chain:
    """The chain that a plan wants."""
    if plan.denial is Denial.NSEC:
        return NsecChain(plan.apex)
    return Nsec3Chain(plan.apex, plan.denial is Denial.OPT_OUT)
