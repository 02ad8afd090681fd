"""Desired states of a zone, or of a name and all names below it. The commit is the smallest change that gets there.

A state may be based on an older version (`edit`). Then its changes to that version are merged with what the branch
has changed since.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from zonegit.errors import BaseGone, InvalidZone, UsageError
from zonegit.model.ids import Kind, ObjectId, kind_of, short
from zonegit.model.names import absolute, owner_key, to_text
from zonegit.model.rrset import RRKey
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.contradictions import Authors, conflict_of, contradictions
from zonegit.repo.draft import draft_changes
from zonegit.repo.history import Range, read_commit
from zonegit.repo.judging import refuse
from zonegit.repo.merging import Sides, three_way
from zonegit.repo.records import Changes
from zonegit.repo.results import Committed, Contradiction, Position
from zonegit.repo.signed import Signatures, dnssec_keys, unsigned
from zonegit.repo.writing import Intent, commit_changes
from zonegit.tree import walk
from zonegit.tree.edit import edit
from zonegit.tree.merge import Conflict
from zonegit.tree.source import Nodes
from zonegit.zonefile.reader import ParsedZone

_MOVED: Final = "the branch has moved, and its changes contradict this"


def message(source: str, wanted: ParsedZone) -> str:
    """The default message: `Apply www.zone to www.example.org.`"""
    if not source or not source.isprintable():
        raise UsageError(f"the source's name {source[:80]!r} must be printable: the commit records it")
    to = f" to {to_text(absolute(wanted.below, wanted.apex))}" if wanted.below else ""
    return f"Apply {source}{to}"


def apply(
    context: Context, place: Position, wanted: ParsedZone, intent: Intent, base: ObjectId | None = None
) -> Committed:
    """Commit the change that gives a branch this state; with `base`, the state's changes to that version.

    `MergeConflict` as in `merged`.
    """
    refuse(place.zone, wanted.warnings, intent.strict)
    before = None if base is None else base_content(context, base, place.zone)
    mine = towards(before, wanted, intent.signatures) if before else {}

    def changes(content: Content) -> Changes:
        if before is None or before.revision.id == content.revision.id:
            return mine if before else towards(content, wanted, intent.signatures)
        return merged(before, mine, content)

    try:
        done = commit_changes(context, place, changes, intent)
    except InvalidZone as error:
        if before is not None:
            refuse_together(before, mine, intent, error)
        raise
    return done._replace(findings=[*wanted.warnings, *done.findings])


def base_content(context: Context, base: ObjectId, zone: str) -> Content:
    """The version that a change is based on. `BaseGone` if this repository doesn't have it."""
    with context.store.read() as reader:
        known = reader.has(base) and kind_of(reader.get(base)) is Kind.COMMIT
    found = read_commit(context.nodes.source, base) if known else None
    if found is None or found.commit.zone != zone:
        raise BaseGone(f"this repository has no commit {short(base)} of {zone}, which the change is based on")
    return Content.of(context.nodes, found)


def refuse_together(base: Content, changes: Changes, intent: Intent, error: InvalidZone) -> None:
    """`MergeConflict` if these changes to `base` are valid, but not together with the branch's newer commits."""
    with suppress(InvalidZone):
        draft_changes(base, changes, intent.strict)
        raise conflict_of(base.revision.commit.zone, _MOVED, (), [str(error)]) from None


def towards(content: Content, wanted: ParsedZone, signatures: Signatures = "keep") -> dict[RRKey, bytes | None]:
    """The smallest change that gives a version a state; `unsign` also removes all DNSSEC records."""
    unsign = signatures == "unsign"
    tree = content.tree
    missing = dict(unsigned(wanted.entries) if unsign else wanted.entries)
    changes: dict[RRKey, bytes | None] = dict.fromkeys(dnssec_keys(tree)) if unsign else {}
    for key, payload in walk.under(tree.nodes, tree.root, RRKey(owner_key(wanted.below))):
        new = missing.pop(key, None)
        if new != payload:
            changes[key] = new
    return {**changes, **missing}


def merged(base: Content, changes: Changes, tip: Content) -> Changes:
    """These changes to `base`, merged with the tip. `MergeConflict` if the branch contradicts them."""
    nodes, sides = sides_of(base, changes, tip)
    found = three_way(nodes, sides)
    if found.conflicts:
        raise conflict_of(tip.revision.commit.zone, _MOVED, with_authors(nodes, found.conflicts, base, tip), ())
    return found.changes


def sides_of(base: Content, changes: Changes, tip: Content) -> tuple[Nodes, Sides]:
    """The sides of the merge: the tip is ours, the base with these changes is theirs."""
    nodes = base.tree.nodes
    built = edit(nodes, base.tree.root, base.zone.shape, changes.items())
    nodes = nodes.over(built.by_id)
    return nodes, Sides(base.tree.root, tip.tree.root, built.root)


def with_authors(
    nodes: Nodes, conflicts: Mapping[RRKey, Conflict], base: Content, tip: Content
) -> list[Contradiction]:
    """The conflicts of such a merge, with the commits on the branch that changed these RRsets."""
    authors = Authors(Range((tip.revision,), (base.revision,)), None)
    return contradictions(nodes, conflicts, authors, tip.revision.commit.serial)
