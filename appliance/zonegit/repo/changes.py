"""Decodes the differences between two versions of a zone."""

from collections.abc import Iterator, Sequence

from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner, owner_key
from zonegit.model.rrset import RRset, key_parts, rr_key
from zonegit.model.zone import Zone
from zonegit.repo.content import Content
from zonegit.repo.results import Change, Combined
from zonegit.tree.diff import Difference, diff
from zonegit.tree.source import Nodes


def change(difference: Difference) -> Change:
    """A difference between trees, decoded."""
    key, old, new = difference
    owner, rtype = key_parts(key)
    return Change(owner, rtype, RRset.decode(old) if old else None, RRset.decode(new) if new else None)


def differences(nodes: Nodes, old: ObjectId, new: ObjectId) -> Iterator[Change]:
    """The differences between two `zone` objects, decoded, in canonical order."""
    before, after = (Zone.decode(nodes.source.get(oid)).tree for oid in (old, new))
    return (change(difference) for difference in diff(nodes, before, after))


def changes_at(before: Content | None, after: Content, owner: Owner, rtype: int | None) -> Iterator[Change]:
    """The differences at one owner, by type; `before` None stands for an empty zone. Serials are ignored."""
    old = before.tree.at(owner_key(owner)) if before else {}
    new = after.tree.at(owner_key(owner))
    for number in sorted(old.keys() | new.keys()):
        was, now = old.get(number), new.get(number)
        if was != now and rtype in (None, number):
            yield Change(owner, number, RRset.decode(was) if was else None, RRset.decode(now) if now else None)


def combined(sides: Sequence[Iterator[Change]]) -> Iterator[Combined]:
    """The RRsets that differ from those of every parent, in canonical order. `sides`: the changes against each."""
    found = [{(change.owner, change.rtype): change for change in side} for side in sides]
    common = set(found[0]).intersection(*found[1:]) if found else set()
    for owner, rtype in sorted(common, key=lambda at: rr_key(owner_key(at[0]), at[1])):
        changes = [side[owner, rtype] for side in found]
        yield Combined(owner, rtype, tuple(each.old for each in changes), changes[0].new)
