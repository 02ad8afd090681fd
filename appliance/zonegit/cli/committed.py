"""What a writing verb reports: the changed records on stdout, the commit and warnings on stderr."""

from __future__ import annotations

from argparse import Namespace
from types import MappingProxyType
from typing import TYPE_CHECKING

from zonegit.cli import checks, render, shapes
from zonegit.cli.output import Output
from zonegit.cli.publishing import held_text, hold_of
from zonegit.model.foreign import printable
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
    """Report a commit, real or with `--dry-run`; returns the exit code. `more` is added to the JSON."""
    changes = changes_with_serials(repo, done)
    if done.new not in (None, done.old):
        out.made("but the change was committed")
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
    _tell_time(repo, done, getattr(args, "at", None), out)
    _tell_hold(repo, done, args, out)
    if done.lacks_view:
        out.warn(
            f"the zone is committed and served, but its served view could not be built: {done.lacks_view}; "
            "zonegitd builds it once that is fixed, and so does the same import"
        )
    return 0


def _tell_time(repo: Repository, done: Committed, at: int | None, out: Output) -> None:
    """Say when a commit is published, if that isn't at once. `at`: the time that was asked for."""
    if done.old == done.new:  # nothing changed, or a dry run of a branch that doesn't exist
        return
    if not any(each.branch == done.branch for each in repo.publications(done.zone)):
        if at is not None:
            out.warn(
                f"{done.branch} of {done.zone} has no policy here: the commit only waits on a branch that has one"
            )
        return
    waits = repo.waits_for(done.zone, done.branch) if done.new else None
    if waits is not None and waits.id != done.new:
        until = render.local_date(waits.commit.not_before or 0)
        out.warn(f"not published before {until}: the commit builds on {short(waits.id)}, which waits until then")
    elif done.new is None and at is not None:
        out.note(f"would be published at {render.local_date(at)}")
    elif waits is not None and waits.commit.not_before is not None:
        out.note(f"to be published at {render.local_date(waits.commit.not_before)}")


def _tell_hold(repo: Repository, done: Committed, args: Namespace, out: Output) -> None:
    """Warn if the policy of the branch holds the commit, unless it waits for its time."""
    if done.new in (None, done.old):
        return
    held = hold_of(repo, args, done.zone, done.branch)
    if held is not None and held.until is None:
        out.warn(f"{printable(done.branch)}: {held_text(held)}")


def tell_all(repo: Repository, commits: Sequence[Committed], args: Namespace, out: Output) -> int:
    """Report commits that were made together; as JSON, an array."""
    if not args.json:
        for done in commits:
            tell(repo, done, args, out)
        return 0
    if any(done.new not in (None, done.old) for done in commits):
        out.made("but the change was committed")
    out.json([shapes.committed(done, changes_with_serials(repo, done)) for done in commits])
    if not out.delivered():
        for done in commits:
            out.note(_summary(done, listed=False))
    return 0


def tell_begun(repo: Repository, done: Committed, out: Output) -> None:
    """If a zone was created and HEAD names another one, say that HEAD still does."""
    head = repo.head_status().head
    if done.old is None and done.new is not None and head and head.zone != done.zone:
        out.note(head_stays(head.zone, done.zone))


def head_stays(head: str, zone: str) -> str:
    """The note of a verb that created or restored a zone which HEAD doesn't name."""
    return f"HEAD still names {head}; `zonegit zone switch {zone}` switches to the new zone"


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
