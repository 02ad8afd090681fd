"""Commits whole versions: that of a zone file, or the first one of a new zone."""

from collections.abc import Callable, Sequence
from typing import Final

from zonegit.errors import NotFound, Refused
from zonegit.model import refs
from zonegit.model.commit import Stamp
from zonegit.model.names import WireName, to_text
from zonegit.model.rrset import RRKey
from zonegit.model.zone import SALT_SIZE, Shape
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.default_view import make_default_view
from zonegit.repo.dnssec.status import is_signed_here
from zonegit.repo.draft import Draft, draft_records
from zonegit.repo.import_losses import Allow, undone_by
from zonegit.repo.import_merging import MergedFile, Shared, merge_file
from zonegit.repo.results import Committed, Position
from zonegit.repo.signed import are_signed, refuse_foreign, unsigned
from zonegit.repo.writing import Intent, commit_draft
from zonegit.store.port import Known
from zonegit.zonefile.canonical_entries import CanonicalEntries
from zonegit.zonefile.findings import ELSEWHERE, Finding
from zonegit.zonefile.progress import Report, counter, silent, step

_DRAFTED: Final = 0.5
_STORED: Final = 0.75
"""The fractions of a zone's first import that are done when its version is drafted, and when it is stored."""

Check = Callable[[Content, Shared | None], None]
"""Raises if the entries mustn't replace a branch's tip. The second argument is why they weren't merged, if a shared
serial is the reason."""


def commit_records(
    context: Context,
    apex: WireName,
    branch: str | None,
    entries: CanonicalEntries,
    intent: Intent,
    warnings: Sequence[Finding] = (),
    check: Check = lambda content, shared: None,
    report: Report = silent,
    *,
    merge: bool = False,
) -> Committed:
    """Commit a version that has exactly these entries; creates the zone if it doesn't exist.

    `warnings` come from reading the entries and are returned with the findings about the zone. `check` is called
    last, if nothing else refuses the entries, and raises if they mustn't replace the branch's tip; if the tip moves
    after that, it is a `Conflict`. With `merge`, entries whose serial identifies an older version are merged with
    what the branch has changed since (`repo.import_merging`), and `check` isn't called.
    """
    if intent.signatures == "unsign":
        entries = CanonicalEntries(unsigned(entries))
    with context.store.keeping():
        place, draft, done = _committed(context, apex, branch, entries, intent, warnings, check, report, merge)
    if done.new is None:
        return done
    counted = counter(draft.zone.records, step(report, _STORED, 1))
    known = Known(draft.zone.tree, entries) if done.merged_over is None else None
    return done._replace(lacks_view=make_default_view(context, place.zone, place.branch, counted, known))


def _committed(
    context: Context,
    apex: WireName,
    branch: str | None,
    entries: CanonicalEntries,
    intent: Intent,
    warnings: Sequence[Finding],
    check: Check,
    report: Report,
    merge: bool,
) -> tuple[Position, Draft, Committed]:
    zone = to_text(apex)
    content: Content | None
    try:
        place = context.target(zone, branch)
    except NotFound:
        place = Position(refs.check_zone(zone), branch or refs.DEFAULT_BRANCH)
        content = None
        shape = Shape(context.random(SALT_SIZE))
    else:
        content = context.tip(place)
        shape = content.zone.shape
    draft = draft_records(
        apex, content, entries, shape, warnings, intent.strict, step(report, 0, _DRAFTED), intent.accept
    )
    with context.store.read() as reader:
        reader.learn(draft.facts)
    stored = step(report, _DRAFTED, _STORED)
    merged = merge_file(context.store, content, draft, entries, intent, warnings) if merge and content else None
    if content and isinstance(merged, MergedFile):
        if merged.draft.zone.tree != draft.zone.tree:
            intent = intent._replace(imported_over=merged.base)
        done = commit_draft(context, place, content, merged.draft, intent, report=stored)
        return place, merged.draft, done._replace(merged_over=merged.base, held=merged.held)
    shared = merged if isinstance(merged, Shared) else None
    done = commit_draft(
        context, place, content, draft, intent, report=stored, confirm=lambda tip: check(tip, shared)
    )
    return place, draft, done


def transferred(context: Context, intent: Intent, server: str) -> Intent:
    """The intent of an import that comes from a server, given by its address, instead of from a file."""
    author = None if intent.who else Stamp(f"{server} <axfr@{server}>", int(context.now()))
    return intent._replace(author=author, what=f"the zone of {server}", accept=ELSEWHERE)


def check_signer(context: Context, apex: WireName, entries: Sequence[tuple[RRKey, bytes]], what: str) -> None:
    """`Refused` if the entries are signed, and the zone is signed here. `what` they are, for the error."""
    if are_signed(entries):
        zone = to_text(apex)
        with context.store.read() as reader:
            if is_signed_here(reader, zone):
                raise refuse_foreign(zone, what)


def import_check(entries: Sequence[tuple[RRKey, bytes]], replace: bool | Allow, what: str) -> Check:
    """Refuses an import that would undo changes made by hand."""

    def check(content: Content, shared: Shared | None) -> None:
        if replace is True:
            return
        undone = undone_by(content, entries, since=shared.fork if shared else None)
        undone = undone._replace(shared=shared.versions if shared else ())
        if undone.total and not (callable(replace) and replace(undone)):
            newest = undone.commits[0].commit
            more = f" and {undone.total - 1} more" if undone.total > 1 else ""
            since = "" if shared else f" since {newest.zone}'s last import"
            raise Refused(
                f"{what} would undo what was changed{since} ({newest.subject!r} by {newest.author.name}{more}); "
                f"{undone.not_merged}--replace lets {what} win"
            )

    return check
