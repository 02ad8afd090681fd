"""Restores a name to what it was in another version: its RRsets come back, and those that it lacked are deleted."""

from collections.abc import Iterator

from zonegit.errors import NotFound
from zonegit.model.names import Owner, owner_key, owner_text
from zonegit.model.rrset import RRKey, rr_key
from zonegit.repo.content import Content
from zonegit.repo.records import Changes
from zonegit.repo.signed import is_dnssec
from zonegit.tree import walk
from zonegit.tree.diff import diff
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.types import type_text


def restored(
    content: Content, then: Content, owner: Owner, rtype: int | None, *, below: bool, dnssec: bool
) -> Changes:
    """The changes to `content` that make a name what it is in `then`; with `below`, all names below it too.

    Without a type, all RRsets are restored. DNSSEC records are left alone unless `dnssec` is true, because
    signatures of another version are useless in an unsigned one. `NotFound` if neither version has any records
    there.
    """
    if not any(_stands(each.tree, owner, rtype, below) for each in (content, then)):
        what = f"no {type_text(rtype)} records" if rtype else "no records"
        where = "at or below it" if below else "there"
        raise NotFound(
            f"nothing to restore: {owner_text(owner)} has {what} {where}, neither now nor in serial "
            f"{then.revision.commit.serial}"
        )
    return {
        key: old
        for key, _, old in _differences(content.tree, then.tree, owner, below)
        if rtype in (None, int.from_bytes(key[-2:], "big")) and (rtype or dnssec or not is_dnssec(key))
    }


def _stands(tree: Tree, owner: Owner, rtype: int | None, below: bool) -> bool:
    """Whether a name has RRsets; with `below`, also whether names below it have any."""
    key = owner_key(owner)
    if rtype is not None and tree.payload(rr_key(key, rtype)):
        return True
    found = walk.under(tree.nodes, tree.root, RRKey(key if below else key + b"\0"))
    return any(rtype in (None, int.from_bytes(each[-2:], "big")) for each, _ in found)


def _differences(
    now: Tree, then: Tree, owner: Owner, below: bool
) -> Iterator[tuple[RRKey, bytes | None, bytes | None]]:
    """`(key, now, then)` of each differing RRset at a name; with `below`, also below it."""
    key = owner_key(owner)
    if below:
        found = diff(now.nodes, now.root, then.root)
        return (difference for difference in found if difference[0].startswith(key))
    here, there = now.at(key), then.at(key)
    return (
        (rr_key(key, rtype), here.get(rtype), there.get(rtype))
        for rtype in sorted(here.keys() | there.keys())
        if here.get(rtype) != there.get(rtype)
    )
