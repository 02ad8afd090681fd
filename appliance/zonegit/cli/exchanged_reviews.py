"""The reviews and proposals of an exchange with a peer: a row has their number, since nobody knows their names."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol, TypeVar

from zonegit.cli import render
from zonegit.model.foreign import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from zonegit.model.ids import ObjectId
    from zonegit.model.refs import Ref
    from zonegit.net.client.exchange import Pushed
    from zonegit.sync.comparing import Compared
    from zonegit.sync.pulling import Taken

Row = tuple[str, str, str, str]


class _OfRef(Protocol):
    @property
    def ref(self) -> Ref: ...


_T = TypeVar("_T", bound=_OfRef)


def apart(found: Iterable[_T]) -> tuple[list[_T], list[_T]]:
    """Branches and tags, and reviews and proposals."""
    listed = list(found)
    return [each for each in listed if not each.ref.kind.is_review], [
        each for each in listed if each.ref.kind.is_review
    ]


def would_push(compared: Iterable[Compared], where: str = "") -> Iterator[Row]:
    """What a push would move."""
    ours = (each for each in compared if each.ours is not None and each.standing in ("ahead", "unknown"))
    return _rows((each.ref, f"would be {_age(each.theirs)}{where}") for each in ours)


def would_pull(compared: Iterable[Compared], where: str = "") -> Iterator[Row]:
    """What a pull would move."""
    theirs = (each for each in compared if each.theirs is not None and each.standing == "behind")
    return _rows((each.ref, f"would be {_age(each.ours)}{where}") for each in theirs)


def pushed(done: Pushed) -> Iterator[Row]:
    """What became of those that were pushed."""
    before = {each.ref: each.theirs for each in done.compared}
    results = (each for each in done.results if each.ref.kind.is_review)
    return _rows((each.ref, _text(each.outcome, before.get(each.ref), each.message)) for each in results)


def pulled(taken: Iterable[Taken]) -> Iterator[Row]:
    """What became of those that were pulled."""
    return _rows((each.ref, _text(each.outcome, each.old, each.message)) for each in taken)


def place(ref: Ref) -> str:
    """What an error calls a ref."""
    return f"a {_noun(ref)} of {ref.zone}" if ref.kind.is_review else f"{ref.zone}:{ref.name}"


def moved(refs: Iterable[Ref]) -> str:
    """How many refs moved: `3 moved, 2 reviews`."""
    kinds = Counter(_noun(ref) if ref.kind.is_review else "" for ref in refs)
    return ", ".join(render.counted(count, noun) if noun else f"{count:,} moved" for noun, count in kinds.items())


def _rows(found: Iterable[tuple[Ref, str]]) -> Iterator[Row]:
    """A row for each zone, kind and text, with the number of refs."""
    counts = Counter((ref.zone, _noun(ref), text) for ref, text in found)
    return ((zone, render.counted(count, noun), "", text) for (zone, noun, text), count in counts.items())


def _noun(ref: Ref) -> str:
    return ref.kind.removesuffix("s")


def _age(old: ObjectId | None) -> str:
    return "new" if old is None else "newer"


def _text(outcome: str, old: ObjectId | None, message: str) -> str:
    if outcome == "updated":
        return _age(old)
    return "up to date" if outcome == "unchanged" else f"{outcome}: {printable(message)}"
