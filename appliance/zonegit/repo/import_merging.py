"""Merges a zone file that was exported from an older version with what the branch has changed since.

The file's serial identifies the version that it came from, the merge base. If it is the tip's serial or ahead of
it, there is nothing to merge. Serial 0 identifies no version, since people write it in files whose serial they
never raise. If a version of another branch has the same serial, the base is ambiguous (`repo.shared_serials`), and
the file isn't merged. Signed versions are never merged, because signatures are valid for exact content only.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from zonegit.errors import InvalidZone, MergeConflict
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.rrset import RRKey
from zonegit.repo.bases import merge_bases
from zonegit.repo.content import Content
from zonegit.repo.contradictions import Authors, conflict_of, contradictions
from zonegit.repo.draft import IMPORTED, Draft, draft_changes
from zonegit.repo.earlier_imports import held_by_earlier
from zonegit.repo.history import Range, read_commit
from zonegit.repo.import_losses import undone_by
from zonegit.repo.merging import Sides, three_way
from zonegit.repo.results import MAX_LISTED, Change, Revision
from zonegit.repo.serials import ROUND, is_ahead
from zonegit.repo.shared_serials import sharing
from zonegit.repo.signed import is_signed
from zonegit.repo.writing import Intent
from zonegit.store.port import Store
from zonegit.tree.source import NodeSource
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.findings import Finding

_AGREE: Final = "set these records on the branch as they are in the file, or change the file to what the branch has"
_FIT: Final = "change the branch or the file so that the result is a valid zone"


class MergedFile(NamedTuple):
    """The branch's tip with a file's changes to an older version applied."""

    draft: Draft
    base: ObjectId
    """The commit of that version."""
    held: list[Change]
    """See `Committed.held`."""


class Shared(NamedTuple):
    """Why a file isn't merged: several versions with different content have its serial."""

    versions: tuple[Revision, ...]
    """The version of this branch comes first."""
    fork: ObjectId
    """A common ancestor of all of them; if they have none, a commit that isn't in the branch's history."""


class Version(NamedTuple):
    """An older version of a branch."""

    content: Content
    newer: list[ObjectId]
    """The commits after it along first parents, starting with the tip."""
    imports: list[Revision]
    """The imports among them."""


def merge_file(
    store: Store,
    content: Content,
    file: Draft,
    entries: Sequence[tuple[RRKey, bytes]],
    intent: Intent,
    warnings: Sequence[Finding],
) -> MergedFile | Shared | None:
    """Merge a file, given as its draft and its entries, with the tip; None if there is nothing to merge.

    `MergeConflict` if the tip contradicts the file; the message says whose changes `--replace` would undo.
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
        raise _with_advice(conflict_of(zone, what, listed, ()), content, base, entries)
    try:
        draft = draft_changes(content, found.changes, intent.strict)
    except InvalidZone as error:
        raise _with_advice(conflict_of(zone, what, (), [str(error)]), content, base, entries) from None
    held: list[Change] = []
    if version.imports:
        after = Tree(nodes.over({object_id(data): data for data in draft.objects}), draft.zone.tree)
        held = held_by_earlier(base.revision.id, version.imports, content, after, dict(entries))[:MAX_LISTED]
    return MergedFile(draft._replace(findings=[*warnings, *draft.findings]), base.revision.id, held)


def version_of(content: Content, serial: int) -> Version | None:
    """The newest older version of a branch that was served with this serial, along first parents; None without.

    The search ends at a tombstone, because the branch began anew there.
    """
    revision = content.revision
    if serial == 0 or serial == revision.commit.serial or is_ahead(serial, revision.commit.seq):
        return None
    newer: list[ObjectId] = []
    imports: list[Revision] = []
    seq = revision.commit.seq - (revision.commit.seq - serial) % ROUND
    while seq >= 0 and revision.commit.seq != seq and not revision.commit.is_tombstone:
        if not revision.commit.parents:
            return None
        newer.append(revision.id)
        if any(name == IMPORTED for name, _ in revision.commit.extra):
            imports.append(revision)
        revision = read_commit(content.tree.nodes.source, revision.commit.parents[0])
        if revision.commit.seq < seq:  # sequence numbers rise from parent to child
            seq -= ROUND
    if seq < 0 or revision.commit.is_tombstone:
        return None
    return Version(Content.of(content.tree.nodes, revision), newer, imports)


def _fork(source: NodeSource, version: Revision, others: Sequence[Revision]) -> ObjectId:
    bases = [merge_bases(source, [version.id], [other.id]) for other in others]
    if not all(bases):
        return others[0].id
    return min({oid for each in bases for oid in each}, key=lambda oid: read_commit(source, oid).commit.generation)


def _with_advice(
    error: MergeConflict, content: Content, base: Content, entries: Sequence[tuple[RRKey, bytes]]
) -> MergeConflict:
    """The error with what to do: make both sides agree, or use `--replace`, which undoes the listed commits."""
    undone = undone_by(content, entries, since=base.revision.id)
    losses = ""
    if undone.total:
        newest = undone.commits[0].commit
        more = f" and {undone.total - 1:,} more" if undone.total > 1 else ""
        losses = f", and undoes {newest.subject!r} by {newest.author.name}{more}"
    agree = f"{_AGREE if error.conflicts else _FIT}, and import it again"
    message = f"{error}; nothing moved; {agree}, or --replace lets the file win{losses}"
    return MergeConflict(message, error.conflicts, error.together)
