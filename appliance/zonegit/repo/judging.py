"""What a new version is refused for, and which of its warnings are reported.

A change is checked at the owners that it touches, at those that stand differently by it (below a
delegation or DNAME that comes or goes), and where something leads to a new alias. A whole version is
checked everywhere.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from zonegit.errors import InvalidZone
from zonegit.model.names import OwnerKey, key_owner, owner_key, owner_text
from zonegit.model.rdata import CNAME, DNAME, MX, NS, SRV
from zonegit.repo.content import Content, Tree
from zonegit.repo.records import Changes
from zonegit.tree import walk
from zonegit.zonefile.check import check_owners
from zonegit.zonefile.findings import Finding, Severity, how_many
from zonegit.zonefile.standing import named

_SHOWN: Final = 3
"""Errors that a refusal names."""
_NS: Final = NS.to_bytes(2, "big")
_DNAME: Final = DNAME.to_bytes(2, "big")
_CNAME: Final = CNAME.to_bytes(2, "big")
_POINTING: Final = tuple(rtype.to_bytes(2, "big") for rtype in (NS, MX, SRV))
"""Types that may not lead to an alias (RFC 2181 §10.3)."""
WARNED_BELOW = 1000
"""Owners below a delegation or DNAME that are warned about when it comes or goes."""
_SEARCHED: Final = 100_000
"""Records of a zone in which whatever leads to a name is looked for; the search takes some 0.1 s then."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A version and what it becomes."""

    content: Content
    before: Changes
    """What stood under each key that changes."""
    changes: Changes
    """What stands there afterwards."""
    after: Tree
    records: int
    """How many records there are afterwards."""

    def coming(self, rtype: bytes) -> list[OwnerKey]:
        """Owners that get an RRset of this type and had none."""
        return [OwnerKey(key[:-3]) for key, old in self.before.items() if key[-2:] == rtype and old is None]

    def going(self, rtype: bytes) -> list[OwnerKey]:
        """Owners that lose their RRset of this type."""
        return [OwnerKey(key[:-3]) for key, new in self.changes.items() if key[-2:] == rtype and new is None]


def judge_edit(edit: Edit, strict: Collection[str]) -> list[Finding]:
    """The warnings to report for a change. `InvalidZone` if it breaks the zone, or brings what `strict` names."""
    touched = {OwnerKey(key[:-3]) for key in edit.changes}
    aliases = (*edit.coming(_CNAME), *edit.coming(_DNAME))
    owners = touched.union(_covered_anew(edit), _leading_to(edit, aliases, _POINTING))
    told = without_old(_found(edit, owners), touched, edit.content)
    refuse(edit.content.revision.commit.zone, told, strict)
    return told


def _found(edit: Edit, owners: set[OwnerKey]) -> list[Finding]:
    """What is wrong at these owners. Glue is unused only if no delegation of the zone needs it."""
    apex = edit.content.apex
    found = check_owners(apex, sorted(owners), edit.after)
    unused = [owner_key(each.owner) for each in found if each.check == "unused-glue"]
    if not unused:
        return found
    if edit.records > _SEARCHED:
        return [each for each in found if each.check != "unused-glue"]
    more = owners.union(_leading_to(edit, unused, (_NS,)))
    return check_owners(apex, sorted(more), edit.after) if more != owners else found


def without_old(found: Sequence[Finding], touched: Collection[OwnerKey], content: Content) -> list[Finding]:
    """Findings but for warnings that were true of `content` already, at owners that aren't touched."""
    elsewhere = {owner for each in found if (owner := owner_key(each.owner)) not in touched}
    if not elsewhere:
        return list(found)
    old = set(check_owners(content.apex, sorted(elsewhere), content.tree))
    return [
        each
        for each in found
        if each.severity is Severity.ERROR or each not in old or owner_key(each.owner) in touched
    ]


def refuse(zone: str, found: Iterable[Finding], strict: Collection[str]) -> None:
    """`InvalidZone` if there are errors, or warnings of strict checks, with the first few of them in words."""
    errors = [each for each in found if each.severity is Severity.ERROR or each.check in strict]
    if not errors:
        return
    errors.sort(key=lambda each: each.severity is not Severity.ERROR)
    shown = errors[:_SHOWN]
    told = "; ".join(f"{owner_text(each.owner)}: {each.told} [{each.check}]" for each in shown)
    count = how_many(errors[_SHOWN:])
    more = f"; and {count:,} more" if count else ""
    places = [(zone, each.owner) for each in shown]
    if errors[0].severity is Severity.ERROR:
        raise InvalidZone(f"this would break {zone} {told}{more}", places)
    raise InvalidZone(
        f"{zone} is strict about this: {told}{more}; '--strict none' allows it once, and 'strict' in zonegitd.toml "
        "names what is always refused",
        places,
    )


def _covered_anew(edit: Edit) -> Iterator[OwnerKey]:
    """Owners below each delegation or DNAME that comes or goes: many, for warnings, and any that may be an error.

    That is the first name below a DNAME that is new, or served from now on since a delegation above it is gone.
    """
    for rtype in (_NS, _DNAME):
        for owner in (*edit.coming(rtype), *edit.going(rtype)):
            yield from islice(edit.after.below(owner), WARNED_BELOW)
    uncovered = (dname for owner in edit.going(_NS) for dname in edit.after.dnames(owner))
    for dname in (*edit.coming(_DNAME), *uncovered):
        yield from _first_name_below(edit.after, dname)


def _first_name_below(tree: Tree, owner: OwnerKey) -> Iterator[OwnerKey]:
    return islice((below for below in tree.below(owner) if named(tree.at(below))), 1)


def _leading_to(edit: Edit, owners: Sequence[OwnerKey], rtypes: Collection[bytes]) -> Iterator[OwnerKey]:
    """Owners whose records of these types may lead to one of those, below it, or to what a wildcard matches."""
    if not owners or edit.records > _SEARCHED:
        return
    names = [(key_owner(owner) + edit.content.apex).removeprefix(b"\1*") for owner in owners]
    for key, payload in walk.entries(edit.after.nodes, edit.after.root):
        if key[-2:] in rtypes and any(name in payload for name in names):
            yield OwnerKey(key[:-3])
