"""What the served versions of a zone say about its keys and signatures."""

from collections.abc import Collection
from typing import NamedTuple

from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.rollover.values import Facts, Parent
from zonegit.dnssec.signing.due import SignatureIndex, Summary
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import CDS, DNSKEY
from zonegit.model.rrset import rdatas, rr_key
from zonegit.repo.content import Content
from zonegit.repo.publishing.policy import Published
from zonegit.tree.source import Nodes
from zonegit.tree.zone_tree import Tree


class Served(NamedTuple):
    """What is served of one branch."""

    tree: Tree
    shown: Tree
    """The content that people wrote; `tree` itself if it isn't signed."""
    is_signed: bool
    summary: Summary

    @classmethod
    def of(cls, nodes: Nodes, index: SignatureIndex, published: Published) -> "Served":
        tree = Content.of(nodes, published.version).tree
        shown = Content.of(nodes, published.content).tree
        return cls(tree, shown, published.version.commit.expires is not None, index.of(tree))

    def added(self, rtype: int) -> frozenset[bytes]:
        """The RDATA of a type at the apex that signing added."""
        return _at_apex(self.tree, rtype) - _at_apex(self.shown, rtype)


class Keys(NamedTuple):
    """What a key state says, as DNSKEY RDATA."""

    published: Collection[bytes]
    """The keys that ought to be published."""
    signers: Collection[bytes]
    """Those that ought to sign the zone's data."""
    known: Collection[bytes]
    usable: Collection[bytes]
    """Those whose private part is there."""


def facts_of(served: Collection[Served], keys: Keys, parent: Parent | None, now: int) -> Facts:
    """The facts about a zone of which these versions are served, one for each branch.

    What ought to be published counts as published if all branches have it, everything else if any has.
    """
    published = [_at_apex(each.tree, DNSKEY) if each.is_signed else frozenset[bytes]() for each in served]
    anywhere = frozenset[bytes]().union(*published)
    everywhere = anywhere.intersection(*published)
    by_tag = {(dnskey[3], tag_of(dnskey)): dnskey for dnskey in {*keys.known, *anywhere}}
    sets = [signers for each in served for signers in each.summary.signers] if anywhere else []
    lacking = [key for key, dnskey in by_tag.items() if any(key not in signers for signers in sets)]
    unsigned = any(not each.is_signed for each in served)
    return Facts(
        now=now,
        published=everywhere | (anywhere - frozenset(keys.published)),
        published_cds=frozenset[bytes]().union(*(_at_apex(each.tree, CDS) for each in served)),
        unsigned_by=frozenset(keys.signers if unsigned else map(by_tag.__getitem__, lacking)),
        signed_by=frozenset(dnskey for key, dnskey in by_tag.items() if any(key in signers for signers in sets)),
        max_ttl=max((each.summary.max_ttl for each in served), default=0),
        parent=parent,
        keys=frozenset(keys.usable),
        foreign=frozenset[bytes]().union(*(_at_apex(each.shown, DNSKEY) for each in served)),
    )


def _at_apex(tree: Tree, rtype: int) -> frozenset[bytes]:
    payload = tree.payload(rr_key(APEX_KEY, rtype))
    return frozenset(rdatas(payload) if payload else ())
