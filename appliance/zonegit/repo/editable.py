"""What a user edits as text: the tip of a branch, or a name in it and all names below."""

from collections.abc import Iterator
from typing import NamedTuple

from zonegit.model.ids import ObjectId
from zonegit.model.names import APEX, Owner, WireName, owner_key
from zonegit.model.rdata import SOA
from zonegit.model.rrset import RRKey, RRset
from zonegit.repo.content import Content
from zonegit.repo.context import Context, owner_of
from zonegit.repo.results import Position
from zonegit.repo.signed import Signatures, is_signed, refuse_change
from zonegit.repo.writing import check_writable
from zonegit.tree import walk


class Editable(NamedTuple):
    """A version, or a part of it, before it is edited."""

    place: Position
    base: ObjectId
    """The branch's tip."""
    apex: WireName
    below: Owner
    """The owner that the part begins with; the apex for the whole zone."""
    ttl: int
    """The SOA's TTL, used as `$TTL` for new records."""
    rrsets: Iterator[RRset]
    """In canonical order; in a whole zone the SOA comes first, with the serial that it is served with."""


def editable(context: Context, place: Position, name: str | None, signatures: Signatures) -> Editable:
    """What there is to edit. `Refused` if no change could be committed."""
    check_writable(context, place)
    content = context.tip(place)
    if signatures == "keep" and is_signed(content.tree):
        raise refuse_change(place.zone)
    below = APEX if name is None else owner_of(name, content.apex)
    return editable_of(place, content, below)


def editable_of(place: Position, content: Content, below: Owner) -> Editable:
    """A version of a branch, or the part of it at and below an owner, to be edited."""
    soa = content.rrset(APEX, SOA)
    ttl = soa.ttl if soa else 0
    rrsets = _part(content, below) if below else content.rrsets()
    return Editable(place, content.revision.id, content.apex, below, ttl, rrsets)


def _part(content: Content, below: Owner) -> Iterator[RRset]:
    tree = content.tree
    return (RRset.decode(payload) for _, payload in walk.under(tree.nodes, tree.root, RRKey(owner_key(below))))
