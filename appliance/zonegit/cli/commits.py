"""Commits as git shows them: a header and a message, or one line, and what changed."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from zonegit.cli import render
from zonegit.cli.output import Output, Style
from zonegit.model.foreign import printable
from zonegit.model.ids import short
from zonegit.model.names import parse_apex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from zonegit.model.commit import Tag
    from zonegit.repo import Change, Combined, Repository, Revision

Labels = dict[bytes, list[str]]
"""Commit id -> the names that point there."""


def labels(repo: Repository, zone: str | None) -> Labels:
    """What `git log --decorate` shows: branches, tags, and where HEAD is."""
    head = repo.head_status().head
    current = head.branch if head and repo.position(zone) == head else None
    found: Labels = {}
    for name, oid in repo.branches(zone=zone).items():
        names = found.setdefault(oid, [])
        if name == current:
            names.insert(0, f"HEAD -> {name}")
        else:
            names.append(name)
    for done in repo.publications(repo.position(zone).zone):
        if done.published is not None and any(done.published.of):
            found.setdefault(done.published.of, []).append(f"published: {done.branch}")
    for name, oid in repo.tags(zone=zone).items():
        found.setdefault(oid, []).append(f"tag: {name}")
    return found


def show_oneline(out: Output, revision: Revision, known: Labels, signature: str = "") -> None:
    """One line, and another one for a signature that is told."""
    name = out.paint(short(revision.id), Style.ID)
    subject = printable(revision.commit.subject)
    out.line(f"{name}{_decorated(out, revision, known)} {revision.commit.serial} {subject}")
    if signature:
        out.line(f"    Signature: {signature}")


def show_tag(out: Output, tag: Tag, signature: str = "") -> None:
    """The header of an annotated tag, printed before its commit."""
    out.line(f"tag {tag.name}", Style.ID)
    out.line(f"Tagger: {printable(tag.tagger.name)}")
    out.line(f"Date:   {render.date(tag.tagger)}")
    if signature:
        out.line(f"Signature: {signature}")
    out.line()
    for line in tag.message.splitlines():
        out.line(printable(line).rstrip())
    out.line()


def show_commit(out: Output, revision: Revision, known: Labels, signature: str = "") -> None:
    commit = revision.commit
    out.line(out.paint(f"commit {revision.id.hex()}", Style.ID) + _decorated(out, revision, known))
    if len(commit.parents) > 1:
        out.line(f"Merge:  {' '.join(short(parent) for parent in commit.parents)}")
    out.line(f"Serial: {commit.serial}")
    out.line(f"Author: {printable(commit.author.name)}")
    out.line(f"Date:   {render.date(commit.author)}")
    if commit.not_before is not None:
        out.line(f"Publish: {render.local_date(commit.not_before)}")
    if signature:
        out.line(f"Signature: {signature}")
    out.line()
    for line in commit.message.splitlines() or [""]:
        out.line(f"    {printable(line)}".rstrip())


def _decorated(out: Output, revision: Revision, known: Labels) -> str:
    names = known.get(revision.id)
    return f" ({out.paint(', '.join(names), Style.NEW)})" if names else ""


class Differing(NamedTuple):
    """A commit, and what it is compared with; with a `name`, only the records there.

    Without a `parent`, a merge is shown as in git's combined diff: what differs from all of its parents. Any other
    commit is compared with its only parent.
    """

    repo: Repository
    revision: Revision
    zone: str | None
    name: str | None = None
    rtype: int | None = None
    parent: int | None = None

    @property
    def is_combined(self) -> bool:
        return self.parent is None and len(self.revision.commit.parents) > 1

    def changes(self) -> Iterator[Change]:
        """The changes against one parent, with the serials that were served."""
        number = self.parent or 1
        found = self.repo.changes(
            self.revision.id.hex(), zone=self.zone, name=self.name, rtype=self.rtype, parent=number
        )
        return served(found, parent_of(self.repo, self.revision, self.zone, number), self.revision)

    def combined(self) -> Iterator[Combined]:
        """What differs in a merge from every parent, with the serials that were served."""
        found = self.repo.combined(self.revision.id.hex(), zone=self.zone, name=self.name, rtype=self.rtype)
        serials = [
            self.repo.resolve(parent.hex(), zone=self.zone).commit.serial for parent in self.revision.commit.parents
        ]
        return (render.served_by_all(each, serials, self.revision.commit.serial) for each in found)


def show_changes(out: Output, of: Differing, *, patch: bool, count: bool, apart: bool = True) -> None:
    """Print how many RRsets changed (`count`), the records (`patch`), or both; `apart`: after an empty line."""
    read: Callable[[], Iterator[Change | Combined]] = of.combined if of.is_combined else of.changes
    found = read()
    first = next(found, None)
    if first is None:
        return
    if apart:
        out.line()
    if count:
        out.line(" " + stat(chain((first,), found)))
        found = read()
    if count and patch:
        out.line()
    if patch:
        shown = found if count else chain((first,), found)
        render.show_changes(out, shown, parse_apex(of.revision.commit.zone))


def parent_of(repo: Repository, revision: Revision, zone: str | None, number: int = 1) -> Revision | None:
    """A parent, by default the first one; None if there is none."""
    parents = revision.commit.parents[number - 1 : number]
    return repo.resolve(parents[0].hex(), zone=zone) if parents else None


def served(changes: Iterator[Change], old: Revision | None, new: Revision) -> Iterator[Change]:
    """Changes with the serials that the SOA was served with."""
    before = old.commit.serial if old else 0
    return (render.served(change, before, new.commit.serial) for change in changes)


def stat(changes: Iterable[Change | Combined]) -> str:
    """`3 RRsets changed: 1 added, 2 modified, 0 deleted`"""
    added = modified = deleted = 0
    for change in changes:
        new = not any(change.olds)
        added += new
        deleted += change.new is None
        modified += not new and change.new is not None
    total = render.counted(added + modified + deleted, "RRset")
    return f"{total} changed: {added:,} added, {modified:,} modified, {deleted:,} deleted"
