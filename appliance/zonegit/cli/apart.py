"""Branches that have diverged from a peer's, as `status` reports them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from zonegit.cli import render
from zonegit.cli.output import Output
from zonegit.model.foreign import printable
from zonegit.model.names import parse_apex
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zonegit.repo.diverged import Between, Diverged

NAMED: Final = 10
"""How many zones, branches or RRsets one warning names."""


def tell_apart(out: Output, apart: Sequence[Diverged], between: Sequence[Between]) -> None:
    """Warn of each of the first `NAMED`, with the reason and the command that merges it."""
    for each, found in zip(apart, between, strict=False):
        out.warn(printable(f"{each.message()}: {_why(each, found)}; {_way(each, found)}"))
    if len(apart) > NAMED:
        out.warn(f"{len(apart) - NAMED} more branches have diverged; --json names them")


def _why(each: Diverged, found: Between) -> str:
    if found.removed == "here":
        return f"it was removed here, and changed at {each.peer}"
    if found.removed == "there":
        return f"it was changed here, and removed at {each.peer}"
    if not found.rrsets:
        return "both have changed it"
    apex = parse_apex(each.zone)
    named = [f"{render.owner_name(owner, apex)} {type_text(rtype)}" for owner, rtype in islice(found.rrsets, NAMED)]
    more = ", ..." if len(found.rrsets) > NAMED else ""
    what = f"{len(found.rrsets):,} RRsets conflict" if len(found.rrsets) > 1 else "1 RRset conflicts"
    if found.merged:
        return f"it was merged at {each.peer}, and rules decided where {what}: {', '.join(named)}{more}"
    return f"both have changed it, and {what}: {', '.join(named)}{more}"


def _way(each: Diverged, found: Between) -> str:
    theirs = f"{each.peer}/{each.branch}"
    merge = f"zonegit --zone {each.zone} merge --branch {each.branch}"
    if found.removed == "here":
        return f"`zonegit zone restore {each.zone}` restores the zone here; then merge {theirs}"
    if found.removed == "there":
        return f"`{merge} --ours {theirs}` keeps it; `zonegit zone remove` or `branch -D` removes it here too"
    if not found.rrsets:
        return f"run `{merge} {theirs}`"
    if found.merged:
        return f"`{merge} {theirs}` accepts that; `zonegit log --conflicts` then shows how to take the other side"
    return f"run `{merge} {theirs}`, with --ours to keep the local records or --theirs to take {each.peer}'s"
