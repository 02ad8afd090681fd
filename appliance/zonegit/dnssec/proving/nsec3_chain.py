"""The whole chain of NSEC3 records: the names of the zone, sorted by their hashes, beside the records in order.

Of each name 23 bytes are kept, so that zones with millions of names can be judged.
"""

from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Final

from zonegit.dnssec.hashing import HASH_SIZE, Parameters
from zonegit.dnssec.nodes import nodes
from zonegit.dnssec.proving import bitmaps
from zonegit.dnssec.proving.changes import Served, ttl_of
from zonegit.dnssec.proving.nsec3 import Link, Wanted, hashed_owner, link, link_faults, wanted
from zonegit.model.names import OwnerKey, key_owner, keys_above
from zonegit.model.rdata import NSEC3
from zonegit.model.rrset import RRKey

_NSEC3: Final = NSEC3.to_bytes(2, "big")


def whole_nsec3(new: Served, parameters: Parameters, ttl: int) -> Iterator[str]:
    """Everything wrong with the chain. `ttl`: what its records must have."""
    kinds: dict[Wanted, int] = {}
    names = sorted(
        parameters.hash(key_owner(owner) + new.apex) + kinds.setdefault(need, len(kinds)).to_bytes(3, "big")
        for owner, need in _names(new)
    )
    by_number = list(kinds)
    links = _links(new, parameters)
    first = next(links, None)
    if first is None:
        yield f"{new.name(OwnerKey(b''))}: no NSEC3 record"
        return
    at = 0
    opt_out = _last_opts_out(new, parameters)
    for (owner, payload, found), following in pairwise(chain((first,), links, (first,))):
        yield from link_faults(new, owner, found, following[0], (ttl_of(payload), ttl))
        while at < len(names) and hashed_owner(names[at][:HASH_SIZE]) < owner:
            yield from _left_out(new, names[at], by_number, opt_out=opt_out)
            at += 1
        if at == len(names) or hashed_owner(names[at][:HASH_SIZE]) != owner:
            yield f"{new.name(owner, NSEC3)}: no name has this hash"
        else:
            types = by_number[int.from_bytes(names[at][HASH_SIZE:], "big")].types
            if isinstance(found, Link) and (fault := bitmaps.fault(found.bitmap, types)):
                yield f"{new.name(owner, NSEC3)}: {fault}"
            at += 1
        opt_out = isinstance(found, Link) and found.opt_out
    for name in names[at:]:
        yield from _left_out(new, name, by_number, opt_out=opt_out)


def _left_out(new: Served, name: bytes, by_number: list[Wanted], *, opt_out: bool) -> Iterator[str]:
    if not (opt_out and by_number[int.from_bytes(name[HASH_SIZE:], "big")].optional):
        yield f"{new.name(hashed_owner(name[:HASH_SIZE]), NSEC3)}: missing, though a name has this hash"


def _links(new: Served, parameters: Parameters) -> Iterator[tuple[OwnerKey, bytes, Link | str]]:
    for key, payload in new.entries():
        if key[-2:] == _NSEC3:
            yield OwnerKey(key[:-3]), payload, link(parameters, payload)


def _last_opts_out(new: Served, parameters: Parameters) -> bool:
    """Whether the record that covers the hashes before the first one has the opt-out flag."""
    owner = new.hashed_before(OwnerKey(b""))
    payload = new.tree.payload(RRKey(owner + b"\0" + _NSEC3)) if owner is not None else None
    found = link(parameters, payload) if payload else None
    return isinstance(found, Link) and found.opt_out


def _names(new: Served) -> Iterator[tuple[OwnerKey, Wanted]]:
    """What the chain must have: the names that the zone answers for, and the empty ones above them."""
    empty: list[tuple[OwnerKey, bool]] = []
    """Empty names above the name that comes next, each with whether all below it so far are optional."""
    last = OwnerKey(b"")
    for node in nodes(new.entries()):
        if not node.in_chain:
            continue
        need = wanted(node)
        yield node.key, need
        while empty and not node.key.startswith(empty[-1][0]):
            owner, optional = empty.pop()
            yield owner, Wanted(frozenset(), optional)
        empty = [(owner, optional and need.optional) for owner, optional in empty]
        fresh = [above for above in keys_above(node.key) if not last.startswith(above)]
        empty += [(above, need.optional) for above in reversed(fresh)]
        last = node.key
    for owner, optional in empty:
        yield owner, Wanted(frozenset(), optional)
