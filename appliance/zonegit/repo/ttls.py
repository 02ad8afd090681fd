"""`ttl`: one TTL for all RRsets whose owners match a pattern.

A pattern is a shell pattern (`*`, `?`, `[abc]`, `[!abc]`); case doesn't matter. It matches an owner as zonegit
prints it: relative to the zone, `@` for the apex. With a final dot it matches absolute names. `*` matches dots too.
A text without these characters is a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import translate
from typing import Final

from zonegit.errors import InvalidRecord, NotFound, OutOfZone, Refused
from zonegit.model.names import absolute, is_absolute, owner_key, owner_text, to_text
from zonegit.model.rdata import SOA
from zonegit.model.rrset import MAX_TTL, RRKey, RRset, key_parts
from zonegit.repo.content import Content
from zonegit.repo.context import Context, owner_of
from zonegit.repo.joint import Joint, JointOptions, every, one, single
from zonegit.repo.joint_commit import Tips, commit_together
from zonegit.repo.records import Changes
from zonegit.repo.signed import DNSSEC_TYPES
from zonegit.repo.writing import Intent, intent_of
from zonegit.tree import walk
from zonegit.zonefile.types import type_text

_MAGIC: Final = frozenset("*?[")
Found = Iterator[tuple[RRKey, bytes]]


def is_pattern(text: str) -> bool:
    """Whether the text is a pattern rather than a name."""
    return not _MAGIC.isdisjoint(text)


def set_ttl(
    context: Context, pattern: str, ttl: int, rtype: int | None, options: JointOptions, *, all_zones: bool
) -> Joint:
    """See `Repository.set_ttl`."""
    if not 0 <= ttl <= MAX_TTL:
        raise InvalidRecord(f"TTL {ttl} is not between 0 and {MAX_TTL} seconds (RFC 2181 §8)")
    if rtype is not None and rtype in DNSSEC_TYPES:
        raise Refused(f"the signer of the zone sets the TTL of {type_text(rtype)} records; name another type")
    branches = every(context, options) if all_zones else one(context, options)
    find = _finder(pattern)
    left: list[str] = []

    def changes(tips: Tips) -> Mapping[str, Changes]:
        left.clear()
        found = {zone: changed for zone in tips if (changed := _with_ttl(find(tips[zone]), ttl, rtype)) is not None}
        if not found:
            raise _nothing(pattern, rtype, [*tips])
        left.extend(zone for zone in found if zone in branches.mirrored and found[zone])
        return {zone: changed for zone, changed in found.items() if zone not in branches.mirrored}

    def intent(zone: str) -> Intent:
        what = f"ttl {pattern} {ttl}" + (f" {type_text(rtype)}" if rtype else "")
        return intent_of(single(options, zone), what, None, operation="ttl")

    done = commit_together(context, branches.places, changes, intent)
    return Joint(done, tuple(left))


def _nothing(pattern: str, rtype: int | None, zones: Sequence[str]) -> NotFound:
    """The error for a pattern that matches nothing, with a hint if a final dot seems to be missing."""
    where = f"{zones[0]} has no" if len(zones) == 1 else "no zone here has"
    what = f"{type_text(rtype)} records" if rtype else "records whose TTL this changes"
    absolute_one = not is_absolute(pattern) and any(f"{pattern.lower()}.".endswith(f".{zone}") for zone in zones)
    hint = "; write the final dot of an absolute name" if absolute_one else ""
    return NotFound(f"{where} {what} at {pattern}{hint}")


def _with_ttl(found: Found, ttl: int, rtype: int | None) -> Changes | None:
    """The changes that give the found RRsets this TTL; None if there are none except those that are left alone."""
    changes = None
    for key, payload in found:
        _, number = key_parts(key)
        if number == rtype if rtype is not None else number != SOA and number not in DNSSEC_TYPES:
            changes = {} if changes is None else changes
            rrset = RRset.decode(payload)
            if rrset.ttl != ttl:
                changes[key] = RRset.of(rrset.owner, number, ttl, rrset.rdatas).encode()
    return changes


def _finder(pattern: str) -> Callable[[Content], Found]:
    """Finds the RRsets in a version whose owners match."""
    if not is_pattern(pattern):
        return lambda content: _at_name(content, pattern)
    matches = re.compile(translate(pattern.lower()), re.ASCII).match

    def find(content: Content) -> Found:
        apex = content.apex
        previous, hit = None, False
        for key, payload in walk.entries(content.tree.nodes, content.tree.root):
            if key[:-3] != previous:
                previous = key[:-3]
                owner, _ = key_parts(key)
                name = to_text(absolute(owner, apex)) if is_absolute(pattern) else owner_text(owner)
                hit = matches(name) is not None
            if hit:
                yield key, payload

    return find


def _at_name(content: Content, name: str) -> Found:
    """The RRsets at a name; none if it is outside of the zone."""
    try:
        owner = owner_of(name, content.apex)
    except OutOfZone:
        return iter(())
    return walk.under(content.tree.nodes, content.tree.root, RRKey(owner_key(owner) + b"\0"))
