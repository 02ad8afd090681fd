"""What an exchange with a peer did, or would do, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zonegit.cli import exchanged_reviews, render
from zonegit.model.foreign import printable
from zonegit.model.ids import short

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from zonegit.cli.exchanged_reviews import Row
    from zonegit.cli.output import Output
    from zonegit.model.ids import ObjectId
    from zonegit.model.refs import Ref
    from zonegit.net.client.exchange import Fetched, Pushed
    from zonegit.sync.arrival import Result
    from zonegit.sync.comparing import Compared
    from zonegit.sync.pulling import Pulled, Taken

_PUSHING: Final = {
    "ahead": "would move forward",
    "diverged": "diverged: refused, unless the peer's policy is merge",
    "unknown": "the peer has commits that are not here: refused, unless its policy is merge",
}
_PULLING: Final = frozenset(("behind", "diverged", "unknown"))
_MIRRORS: Final = "would follow"
_RULES: Final = "`zonegit log --merges --conflicts` lists the decisions"
_DONE: Final = {"updated": "moved forward", "merged": "merged", "unchanged": "up to date"}

BEHIND: Final = frozenset(("moved", "not-fast-forward"))
"""Reasons of a refusal that a pull resolves."""


def would_push(pushed: Pushed) -> Iterator[Row]:
    """What a push would move."""
    compared, reviews = exchanged_reviews.apart(pushed.compared)
    for each in compared:
        if each.ours is not None and each.standing in _PUSHING and not _never_there(each):
            if each.standing == "diverged" and each.ref.kind == "tags":
                text = "the peer's tag differs: refused, because a tag never moves"
            elif each.standing == "ahead" and each.removed_here:
                text = "would be removed there"
            else:
                text = "would be new" if each.theirs is None else _PUSHING[each.standing]
            yield _row(each.ref, each.theirs, each.ours, text)
    yield from exchanged_reviews.would_push(reviews)


def would_pull(
    compared: Iterable[Compared], by_rules: Callable[[str], bool], mirrored: Collection[str], *, rebase: bool
) -> Iterator[Row]:
    """What a pull would move. `by_rules`: whether a zone's policy merges it; `mirrored`: mirrored zones."""
    others, reviews = exchanged_reviews.apart(compared)
    for each in others:
        zone = each.ref.zone
        if zone in mirrored and each.standing == "ahead":
            yield _row(
                each.ref, each.ours, each.theirs, "would be removed here" if each.theirs is None else _MIRRORS
            )
        elif each.theirs is not None and each.standing in _PULLING and not _never_here(each):
            text = _would(each, rebase=rebase and not by_rules(zone)) if zone not in mirrored else _MIRRORS
            yield _row(each.ref, each.ours, each.theirs, "would be new" if each.ours is None else text)
    yield from exchanged_reviews.would_pull(reviews)


def _would(each: Compared, *, rebase: bool) -> str:
    both = "own commits would be rebased" if rebase else "would be merged"
    if each.standing == "behind":
        return "would be removed, as at the peer" if each.removed_there else "would move forward"
    if each.ref.kind == "tags":
        return "the peer's tag differs: kept, because a tag never moves"
    if each.standing == "unknown":
        return f"would move forward, or {'own commits be rebased' if rebase else 'be merged'}"
    return f"diverged: {both}"


def _never_here(each: Compared) -> bool:
    """Whether it was removed there, and never existed here."""
    return each.ours is None and each.removed_there


def _never_there(each: Compared) -> bool:
    return each.theirs is None and each.removed_here


def would_sync(compared: Iterable[Compared]) -> Iterator[Row]:
    """What a sync would move, in both directions."""
    others, reviews = exchanged_reviews.apart(compared)
    for each in others:
        if each.standing == "equal" or _never_here(each) or _never_there(each):
            continue
        if each.removed_here != each.removed_there and each.standing in ("ahead", "behind"):
            gone = each.removed_here if each.standing == "ahead" else each.removed_there
            where = "there" if each.standing == "ahead" else "here"
            yield _row(
                each.ref, each.ours, each.theirs, f"would be removed {where}" if gone else f"would be new {where}"
            )
        elif each.theirs is None or each.standing == "ahead":
            yield _row(each.ref, each.theirs, each.ours, f"would {_go(each.theirs)} there")
        elif each.ours is None or each.standing == "behind":
            yield _row(each.ref, each.ours, each.theirs, f"would {_go(each.ours)} here")
        elif each.ref.kind == "tags":
            yield _row(each.ref, each.ours, each.theirs, "the peer's tag differs: neither would move")
        else:
            unknown = each.standing == "unknown"
            yield _row(each.ref, each.ours, each.theirs, f"would be merged{', or move forward here' * unknown}")
    yield from exchanged_reviews.would_push(reviews, " there")
    yield from exchanged_reviews.would_pull(reviews, " here")


def _go(old: ObjectId | None) -> str:
    return "be new" if old is None else "move forward"


def pushed_rows(pushed: Pushed) -> Iterator[Row]:
    """The outcome of each pushed ref."""
    before = {each.ref: each for each in pushed.compared}
    results, _ = exchanged_reviews.apart(pushed.results)
    for result in results:
        each = before[result.ref]
        removed = each.removed_here and result.tip == each.ours
        if each.theirs is not None or not removed:
            text = (
                "removed there" if removed and result.outcome == "updated" else _outcome_text(result, each.theirs)
            )
            yield _row(result.ref, each.theirs, result.tip, text)
    yield from exchanged_reviews.pushed(pushed)


def pulled_rows(pulled: Pulled) -> Iterator[Row]:
    """The outcome of each ref to be pulled."""
    taken, reviews = exchanged_reviews.apart(pulled.taken)
    for each in taken:
        if each.old is not None or not each.removed:
            yield _row(each.ref, each.old, each.tip, _pulled_text(each))
    yield from exchanged_reviews.pulled(reviews)


def rules_note(results: Iterable[Result | Taken], *, there: bool = False) -> str:
    """The note that rules decided between two sides; empty if none did."""
    count = sum(each.rules for each in results if each.outcome == "merged")
    if not count:
        return ""
    was = "was" if count == 1 else "were"
    text = f"{render.counted(count, 'RRset')} {was} changed on both sides and decided by a rule"
    return f"{text}; after `zonegit pull`, {_RULES}" if there else f"{text}; {_RULES}"


def show(out: Output, rows: Iterable[Row]) -> None:
    for line in render.table(rows):
        out.line(line)


def shape_of_push(pushed: Pushed, *, dry_run: bool) -> Mapping[str, object]:
    if dry_run:
        refs = [
            {**_shape(each.ref, each.theirs, each.ours), "standing": each.standing}
            for each in pushed.compared
            if each.ours is not None and each.standing in _PUSHING
        ]
    else:
        before = {each.ref: each.theirs for each in pushed.compared}
        refs = [
            {
                **_shape(result.ref, before.get(result.ref), result.tip),
                "outcome": result.outcome,
                "reason": result.reason,
                "told": result.message,
                "rules": result.rules,
            }
            for result in pushed.results
        ]
    return {"refs": refs, "objects": pushed.objects, "bytes": pushed.size}


def shape_of_pull(fetched: Fetched, pulled: Pulled | None) -> Mapping[str, object]:
    if pulled is None:
        refs = [
            {**_shape(each.ref, each.ours, each.theirs), "standing": each.standing}
            for each in fetched.compared
            if each.theirs is not None and each.standing in _PULLING and not _never_here(each)
        ]
    else:
        refs = [
            {
                **_shape(each.ref, each.old, each.tip),
                "outcome": each.outcome,
                "told": each.message,
                "rules": each.rules,
                "removed": each.removed,
            }
            for each in pulled.taken
            if each.old is not None or not each.removed
        ]
    return {"refs": refs, "objects": fetched.objects, "bytes": fetched.size}


def size_text(objects: int, size: int) -> str:
    """How much was, or would be, transferred."""
    return f"{render.counted(objects, 'object')}, {-(-size // 1024):,} KiB"


def _outcome_text(result: Result, old: ObjectId | None) -> str:
    if result.outcome == "updated" and old is None:
        return "new"
    if result.outcome == "merged":
        return f"merged there with others' commits{_by_rule(result)}; `zonegit pull` fetches the merge"
    if result.reason in BEHIND:
        return "refused: the peer has commits that are not here"
    return _DONE.get(result.outcome) or f"{result.outcome}: {printable(result.message or result.reason)}"


def _pulled_text(each: Taken) -> str:
    if each.outcome == "updated" and each.commit is not None:
        return "own commits rebased"
    if each.outcome == "updated" and each.removed:
        return "removed, as at the peer"
    if each.outcome == "updated" and (each.old is None or each.message):
        return printable(each.message) or "new"
    if each.outcome == "merged":
        return f"merged{_by_rule(each)}"
    return _DONE.get(each.outcome) or f"{each.outcome}: {printable(each.message)}"


def _by_rule(each: Result | Taken) -> str:
    return f", {render.counted(each.rules, 'RRset')} by a rule" if each.rules else ""


def _row(ref: Ref, old: ObjectId | None, new: ObjectId | None, text: str) -> Row:
    kind = "tag " if ref.kind == "tags" else ""
    moved = f"{_id(old)}..{_id(new)}" if old != new else _id(old)
    return ref.zone, f"{kind}{ref.name}", moved, text


def _id(oid: ObjectId | None) -> str:
    return short(oid) if oid is not None else "-"


def _shape(ref: Ref, old: ObjectId | None, new: ObjectId | None) -> dict[str, object]:
    return {
        "kind": ref.kind.value,
        "zone": ref.zone,
        "name": ref.name,
        "old": old.hex() if old else None,
        "new": new.hex() if new else None,
    }
