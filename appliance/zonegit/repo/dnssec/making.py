"""Makes the signed content of a version, and proves it before it is published."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from zonegit.dnssec.keys import VerifyAll, is_malformed, key_tag, verify_all
from zonegit.dnssec.proof import faults
from zonegit.dnssec.signing.due import SignatureIndex
from zonegit.dnssec.signing.plan import SigningPlan
from zonegit.dnssec.signing.sign import sign_again, sign_zone
from zonegit.errors import DnssecError
from zonegit.model.ids import object_id
from zonegit.model.names import APEX_KEY, OwnerKey, to_text
from zonegit.model.rdata import DNSKEY
from zonegit.model.rrset import RRKey, RRset, rr_key
from zonegit.model.zone import Zone
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.dnssec.zone_facts import Served
from zonegit.repo.publishing.policy import Published
from zonegit.repo.publishing.versions import SignedContent, release_signed
from zonegit.repo.results import Position, Revision
from zonegit.tree.build import Built
from zonegit.tree.zone_tree import Tree

_DNSKEY = rr_key(APEX_KEY, DNSKEY)


class Task(NamedTuple):
    """A version to be made."""

    before: Served
    content: Content
    """What is to be shown."""
    seq: int
    plan: SigningPlan
    renew: Collection[OwnerKey] = ()
    withdrawn: Collection[RRKey] = ()


Sign = Callable[[Task], list[bytes]]
"""Signs, and verifies what is new: the new objects, children before parents and the zone object last, except those
that it has stored. `DnssecError` if the zone can't be signed, or if anything is wrong with it."""

Release = Callable[[Context, Position, Published, Revision, SignedContent, str], Published]
"""Serves what was signed from now on, as `release_signed` does."""


class Work(NamedTuple):
    """How one version is made."""

    sign: Sign
    release: Release = release_signed


class Made(NamedTuple):
    """What it came to."""

    signed: SignedContent
    max_ttl: int
    """The largest TTL in the version."""


def made(task: Task, index: SignatureIndex, sign: Sign) -> Made:
    """Have a version signed. `DnssecError` as of `sign`."""
    content, objects = task.content, sign(task)
    zone = Zone.decode(objects[-1])
    nodes = content.tree.nodes.over({object_id(data): data for data in objects[:-1]})
    summary = index.of(Tree(nodes, zone.tree))
    if summary.first_end is None:
        raise DnssecError(f"{to_text(task.plan.apex)}: signing made no signature")
    return Made(SignedContent(task.seq, objects, summary.first_end), summary.max_ttl)


def signed_objects(task: Task, verify: VerifyAll = verify_all) -> list[bytes]:
    """Sign here: a `Sign`. `verify`: verifies large batches of signatures."""
    before, content, plan = task.before, task.content, task.plan
    shape = content.zone.shape
    _check_dnskeys(before, content.tree, plan)
    if before.is_signed:
        built = sign_again(before.tree, before.shown, content.tree, shape, plan, task.renew, task.withdrawn)
    else:
        built = sign_zone(content.tree, shape, plan)
    _prove(before, _over(content.tree, built), plan, verify)
    return [*built.objects, Zone(built.root, shape, built.records).encode()]


def work_here(_task: Task) -> Work:
    """Make any version in this process, and no other."""
    return Work(signed_objects)


def _check_dnskeys(before: Served, unsigned: Tree, plan: SigningPlan) -> None:
    """`DnssecError` at a new DNSKEY record of another signer that holds no key: with it, BIND validates nothing."""
    own, served = unsigned.payload(_DNSKEY), _before(before)
    known = RRset.decode(served).rdatas if served is not None else ()
    for dnskey in RRset.decode(own).rdatas if own is not None else ():
        if dnskey not in known and is_malformed(dnskey):
            raise DnssecError(
                f"{to_text(plan.apex)} can't be signed: its own DNSKEY record {key_tag(dnskey)} holds no key of "
                f"algorithm {dnskey[3]}, perhaps because it was cut off; replace the record, or delete it"
            )


def _prove(before: Served, tree: Tree, plan: SigningPlan, verify: VerifyAll) -> None:
    """`DnssecError` with the first fault that validators would find, with the keys that caches may hold, too."""
    sets = [found for found in (tree.payload(_DNSKEY), _before(before)) if found is not None]
    old = before.tree if before.is_signed else None
    found = faults(old, tree, plan.apex, plan.serial, plan.times.now, sets, verify)
    if found:
        more = f"; and {len(found) - 1} more" if len(found) > 1 else ""
        raise DnssecError(f"the signed version is not valid: {found[0]}{more}")


def _before(before: Served) -> bytes | None:
    return before.tree.payload(_DNSKEY) if before.is_signed else None


def _over(tree: Tree, built: Built) -> Tree:
    return Tree(tree.nodes.over(built.by_id), built.root)
