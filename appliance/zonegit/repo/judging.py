"""Decides whether a new version is refused, and which of its warnings are reported.

A change is checked at the owners that it touches, at those that it covers or uncovers (below a delegation or DNAME
that it adds or removes), and at those whose records point to an alias that it adds. A whole version is checked
everywhere.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from zonegit.errors import InvalidZone
from zonegit.model.names import APEX_KEY, OwnerKey, key_owner, keys_above, owner_key, owner_text
from zonegit.model.rdata import CNAME, DNAME, MX, NS, SRV
from zonegit.model.rrset import rr_key
from zonegit.repo.content import Content
from zonegit.repo.records import Changes
from zonegit.tree import walk
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.check import check_owners
from zonegit.zonefile.findings import Finding, Severity, how_many
from zonegit.zonefile.sizes import is_small
from zonegit.zonefile.structure import STRUCTURAL
from zonegit.zonefile.zone_lookup import named

_SHOWN: Final = 3
"""The most errors that a refusal names."""
_NS: Final = NS.to_bytes(2, "big")
_DNAME: Final = DNAME.to_bytes(2, "big")
_CNAME: Final = CNAME.to_bytes(2, "big")
_POINTING: Final = tuple(rtype.to_bytes(2, "big") for rtype in (NS, MX, SRV))
"""Types that may not point to an alias (RFC 2181 §10.3)."""
WARNED_BELOW = 1000
"""The most owners below a delegation or DNAME that are checked for warnings when it comes or goes."""
_SEARCHED: Final = 100_000
"""Zones with more records aren't searched for what points to a name; at this size that takes about 0.1 s."""


class Edit(NamedTuple):
    """A version, and what a change makes of it."""

    content: Content
    before: Changes
    """The RRset under each changed key before; None if there was none."""
    changes: Changes
    """The RRset under each changed key afterwards; None if it is removed."""
    after: Tree
    records: int
    """The number of records afterwards."""

    def coming(self, rtype: bytes) -> list[OwnerKey]:
        """Owners that had no RRset of this type and get one."""
        return [OwnerKey(key[:-3]) for key, old in self.before.items() if key[-2:] == rtype and old is None]

    def going(self, rtype: bytes) -> list[OwnerKey]:
        """Owners that lose their RRset of this type."""
        return [OwnerKey(key[:-3]) for key, new in self.changes.items() if key[-2:] == rtype and new is None]


def judge_edit(edit: Edit, strict: Collection[str]) -> list[Finding]:
    """The warnings to report for a change. `InvalidZone` if it has errors, or warnings of a `strict` check."""
    findings = findings_of(edit)
    refuse(edit.content.revision.commit.zone, findings, strict)
    return findings


def findings_of(edit: Edit) -> list[Finding]:
    """The errors and warnings to report for a change."""
    touched = {OwnerKey(key[:-3]) for key in edit.changes}
    aliases = (*edit.coming(_CNAME), *edit.coming(_DNAME))
    owners = touched.union(_covered_anew(edit), _leading_to(edit, aliases, _POINTING))
    return without_old(_found(edit, owners), touched, edit.content)


def judge_errors(edit: Edit) -> None:
    """`InvalidZone` if a change has errors. Nothing looks for warnings, which takes long in a large zone."""
    touched = {OwnerKey(key[:-3]) for key, new in edit.changes.items() if new is not None}
    unseen = _seen_anew(edit) if any(key[-2:] in (_NS, _DNAME) for key in edit.changes) else ()
    dnames: dict[OwnerKey, bool] = {}  # many owners may have the same names above them
    owners = sorted({owner for owner in touched if not _is_easy(edit.after, owner, dnames)}.union(unseen))
    if owners:
        refuse(edit.content.revision.commit.zone, check_owners(edit.content.apex, owners, edit.after), ())


def _is_easy(tree: Tree, owner: OwnerKey, dnames: dict[OwnerKey, bool]) -> bool:
    """Whether nothing at an owner can be an error, if its types fit each other.

    `dnames`: whether there is a DNAME at an owner, of those that were asked for.
    """
    types = tree.at(owner)
    if not (STRUCTURAL.isdisjoint(types) and is_small(types)):
        return False
    for above in (APEX_KEY, *keys_above(owner)) if owner else ():
        if above not in dnames:
            dnames[above] = tree.payload(rr_key(above, DNAME)) is not None
        if dnames[above]:
            return False
    return True


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
    """The findings without the warnings at untouched owners that `content` had already."""
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
    """Raise `InvalidZone` if there are errors or warnings of strict checks; its message has the first few."""
    errors = [each for each in found if each.severity is Severity.ERROR or each.check in strict]
    if not errors:
        return
    errors.sort(key=lambda each: each.severity is not Severity.ERROR)
    shown = errors[:_SHOWN]
    text = "; ".join(f"{owner_text(each.owner)}: {each.full_message} [{each.check}]" for each in shown)
    count = how_many(errors[_SHOWN:])
    more = f"; and {count:,} more" if count else ""
    places = [(zone, each.owner) for each in shown]
    if errors[0].severity is Severity.ERROR:
        raise InvalidZone(f"this would break {zone} {text}{more}", places)
    raise InvalidZone(
        f"{zone} is strict about this: {text}{more}; '--strict none' allows it once, and 'strict' in zonegitd.toml "
        "names what is always refused",
        places,
    )


def _covered_anew(edit: Edit) -> Iterator[OwnerKey]:
    """Owners below each delegation or DNAME that comes or goes.

    For warnings, these are the first `WARNED_BELOW`; for errors, `_seen_anew`.
    """
    for rtype in (_NS, _DNAME):
        for owner in (*edit.coming(rtype), *edit.going(rtype)):
            yield from islice(edit.after.below(owner), WARNED_BELOW)
    yield from _seen_anew(edit)


def _seen_anew(edit: Edit) -> Iterator[OwnerKey]:
    """The first name below each DNAME that is new, or that is served because a delegation above it is gone."""
    uncovered = (dname for owner in edit.going(_NS) for dname in edit.after.dnames(owner))
    for dname in (*edit.coming(_DNAME), *uncovered):
        yield from _first_name_below(edit.after, dname)


def _first_name_below(tree: Tree, owner: OwnerKey) -> Iterator[OwnerKey]:
    return islice((below for below in tree.below(owner) if named(tree.at(below))), 1)


def _leading_to(edit: Edit, owners: Sequence[OwnerKey], rtypes: Collection[bytes]) -> Iterator[OwnerKey]:
    """Owners whose records of these types may point to or below `owners`, or to a name that a wildcard matches."""
    if not owners or edit.records > _SEARCHED:
        return
    names = [(key_owner(owner) + edit.content.apex).removeprefix(b"\1*") for owner in owners]
    for key, payload in walk.entries(edit.after.nodes, edit.after.root):
        if key[-2:] in rtypes and any(name in payload for name in names):
            yield OwnerKey(key[:-3])
