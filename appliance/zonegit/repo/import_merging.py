"""A zone file that was exported from an older version: its changes are merged with what the branch changed since.

The file's serial names the version that it came from, the base. A file whose serial is the tip's or ahead of it has
nothing to be merged with. Serial 0 names no version: who never raises the serial in a file writes 0 there. A serial
that a version of another branch has too names none for certain (`repo.shared_serials`), and the file isn't merged.
Signed versions are never merged, because their signatures fit their own content alone.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zonegit.errors import InvalidZone, MergeConflict
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.rrset import RRKey
from zonegit.repo.bases import merge_bases
from zonegit.repo.content import Content, Tree
from zonegit.repo.contradictions import Authors, conflict_of, contradictions
from zonegit.repo.draft import IMPORTED, Draft, draft_changes
from zonegit.repo.earlier_imports import held_by_earlier
from zonegit.repo.history import Range, read_commit
from zonegit.repo.merging import Sides, three_way
from zonegit.repo.results import MAX_LISTED, Change, Revision
from zonegit.repo.serials import ROUND, is_ahead
from zonegit.repo.shared_serials import sharing
from zonegit.repo.signed import is_signed
from zonegit.repo.undoing import undone_by
from zonegit.repo.writing import Intent
from zonegit.store.port import Store
from zonegit.tree.source import NodeSource
from zonegit.zonefile.findings import Finding

_AGREE: Final = (
    "set these records on the branch as the file has them, or write them in the file as the branch has them"
)
_FIT: Final = "change the branch or the file so that both go together"


@dataclass(frozen=True, slots=True)
class MergedFile:
    """What a branch's tip becomes by a file's changes to an older version."""

    draft: Draft
    base: ObjectId
    """The commit of that version."""
    held: list[Change]
    """See `Committed.held`."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Why a file isn't merged: versions with other content have its serial."""

    versions: tuple[Revision, ...]
    """The branch's first."""
    fork: ObjectId
    """What all of them contain; where they have nothing in common, a commit that isn't the branch's."""


@dataclass(frozen=True, slots=True)
class Version:
    """An older version of a branch."""

    content: Content
    newer: list[ObjectId]
    """The commits after it along first parents, the tip first."""
    imports: list[Revision]
    """Those of them that are imports."""


def merge_file(
    store: Store,
    content: Content,
    file: Draft,
    entries: Sequence[tuple[RRKey, bytes]],
    intent: Intent,
    warnings: Sequence[Finding],
) -> MergedFile | Shared | None:
    """The merge of a file (its draft and its entries) with the tip; None where it isn't to be merged.

    `MergeConflict` where the tip contradicts the file; it says whose changes `--replace` would undo.
    """
    if intent.serial is None or intent.keep_serial or file.signed or is_signed(content.tree):
        return None
    tips = intent.serial == content.revision.commit.serial
    version = Version(content, [], []) if tips else version_of(content, intent.serial)
    if version is None or is_signed(version.content.tree):
        return None
    base, source = version.content, content.tree.nodes.source
    if others := sharing(store, source, base.revision, version.newer):
        return Shared((base.revision, *others), _fork(source, base.revision, others))
    if tips:
        return None
    nodes = content.tree.nodes.over({object_id(data): data for data in file.objects})
    found = three_way(nodes, Sides(base.tree.root, content.tree.root, file.zone.tree))
    zone = content.revision.commit.zone
    what = f"import of a file with serial {intent.serial}, which {zone} has changed since"
    if found.conflicts:
        authors = Authors(Range((content.revision,), (base.revision,)), None)
        listed = contradictions(nodes, found.conflicts, authors, content.revision.commit.serial)
        raise _with_way(conflict_of(zone, what, listed, ()), content, base, entries)
    try:
        draft = draft_changes(content, found.changes, intent.strict)
    except InvalidZone as error:
        raise _with_way(conflict_of(zone, what, (), [str(error)]), content, base, entries) from None
    held: list[Change] = []
    if version.imports:
        after = Tree(nodes.over({object_id(data): data for data in draft.objects}), draft.zone.tree)
        held = held_by_earlier(base.revision.id, version.imports, content, after, dict(entries))[:MAX_LISTED]
    return MergedFile(dataclasses.replace(draft, findings=[*warnings, *draft.findings]), base.revision.id, held)


def version_of(content: Content, serial: int) -> Version | None:
    """The newest older version of a branch that was served with this serial, along first parents."""
    revision = content.revision
    if serial == 0 or serial == revision.commit.serial or is_ahead(serial, revision.commit.seq):
        return None
    newer: list[ObjectId] = []
    imports: list[Revision] = []
    seq = revision.commit.seq - (revision.commit.seq - serial) % ROUND
    while seq >= 0 and revision.commit.seq != seq:
        if not revision.commit.parents:
            return None
        newer.append(revision.id)
        if any(name == IMPORTED for name, _ in revision.commit.extra):
            imports.append(revision)
        revision = read_commit(content.tree.nodes.source, revision.commit.parents[0])
        if revision.commit.seq < seq:  # sequence numbers rise from parent to child
            seq -= ROUND
    return Version(Content.of(content.tree.nodes, revision), newer, imports) if seq >= 0 else None


def _fork(source: NodeSource, version: Revision, others: Sequence[Revision]) -> ObjectId:
    bases = [merge_bases(source, [version.id], [other.id]) for other in others]
    if not all(bases):
        return others[0].id
    return min({oid for each in bases for oid in each}, key=lambda oid: read_commit(source, oid).commit.generation)


def _with_way(
    error: MergeConflict, content: Content, base: Content, entries: Sequence[tuple[RRKey, bytes]]
) -> MergeConflict:
    """The error with the ways on: to make both agree, or `--replace`, which undoes others' commits."""
    undone = undone_by(content, entries, since=base.revision.id)
    losses = ""
    if undone.count:
        newest = undone.commits[0].commit
        more = f" and {undone.count - 1:,} more" if undone.count > 1 else ""
        losses = f", and undoes {newest.subject!r} by {newest.author.name}{more}"
    agree = f"{_AGREE if error.conflicts else _FIT}, and import it again"
    told = f"{error}; nothing moved; {agree}, or --replace lets the file win{losses}"
    return MergeConflict(told, error.conflicts, error.together)
