"""From changes to a commit: the new tree, its checks and the objects that have to be stored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Final

from zonegit.errors import InvalidZone
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import Owner, OwnerKey, WireName, key_owner, owner_key, owner_text, to_text
from zonegit.model.rdata import CNAME, DNAME, MX, NS, SRV
from zonegit.model.rrset import RRKey, RRset, key_parts
from zonegit.model.zone import Shape, Zone
from zonegit.repo.content import Content, Tree
from zonegit.repo.results import MAX_LISTED, Change
from zonegit.repo.signed import are_signed, is_signed
from zonegit.tree import walk
from zonegit.tree.build import Built, build
from zonegit.tree.diff import Difference, diff
from zonegit.tree.edit import edit
from zonegit.tree.source import Nodes
from zonegit.zonefile.check import check_entries, check_owners
from zonegit.zonefile.findings import Finding, Severity

Changes = Mapping[RRKey, bytes | None]
"""Stored RRsets to put under their keys; None deletes."""

_SHOWN: Final = 3
"""Errors that a refusal tells in words."""
_COVERING: Final = tuple(rtype.to_bytes(2, "big") for rtype in (NS, DNAME))
"""Types that hide what stands below their owner."""
_BELOW: Final = 1000
"""Owners below a delegation or DNAME that are checked when it comes or goes."""
_ALIAS: Final = CNAME.to_bytes(2, "big")
_POINTING: Final = tuple(rtype.to_bytes(2, "big") for rtype in (NS, MX, SRV))
"""Types that may not lead to a CNAME (RFC 2181 §10.3)."""
_SEARCHED: Final = 100_000
"""Records of a zone in which whatever points to a new CNAME is looked for; the search takes some 0.1 s then."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that is checked and ready to be stored, still without a commit."""

    zone: Zone
    objects: list[bytes]
    """New objects, children before parents, the zone object last."""
    change_count: int
    changes: list[Change]
    findings: list[Finding]
    signed: bool
    """Whether the version holds signatures."""


def draft_changes(content: Content, changes: Changes) -> Draft:
    """What `content` becomes by these changes. `InvalidZone` if that breaks the zone."""
    tree = content.tree
    before = {key: tree.payload(key) for key in changes}
    effective = {key: payload for key, payload in changes.items() if payload != before[key]}
    built = edit(tree.nodes, tree.root, content.zone.shape, effective.items())
    after = Tree(_over(tree.nodes, built), built.root)
    owners = {OwnerKey(key[:-3]) for key in effective}
    for key, payload in effective.items():
        if key[-2:] in _COVERING and (payload is None or before[key] is None):
            owners.update(islice(after.below(OwnerKey(key[:-3])), _BELOW))
    aliases = [OwnerKey(key[:-3]) for key in effective if key[-2:] == _ALIAS and before[key] is None]
    if aliases and built.records <= _SEARCHED:
        owners.update(_pointing_to(aliases, after, content.apex))
    findings = check_owners(content.apex, sorted(owners), cache(after.at))
    _refuse_errors(content.apex, findings)
    listed = [change((key, before[key], payload)) for key, payload in sorted(effective.items())]
    return _draft(built, content.zone.shape, len(effective), listed[:MAX_LISTED], findings, is_signed(after))


def draft_records(
    apex: WireName,
    content: Content | None,
    entries: list[tuple[RRKey, bytes]],
    shape: Shape,
    warnings: Sequence[Finding] = (),
) -> Draft:
    """A version that holds exactly these entries, beside `content` if there is one. `InvalidZone` as above."""
    findings = [*warnings, *check_entries(apex, entries)]
    _refuse_errors(apex, findings)
    built = build(shape, entries)
    signed = are_signed(entries)
    if content is None:
        listed = entries if len(entries) <= MAX_LISTED else []
        return _draft(
            built, shape, len(entries), [change((key, None, new)) for key, new in listed], findings, signed
        )
    changes: list[Change] = []
    count = 0
    for difference in diff(_over(content.tree.nodes, built), content.tree.root, built.root):
        count += 1
        if count <= MAX_LISTED:
            changes.append(change(difference))
    return _draft(built, shape, count, changes if count <= MAX_LISTED else [], findings, signed)


def _pointing_to(aliases: list[OwnerKey], tree: Tree, apex: WireName) -> Iterator[OwnerKey]:
    """Owners whose records may lead to one of these, or to what a wildcard among them stands for."""
    names = [(key_owner(alias) + apex).removeprefix(b"\1*") for alias in aliases]
    for key, payload in walk.entries(tree.nodes, tree.root):
        if key[-2:] in _POINTING and any(name in payload for name in names):
            yield OwnerKey(key[:-3])


def _over(nodes: Nodes, built: Built) -> Nodes:
    return nodes.over({object_id(data): data for data in built.objects})


def _draft(
    built: Built, shape: Shape, count: int, changes: list[Change], findings: list[Finding], signed: bool
) -> Draft:
    zone = Zone(built.root, shape, built.records)
    return Draft(zone, [*built.objects, zone.encode()], count, changes, findings, signed)


def _refuse_errors(apex: WireName, findings: list[Finding]) -> None:
    """`InvalidZone` if there are any errors, with the first few of them in words."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        told = "; ".join(f"{owner_text(finding.owner)}: {finding.message}" for finding in errors[:_SHOWN])
        more = f"; and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
        raise InvalidZone(f"this would break {to_text(apex)} {told}{more}")


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


def make_commit(
    content: Content | None, zone: str, root: ObjectId, seq: int, stamp: Stamp, message: str, imported: str | None
) -> Commit:
    """The commit of a new version on top of `content`."""
    parent = content.revision if content else None
    return Commit(
        zone_root=root,
        parents=(parent.id,) if parent else (),
        zone=zone,
        seq=seq,
        generation=parent.commit.generation + 1 if parent else 1,
        author=stamp,
        committer=stamp,
        message=message,
        extra=(("imported", imported),) if imported else (),
    )
