"""Drafts of new versions: the new tree, its checks and the objects that have to be stored."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from zonegit.errors import InvalidZone
from zonegit.model.commit import NOT_BEFORE, Commit, Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.names import MAX_NAME, OwnerKey, WireName, owner_key, to_text
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Shape, Zone
from zonegit.repo.changes import change
from zonegit.repo.content import Content
from zonegit.repo.judging import Edit, judge_edit, refuse, without_old
from zonegit.repo.records import Changes
from zonegit.repo.results import MAX_LISTED, Change, Revision
from zonegit.repo.signed import are_signed, is_signed
from zonegit.store.built import leaf_facts
from zonegit.store.facts import NodeFacts
from zonegit.tree.build import Built, build
from zonegit.tree.diff import diff
from zonegit.tree.edit import edit
from zonegit.tree.servable import edit_fault
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.canonical_entries import CanonicalEntries
from zonegit.zonefile.findings import Finding, accepted
from zonegit.zonefile.progress import Report, silent, step, watched
from zonegit.zonefile.rdata.fitting import misfit

IMPORTED: Final = "imported"
"""The header of an import: the name of its file."""
IMPORTED_OVER: Final = "imported-over"
"""The header of an import that was merged: the id of the version that its file came from."""
_BUILT: Final = 0.4
"""The fraction of the time of drafting a whole version after which its tree is built, and it is checked."""


class Draft(NamedTuple):
    """A version that is checked and ready to be stored, without a commit yet."""

    zone: Zone
    objects: list[bytes]
    """New objects, children before parents, the zone object last."""
    change_count: int
    changes: list[Change]
    findings: list[Finding]
    signed: bool
    """Whether the version holds signatures."""
    facts: Mapping[ObjectId, NodeFacts] = MappingProxyType({})
    """What is known of leaves among the objects because they were built of a whole zone here."""


def draft_changes(content: Content, changes: Changes, strict: Collection[str] = ()) -> Draft:
    """`content` with these changes.

    `InvalidZone` if they break the zone, or cause a finding of one of the `strict` checks.
    """
    tree = content.tree
    before = {key: tree.payload(key) for key in changes}
    effective = {key: payload for key, payload in changes.items() if payload != before[key]}
    built = edit(tree.nodes, tree.root, content.zone.shape, effective.items())
    after = Tree(tree.nodes.over(built.by_id), built.root)
    replaced = {key: before[key] for key in effective}
    findings = judge_edit(Edit(content, replaced, effective, after, built.records), strict)
    _refuse_unfit(content.apex, effective.items())
    listed = [change((key, before[key], payload)) for key, payload in sorted(effective.items())]
    return _draft(built, content.zone.shape, len(effective), listed[:MAX_LISTED], findings, is_signed(after))


def draft_records(
    apex: WireName,
    content: Content | None,
    entries: CanonicalEntries,
    shape: Shape,
    warnings: Sequence[Finding] = (),
    strict: Collection[str] = (),
    report: Report = silent,
    accept: Collection[str] = (),
) -> Draft:
    """A version with exactly these entries, compared with `content` if there is one. `InvalidZone` as above.

    `warnings` are those of reading the entries. `accept` are checks whose errors are warnings.
    """
    from zonegit.repo.checking_process import checking  # pickle and threads, for large zones only

    with checking(apex, entries, step(report, _BUILT, 1)) as findings:
        built = build(shape, watched(entries, step(report, 0, _BUILT)))
        facts = leaf_facts(entries, built.by_id)
        found = accepted(findings(), accept)
    refuse(to_text(apex), [*warnings, *found], strict)
    if not _are_plain(apex, facts.values(), built.records):
        _refuse_unfit(apex, entries)
    signed = are_signed(entries)
    if content is None:
        listed = [change((key, None, new)) for key, new in entries] if len(entries) <= MAX_LISTED else []
        draft = _draft(built, shape, len(entries), listed, [*warnings, *found], signed)
        return draft._replace(facts=facts)
    owners = {owner_key(each.owner) for each in found}
    touched: set[OwnerKey] = set()
    changes: list[Change] = []
    count = 0
    for difference in diff(content.tree.nodes.over(built.by_id), content.tree.root, built.root):
        count += 1
        if count <= MAX_LISTED:
            changes.append(change(difference))
        if owners and (owner := OwnerKey(difference[0][:-3])) in owners:
            touched.add(owner)
    reported = without_old(found, touched, content) if count else []
    listed = changes if count <= MAX_LISTED else []
    return _draft(built, shape, count, listed, [*warnings, *reported], signed)._replace(facts=facts)


def _are_plain(apex: WireName, leaves: Collection[NodeFacts], records: int) -> bool:
    """Whether a zone with this number of records has these leaves only, and nothing below them is unfit."""
    room = MAX_NAME - len(apex)
    return sum(each.records for each in leaves) == records and all(
        each.plain is not None and each.plain[0] <= room for each in leaves
    )


def _refuse_unfit(apex: WireName, edit: Iterable[tuple[RRKey, bytes | None]]) -> None:
    """`InvalidZone` for RRsets that no mirror would accept (`tree.servable`), whatever the checks say."""
    if found := edit_fault(apex, edit, misfit):
        raise InvalidZone(f"{to_text(apex)} would hold {found}")


def _draft(
    built: Built, shape: Shape, count: int, changes: list[Change], findings: list[Finding], signed: bool
) -> Draft:
    zone = Zone(built.root, shape, built.records)
    return Draft(zone, [*built.objects, zone.encode()], count, changes, findings, signed)


def make_commit(
    content: Content | None,
    zone: str,
    root: ObjectId,
    seq: int,
    stamp: Stamp,
    message: str,
    imported: str | None,
    author: Stamp | None = None,
    others: tuple[Revision, ...] = (),
    imported_over: ObjectId | None = None,
    not_before: int | None = None,
) -> Commit:
    """The commit of a new version on top of `content` and of other parents."""
    parents = (content.revision, *others) if content else others
    start = "" if not_before is None else str(not_before)
    version = "" if imported_over is None else imported_over.hex()
    headers = [(IMPORTED, imported or ""), (IMPORTED_OVER, version), (NOT_BEFORE, start)]
    return Commit(
        zone_root=root,
        parents=tuple(dict.fromkeys(parent.id for parent in parents)),
        zone=zone,
        seq=seq,
        generation=1 + max((parent.commit.generation for parent in parents), default=0),
        author=author or stamp,
        committer=stamp,
        message=message,
        extra=tuple((name, value) for name, value in headers if value),
    )
