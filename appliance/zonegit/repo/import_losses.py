"""Finds commits that a zone file would undo: made by hand since the last import, with changes the file lacks."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, zip_longest
from typing import Final, NamedTuple

from zonegit.model.ids import ObjectId, short
from zonegit.model.rrset import RRKey, record_spans
from zonegit.model.zone import Zone
from zonegit.repo.content import Content
from zonegit.repo.draft import IMPORTED, IMPORTED_OVER
from zonegit.repo.history import read_commit
from zonegit.repo.results import Revision, reset_subject
from zonegit.repo.signed import are_signed
from zonegit.tree import walk
from zonegit.tree.diff import diff
from zonegit.tree.source import Nodes
from zonegit.tree.zone_tree import Tree

MAX_UNDONE: Final = 100
"""The most commits that are named."""
_NAMED: Final = 3
"""The most versions with a file's serial that an error names."""
_SEARCHED: Final = 10_000
"""The most commits that are looked at; one with few changes takes about a third of a millisecond."""

Record = tuple[bytes, bytes]
"""TTL and RDATA."""


class Undone(NamedTuple):
    """Commits that an import undoes."""

    commits: list[Revision]
    """The newest ones, newest first, at most `MAX_UNDONE`."""
    total: int
    """How many there are among the newest 10,000 since the last import."""
    signed: bool = False
    """Whether the file is signed, and so never merged."""
    shared: tuple[Revision, ...] = ()
    """The different versions that have the file's serial, if the file isn't merged because of them."""

    @property
    def not_merged(self) -> str:
        """Why the file isn't merged, for an error: `...; `, or nothing."""
        if self.signed:
            return "a signed file is never merged; "
        if not self.shared:
            return ""
        named = ", ".join(
            f"{short(each.id)} ({each.commit.subject!r} by {each.commit.author.name})"
            for each in self.shared[:_NAMED]
        )
        more = f" and {len(self.shared) - _NAMED:,} more" if len(self.shared) > _NAMED else ""
        serial = self.shared[0].commit.serial
        return f"it isn't merged, because several versions have its serial {serial}: {named}{more}; "


NOTHING: Final = Undone([], 0)
Allow = Callable[[Undone], bool]
"""Decides whether these commits may be undone."""


def undone_by(content: Content, entries: Sequence[tuple[RRKey, bytes]], since: ObjectId | None = None) -> Undone:
    """What a file with these entries (in canonical order) would undo on the branch that `content` is the tip of.

    Only commits made by hand since the last import count; with `since`, all commits after that one.
    """
    if since is None and _is_import(content.revision):
        return NOTHING
    file = dict(entries)
    found = [
        revision
        for revision in islice(_newer(content, since), _SEARCHED)
        if _is_undone(content.tree, revision, file, entries)
    ]
    return Undone(found[:MAX_UNDONE], len(found), are_signed(entries))


def _newer(content: Content, since: ObjectId | None) -> Iterator[Revision]:
    """The commits after `since` (None: after the last import), along first parents, newest first.

    The walk ends at a tombstone, because the branch began anew there.
    """
    revision = content.revision
    while not revision.commit.is_tombstone and (revision.id != since if since else not _is_import(revision)):
        yield revision
        if not revision.commit.parents:
            return
        revision = read_commit(content.tree.nodes.source, revision.commit.parents[0])


def _is_import(revision: Revision) -> bool:
    """Whether a commit has exactly a file's content. A merged import hasn't, since it kept other changes."""
    headers = dict(revision.commit.extra)
    return IMPORTED in headers and IMPORTED_OVER not in headers


def _is_undone(
    tip: Tree, revision: Revision, file: dict[RRKey, bytes], entries: Sequence[tuple[RRKey, bytes]]
) -> bool:
    """Whether the tip still has some of a commit's change, and the file doesn't.

    The commit of a `reset` has the content of its parent, so the two don't differ. What the reset changed is the
    whole content of the branch, so a file with any other content undoes it.
    """
    nodes = tip.nodes
    parents = revision.commit.parents
    if parents and revision.commit.subject == reset_subject(parents[0]):
        return any(ours != theirs for ours, theirs in zip_longest(walk.entries(nodes, tip.root), entries))
    before = tree_of(nodes, read_commit(nodes.source, parents[0]).commit.zone_root) if parents else None
    for key, old, new in _differences(nodes, before, tree_of(nodes, revision.commit.zone_root)):
        was, became = records_of(old), records_of(new)
        here, there = records_of(tip.payload(key)), records_of(file.get(key))
        if ((became - was) & here) - there or ((was - became) - here) & there:
            return True
    return False


def _differences(
    nodes: Nodes, before: ObjectId | None, after: ObjectId
) -> Iterator[tuple[RRKey, bytes | None, bytes | None]]:
    if before is None:
        return ((key, None, payload) for key, payload in walk.entries(nodes, after))
    return diff(nodes, before, after)


def tree_of(nodes: Nodes, root: ObjectId) -> ObjectId:
    """The tree of a zone object."""
    return Zone.decode(nodes.source.get(root)).tree


def records_of(payload: bytes | None) -> frozenset[Record]:
    """The records of a stored RRset; none for None."""
    if payload is None:
        return frozenset()
    # the TTL (4 bytes) and the length (2) precede the RDATA
    return frozenset((payload[start - 6 : start - 2], payload[start:end]) for start, end in record_spans(payload))
