"""What rules decided in automatic merges, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zonegit.cli import render, shapes
from zonegit.cli.conflicts import show_sides
from zonegit.cli.output import Output, Style
from zonegit.model.ids import short
from zonegit.model.names import WireName, parse_apex
from zonegit.tree.merge_heads import RULES
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zonegit.model.rrset import RRset
    from zonegit.repo import Decided, Repository, Revision


def show(out: Output, repo: Repository, revision: Revision, found: Sequence[Decided]) -> None:
    """Print each RRset that a rule decided: the result, each side, and the command that chooses a side."""
    apex = parse_apex(revision.commit.zone)
    for each in found:
        name = f"{render.owner_name(each.owner, apex)} {type_text(each.rtype)}"
        out.line(f"decided: {name}: {RULES[each.rule]} [{each.rule}]", Style.HEADING)
        sides: list[tuple[str, RRset | None, Revision | None]] = [("merged", each.merged, None)]
        for side in each.sides:
            other = side.rrset and (side.rrset.owner, side.rrset.rtype) != (each.owner, each.rtype)
            kind = f" {_place(side.rrset, each, apex)}" if side.rrset and other else ""
            sides.append((f"{short(side.at)}{kind}", side.rrset, side.by))
        show_sides(out, sides)
        if way := way_back(each, apex) if each.rule != "removed" else _removal(repo, revision):
            out.line(f"  otherwise: {way}")


def _place(rrset: RRset, each: Decided, apex: WireName) -> str:
    """The type of another RRset, with its name if that differs."""
    name = "" if rrset.owner == each.owner else f"{render.owner_name(rrset.owner, apex)} "
    return name + type_text(rrset.rtype)


def way_back(each: Decided, apex: WireName) -> str:
    """The command that restores one side's records; empty if no side changed them."""
    if not each.sides:
        return ""
    name = render.owner_name(each.owner, apex)
    what = {"cname": name, "too-large": name, "dname": f"{name} --below"}.get(each.rule)
    first, *others = dict.fromkeys(short(side.at) for side in each.sides)
    others = others[:1]
    more = f" (or {others[0]})" if others else ""
    return f"zonegit restore {what or f'{name} {type_text(each.rtype)}'} --from {first}{more}"


def _removal(repo: Repository, revision: Revision) -> str:
    """The command that removes a branch that a merge has kept; empty if no branch contains the merge any more.

    It has `--tombstone`, because peers have the merge too, whether they are configured here or not.
    """
    zone = revision.commit.zone
    holding = repo.branches_with(revision.id, zone=zone)
    if not holding:
        return ""
    if len(repo.branches(zone=zone)) == 1:
        return f"zonegit zone remove {zone} --tombstone"
    return f"zonegit --zone {zone} branch -D {holding[0]} --tombstone"


def shape(each: Decided, apex: WireName) -> shapes.JsonObject:
    """One RRset that a rule decided, complete, on each side."""
    return {
        "name": render.owner_name(each.owner, apex),
        "type": type_text(each.rtype),
        "rule": each.rule,
        "merged": shapes.records(each.merged, apex),
        "sides": [
            {
                "records": shapes.records(side.rrset, apex),
                "by": shapes.commit(side.by),
                "at": side.at.hex(),
                "left_out": side.left_out,
            }
            for side in each.sides
        ],
    }


def shaped(revision: Revision, found: Sequence[Decided]) -> shapes.JsonObject:
    """A commit with what rules decided in it."""
    apex = parse_apex(revision.commit.zone)
    return {**shapes.commit(revision), "conflicts": [shape(each, apex) for each in found]}
