"""What a writing verb says it did: the records that changed on stdout, the commit and warnings on stderr."""

from __future__ import annotations

from argparse import Namespace
from types import MappingProxyType
from typing import TYPE_CHECKING

from zonegit.cli import checks, render, shapes
from zonegit.cli.output import Output
from zonegit.model.ids import short
from zonegit.model.names import parse_apex
from zonegit.model.rdata import SOA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zonegit.repo import Change, Committed, Repository


def tell(
    repo: Repository,
    done: Committed,
    args: Namespace,
    out: Output,
    *,
    list_changes: bool = True,
    more: shapes.JsonObject = MappingProxyType({}),
) -> int:
    """Report a commit, or with `--dry-run` what one would be; returns the exit code. `more` is for JSON."""
    changes = changes_with_serials(repo, done)
    if done.new not in (None, done.old):
        out.made("the change was committed all the same")
    if args.json:
        out.json({**shapes.committed(done, changes), **more})
        if not out.delivered():
            out.note(_summary(done, listed=False))
        return 0
    apex = parse_apex(done.zone)
    if list_changes:
        render.show_changes(out, changes, apex)
    checks.warn(args, out, done.findings, apex, committed=done.new is not None)
    out.note(_summary(done, listed=list_changes))
    if done.lacks_view:
        out.warn(
            f"the zone is committed and answered, but its served view couldn't be made: {done.lacks_view}; "
            "zonegitd makes it once that is mended, and so does the same import"
        )
    return 0


def tell_all(repo: Repository, commits: Sequence[Committed], args: Namespace, out: Output) -> int:
    """Report commits that were made together; in JSON they are an array."""
    if not args.json:
        for done in commits:
            tell(repo, done, args, out)
        return 0
    if any(done.new not in (None, done.old) for done in commits):
        out.made("the change was committed all the same")
    out.json([shapes.committed(done, changes_with_serials(repo, done)) for done in commits])
    if not out.delivered():
        for done in commits:
            out.note(_summary(done, listed=False))
    return 0


def tell_begun(repo: Repository, done: Committed, out: Output) -> None:
    """Say where HEAD stays, if a zone was begun that it doesn't name."""
    head = repo.standing().head
    if done.old is None and done.new is not None and head and head.zone != done.zone:
        out.note(head_stays(head.zone, done.zone))


def head_stays(head: str, zone: str) -> str:
    """What a verb says that brought a zone which HEAD doesn't name."""
    return f"HEAD names {head} as before; `zonegit zone switch {zone}` makes it name this zone"


def changes_with_serials(repo: Repository, done: Committed) -> list[Change]:
    """The changes, with the serials that the SOA is served with."""
    old = 0
    if done.old is not None and any(change.rtype == SOA for change in done.changes):
        old = repo.resolve(done.old.hex(), zone=done.zone).commit.serial
    return [render.served(change, old, done.serial) for change in done.changes]


def _summary(done: Committed, *, listed: bool) -> str:
    place = f"{done.zone} {done.branch}"
    if done.old is not None and done.old == done.new:
        return f"[{place}] nothing to change"
    what = f"serial {done.serial}, {render.counted(done.change_count, 'RRset')} changed"
    if listed and done.change_count > len(done.changes):
        what += ", too many to list"
    if done.new is None:
        return f"[{place}] dry run, nothing written: {what}"
    return f"[{place} {short(done.new)}] {what}"
