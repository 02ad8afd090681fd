"""What differs between two versions of a zone, decoded."""

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
    """What differs between two `zone` objects, decoded, in canonical order."""
    before, after = (Zone.decode(nodes.source.get(oid)).tree for oid in (old, new))
    return (change(difference) for difference in diff(nodes, before, after))


def changes_at(before: Content | None, after: Content, owner: Owner, rtype: int | None) -> Iterator[Change]:
    """What differs at one owner, by type; `before` None stands for nothing. Serials don't count."""
    old = before.tree.at(owner_key(owner)) if before else {}
    new = after.tree.at(owner_key(owner))
    for number in sorted(old.keys() | new.keys()):
        was, now = old.get(number), new.get(number)
        if was != now and rtype in (None, number):
            yield Change(owner, number, RRset.decode(was) if was else None, RRset.decode(now) if now else None)


def combined(sides: Sequence[Iterator[Change]]) -> Iterator[Combined]:
    """The RRsets that are in the changes against each parent, with what each parent has, in canonical order."""
    found = [{(change.owner, change.rtype): change for change in side} for side in sides]
    common = set(found[0]).intersection(*found[1:]) if found else set()
    for place in sorted(common, key=lambda at: rr_key(owner_key(at[0]), at[1])):
        changes = [side[place] for side in found]
        yield Combined(*place, tuple(each.old for each in changes), changes[0].new)
