"""Conflicts as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from zonegit.cli import render, shapes
from zonegit.cli.output import Output, Style
from zonegit.model.foreign import printable
from zonegit.model.names import WireName, parse_apex
from zonegit.zonefile.text import rdata_text
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    from argparse import Namespace

    from zonegit.errors import MergeConflict
    from zonegit.model.rrset import RRset
    from zonegit.repo import Contradiction, Revision, Unfinished
    from zonegit.repo.results import Position

_WIDTH: Final = 18
"""Least width of the RDATA column in front of the commit that wrote it."""
_WIDEST: Final = 60
_SET: Final = "zonegit set NAME TYPE TTL RDATA"
_NONE: Final = "(no records)"
_SIDES: Final = (("base", Style.HEADING), ("ours", Style.OLD), ("theirs", Style.NEW))


def show(out: Output, conflicts: Sequence[Contradiction], apex: WireName) -> None:
    """Print each RRset that conflicts: the base, both sides, and the commit that changed each."""
    for each in conflicts:
        out.line(f"conflict: {render.owner_name(each.owner, apex)} {type_text(each.rtype)}", Style.HEADING)
        sides = (each.base, None), (each.ours, each.ours_by), (each.theirs, each.theirs_by)
        show_sides(out, [(label, rrset, by) for (label, _), (rrset, by) in zip(_SIDES, sides, strict=True)])


def show_sides(out: Output, sides: Sequence[tuple[str, RRset | None, Revision | None]]) -> None:
    """Print RRsets one below the other, each with its label and the commit that wrote it."""
    rows = [_cells(rrset) for _, rrset, _ in sides]
    cells = [cell for row in rows for cell in row]
    lead_width = max(6, *(len(label) for label, _, _ in sides))
    ttl_width = max((len(ttl) for ttl, _ in cells), default=0)
    width = max(_WIDTH, *(len(rdata) for _, rdata in cells if len(rdata) <= _WIDEST), 0)
    for (label, _, by), row in zip(sides, rows, strict=True):
        for number, (ttl, rdata) in enumerate(row):
            author = f"  {_by(by)}" if by and not number else ""
            lead = label if not number else ""
            out.line(f"  {lead:<{lead_width}}  {ttl:>{ttl_width}}  {rdata:<{width}}{author}".rstrip())


def _cells(rrset: RRset | None) -> list[tuple[str, str]]:
    """TTL and RDATA of each record."""
    if rrset is None:
        return [("", _NONE)]
    return [(str(rrset.ttl_of(rdata)), rdata_text(rrset.rtype, rdata)) for rdata in rrset.rdatas]


def _by(revision: Revision) -> str:
    commit = revision.commit
    day = render.moment(commit.author, commit.author.offset).strftime("%Y-%m-%d")
    name = commit.author.name.partition(" <")[0] or commit.author.name
    return f"({printable(name)}, {day}: {printable(commit.subject)})"


def tell(args: Namespace, out: Output, operation: str, zone: str, conflict: MergeConflict) -> None:
    """Report the conflicts of an operation that they ended, and that can't be continued."""
    apex = parse_apex(zone)
    found = contradictions(conflict)
    if args.json:
        shaped = [shape(each, apex) for each in found]
        out.json(
            {
                "operation": operation,
                "zone": zone,
                "commits": [],
                "conflicts": shaped,
                "together": [*conflict.together],
            }
        )
    else:
        show(out, found, apex)
        for problem in conflict.together:
            out.line(f"conflict: both together: {problem}")


def shape(each: Contradiction, apex: WireName) -> shapes.JsonObject:
    """One RRset that conflicts, complete, on each side; null for an unknown commit."""
    return {
        "name": render.owner_name(each.owner, apex),
        "type": type_text(each.rtype),
        "base": shapes.records(each.base, apex),
        "ours": shapes.records(each.ours, apex),
        "theirs": shapes.records(each.theirs, apex),
        "ours_by": shapes.commit(each.ours_by) if each.ours_by else None,
        "theirs_by": shapes.commit(each.theirs_by) if each.theirs_by else None,
    }


def contradictions(conflict: MergeConflict) -> list[Contradiction]:
    """The contradictions that an error holds."""
    from zonegit.repo import Contradiction

    return [each for each in conflict.conflicts if isinstance(each, Contradiction)]


def shape_of_unfinished(value: Unfinished, head: Position | None) -> shapes.JsonObject:
    """The operation that stopped, and what is left to resolve."""
    apex = parse_apex(value.zone)
    return {
        "operation": value.operation,
        "zone": value.zone,
        "branch": value.branch,
        "commit": value.theirs.hex(),
        "name": value.name,
        "conflicts": [shape(each, apex) for each in value.left],
        "together": value.together,
        "todo": value.todo,
        "problem": value.problem or None,
        "chosen": [
            {"name": render.owner_name(owner, apex), "type": type_text(rtype), "choice": choice}
            for owner, rtype, choice in value.chosen
        ],
        "ways_on": ways_on(value, head),
    }


def ways_on(value: Unfinished, head: Position | None) -> list[str]:
    """The commands that continue a stopped operation; if HEAD is elsewhere, also how to set records there."""
    verb = f"zonegit {value.operation}"
    found = []
    if value.left or value.together:
        if where := where_from(head, value.zone, value.branch):
            found.append(f"{_SET}{where}")
        found.append(f"{verb} --resolve NAME TYPE ours|theirs|base|both")
    found += [f"{verb} --continue"] if not value.problem else []
    found += [f"{verb} --skip"] if value.operation != "merge" else []
    return [*found, f"{verb} --abort"]


def where_from(head: Position | None, zone: str, branch: str) -> str:
    """The options that select a branch; empty if HEAD names it."""
    if head and (head.zone, head.branch) == (zone, branch):
        return ""
    import shlex

    return f" --zone {shlex.quote(zone)} --branch {shlex.quote(branch)}"


def set_right(head: Position | None, zone: str, branch: str) -> str:
    """How to correct the records of a branch."""
    where = where_from(head, zone, branch)
    return f"correct the records with '{_SET}{where}'" if where else "correct the records"


def show_unfinished(out: Output, value: Unfinished, head: Position | None) -> None:
    """What `status` prints about a stopped operation."""
    from zonegit.repo.contradictions import named

    what = f"{value.operation} of {value.name}"
    out.line(f"stopped: {what} on {value.branch} of {value.zone}", Style.WARNING)
    for owner, rtype, choice in value.chosen:
        name = render.owner_name(owner, parse_apex(value.zone))
        out.line(f"  chosen: {name} {type_text(rtype)}: {choice}")
    for each in value.left:
        out.line(f"  conflict: {named(each, value.zone)}")
    for problem in value.together:
        out.line(f"  both together: {problem}")
    if value.problem:
        out.line(f"  cannot continue: {value.problem}")
    elif not value.left and not value.together:
        out.line("  nothing is left to resolve")
    if value.todo:
        out.line(f"  {render.counted(value.todo, 'commit')} still to come")
    for command in ways_on(value, head):
        out.line(f"  {command}")
