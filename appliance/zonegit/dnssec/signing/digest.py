"""Put the digest of a signed zone into it (RFC 8976 §3): it covers everything else, so it comes last."""

from typing import Final

from zonegit.dnssec.signing.complete import ZONEMD_KEY, digest_rrset
from zonegit.dnssec.signing.plan import SigningPlan
from zonegit.dnssec.signing.rrsig import ToSign, made_by, rrsig_rrsets
from zonegit.dnssec.signing.zonemd import zone_digest, zonemd
from zonegit.model.ids import ObjectId
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import RRSIG, ZONEMD
from zonegit.model.rrset import rdatas, rr_key
from zonegit.model.zone import Shape
from zonegit.tree.build import Built
from zonegit.tree.edit import edit
from zonegit.tree.source import Nodes
from zonegit.tree.walk import path
from zonegit.tree.zone_tree import Tree

_RRSIGS: Final = rr_key(APEX_KEY, RRSIG)


def with_digest(nodes: Nodes, built: Built, shape: Shape, plan: SigningPlan) -> Built:
    """The tree of a signed zone whose ZONEMD record has no digest yet, with its digest, signed.

    `nodes`: of the tree's other nodes. The cost is that of reading the whole zone.
    """
    signed = Tree(nodes.over(built.by_id), built.root)
    rrset = digest_rrset(signed, zonemd(plan.serial, zone_digest(signed, plan.apex, plan.serial)))
    before = rdatas(signed.payload(_RRSIGS) or b"")
    kept = [rdata for rdata in before if made_by(rdata).covered != ZONEMD]
    rrsigs = rrsig_rrsets([ToSign(APEX_KEY, [rrset], kept)], plan)
    last = edit(signed.nodes, signed.root, shape, [(ZONEMD_KEY, rrset), *((_RRSIGS, each) for each in rrsigs)])
    objects = built.by_id | last.by_id
    made = Tree(nodes.over(objects), last.root)
    for replaced in _nodes_above(signed) - _nodes_above(made):
        objects.pop(replaced, None)
    return Built(last.root, last.records, objects)


def _nodes_above(tree: Tree) -> set[ObjectId]:
    """The nodes that change with the ZONEMD RRset and the signatures of the apex."""
    return {oid for key in (ZONEMD_KEY, _RRSIGS) for oid in path(tree.nodes, tree.root, key)}
