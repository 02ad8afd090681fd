"""The chain of NSEC3 records: the hash of each name leads to the next hash (RFC 5155 §7.1).

The chain contains the names that the zone answers for, and empty non-terminals. Insecure delegations, and empty
non-terminals above nothing else, may be left out under opt-out (RFC 5155 §6).
"""

from base64 import b32hexdecode
from binascii import Error
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final, NamedTuple

from zonegit.dnssec.bitmap import difference, types_in
from zonegit.dnssec.bounded_findings import BoundedFindings
from zonegit.dnssec.hashing import HASH_SIZE, MAX_VALIDATED_ITERATIONS, Parameters, parameters
from zonegit.dnssec.nodes import Node, Place
from zonegit.model.names import APEX, Owner, OwnerKey, WireName, key_owner, keys_above
from zonegit.model.rdata import DS, NS, NSEC3, NSEC3PARAM, RRSIG
from zonegit.model.rrset import rdatas

_OPT_OUT: Final = 1


class _Link(NamedTuple):
    """One NSEC3 record of the chain."""

    owner: Owner
    next_hash: bytes
    opt_out: bool
    types: frozenset[int] | None


class _Name(NamedTuple):
    """A name that must be in the chain."""

    owner: Owner
    types: frozenset[int]
    optional: bool
    """Whether it may be left out under opt-out."""


class _Chain:
    """Collects the owners of a zone in canonical order, then compares names and records."""

    def __init__(self, apex: WireName, chosen: Parameters, found: BoundedFindings) -> None:
        self._apex = apex
        self._parameters = chosen
        self._found = found
        self._links: dict[bytes, _Link] = {}
        self._names: dict[bytes, _Name] = {}
        self._owners: set[OwnerKey] = set()
        self._non_terminals: dict[OwnerKey, bool] = {}
        """Empty non-terminals -> whether all names below may be left out."""

    def check(self, owners: Iterable[Node]) -> None:
        """Everything wrong with the chain."""
        for node in owners:
            if NSEC3 in node.types:
                self._take_links(node)
            if node.in_chain:
                self._take_name(node)
        for key, optional in self._non_terminals.items():
            self._put(_Name(key_owner(key), frozenset(), optional))
        self._check_names()
        self._check_links()

    def _take_links(self, node: Node) -> None:
        digest = _hash_of(node.owner)
        for rdata in rdatas(node.types[NSEC3]):
            link = self._link(node.owner, rdata)
            if digest is None:
                self._found.tally("nsec3-stray", node.owner, "an NSEC3 record whose owner isn't a hash")
            elif link is None:
                self._found.tally("nsec3-stray", node.owner, "an NSEC3 record of another chain than NSEC3PARAM's")
            elif digest in self._links:
                self._found.add("nsec3-next", node.owner, "several NSEC3 records of one chain")
            else:
                self._links[digest] = link

    def _link(self, owner: Owner, rdata: bytes) -> _Link | None:
        at = self._parameters.next_at(rdata)
        if not at or rdata[1] > _OPT_OUT:
            return None
        end = at + HASH_SIZE
        return _Link(owner, rdata[at:end], bool(rdata[1]), types_in(rdata[end:]))

    def _take_name(self, node: Node) -> None:
        unsigned_cut = node.place is Place.CUT and DS not in node.types
        there = node.types.keys() - {NSEC3}
        if node.place is Place.CUT:
            there &= {NS} if unsigned_cut else {NS, DS, RRSIG}
        self._put(_Name(node.owner, frozenset(there), unsigned_cut))
        self._owners.add(node.key)
        for above in keys_above(node.key):  # those that have records came before
            if above in self._owners:
                break
            self._non_terminals[above] = self._non_terminals.get(above, True) and unsigned_cut

    def _put(self, name: _Name) -> None:
        self._names[self._parameters.hash(name.owner + self._apex)] = name

    def _check_names(self) -> None:
        order = sorted(self._links)
        for digest, name in self._names.items():
            link = self._links.get(digest)
            if link is None:
                before = order[bisect_left(order, digest) - 1] if order else None
                if not (name.optional and before is not None and self._links[before].opt_out):
                    self._found.add("nsec3-missing", name.owner, "no NSEC3 record has the hash of this name")
            elif message := difference(link.types, name.types):
                self._found.add("nsec3-types", name.owner, f"its NSEC3 record {message}")

    def _check_links(self) -> None:
        order = sorted(self._links)
        for at, digest in enumerate(order):
            link = self._links[digest]
            if link.next_hash != order[(at + 1) % len(order)]:
                self._found.add("nsec3-next", link.owner, "NSEC3 doesn't lead to the next hash")
            if digest not in self._names:
                self._found.add("nsec3-surplus", link.owner, "an NSEC3 record whose hash is that of no name here")


def _hash_of(owner: Owner) -> bytes | None:
    """The hash that an owner's only label is in base32hex; None if it is anything else."""
    label = owner[1:]
    if len(label) != 32 or owner[0] != 32:
        return None
    try:
        return b32hexdecode(label.upper())
    except (Error, ValueError):
        return None


def check_nsec3(apex: WireName, first: Node, owners: Iterable[Node], found: BoundedFindings) -> None:
    """Everything wrong with the chain that the apex, the first of the owners, names."""
    chosen = parameters(rdatas(first.types[NSEC3PARAM]) if NSEC3PARAM in first.types else ())
    if chosen is None:
        found.add(
            "nsec3-parameters", APEX, "no NSEC3PARAM record that gives the parameters of the hash (RFC 5155 §4)"
        )
        return
    if chosen.iterations > MAX_VALIDATED_ITERATIONS:
        message = (
            "validators take the zone for unsigned or refuse it (RFC 9276 §3.2), and the chain is not verified here"
        )
        found.tally("nsec3-costly", APEX, f"NSEC3 iterations are {chosen.iterations}: {message}")
        return
    if chosen.iterations:
        message = f"NSEC3 iterations are {chosen.iterations}; RFC 9276 §3.1 asks for 0, and validators refuse many"
        found.tally("nsec3-iterations", APEX, message)
    _Chain(apex, chosen, found).check(owners)
