"""Commits in several zones at once: all of their branches move in one transaction, or none does."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from zonegit.errors import Conflict
from zonegit.model import refs
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import Draft
from zonegit.repo.records import Changes
from zonegit.repo.results import Committed, Position
from zonegit.repo.store_ahead import store_ahead
from zonegit.repo.writing import TRIES, Intent, Ready, drafted, make_ready, store_all
from zonegit.store.port import Writer


class Tips(Mapping[str, Content]):
    """The tips of the branches that a joint commit may move, by zone; each is read at its first use."""

    def __init__(self, context: Context, places: Mapping[str, Position]) -> None:
        self._context = context
        self._places = places
        self.loaded: dict[str, Content] = {}

    def __getitem__(self, zone: str) -> Content:
        if zone not in self.loaded:
            self.loaded[zone] = self._context.tip(self._places[zone])
        return self.loaded[zone]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


JointChanges = Callable[[Tips], Mapping[str, Changes]]
"""What to change in which zones; a zone without an entry stays as it is."""


class _Drafts(NamedTuple):
    """The drafts, by zone, and the tips that they are based on."""

    tips: Tips
    made: dict[str, Draft]


def commit_together(
    context: Context, places: Mapping[str, Position], changes: JointChanges, intent_for: Callable[[str], Intent]
) -> list[Committed]:
    """Commit the `changes` to these branches: one commit in each zone that they name, all or none.

    As in `writing.commit_changes`, the drafts are made without holding the store. If a tip that `changes` has read
    moves meanwhile, all drafts are made again, the last time while other writers wait. A zone in which nothing
    changes gets no commit; its `Committed` has the same id as `old` and `new`.
    """
    intents: dict[str, Intent] = {}

    def draft() -> _Drafts:
        tips = Tips(context, places)
        made: dict[str, Draft] = {}
        for zone, wanted in changes(tips).items():
            intents.setdefault(zone, intent_for(zone))
            made[zone] = drafted(tips[zone], wanted, intents[zone])
        return _Drafts(tips, made)

    for _ in range(TRIES):
        with context.store.keeping():
            drafts = draft()
            try:
                return _commit(context, places, drafts, intents)
            except Conflict:
                continue
    with context.store.write() as writer:
        drafts = draft()
        return _committed(context, places, drafts, _ready(context, places, drafts, intents), writer)


def _commit(
    context: Context, places: Mapping[str, Position], drafts: _Drafts, intents: Mapping[str, Intent]
) -> list[Committed]:
    """Commit drafts in one transaction, or return what a dry run would do."""
    ready = _ready(context, places, drafts, intents)
    if all(each.update is None for each in ready):
        return [each.done for each in ready]
    for draft in drafts.made.values():
        store_ahead(context, draft.objects)
    with context.store.write() as writer:
        return _committed(context, places, drafts, ready, writer)


def _ready(
    context: Context, places: Mapping[str, Position], drafts: _Drafts, intents: Mapping[str, Intent]
) -> list[Ready]:
    return [
        make_ready(context, places[zone], drafts.tips[zone], made, intents[zone])
        for zone, made in drafts.made.items()
    ]


def _committed(
    context: Context, places: Mapping[str, Position], drafts: _Drafts, ready: list[Ready], writer: Writer
) -> list[Committed]:
    """Store each commit. `Conflict` if any tip that was read has moved."""
    for zone, content in drafts.tips.loaded.items():
        if writer.ref(refs.head(zone, places[zone].branch)) != content.revision.id:
            raise Conflict(f"{zone} moved while the commit was made: try again")
    return store_all(context, writer, ready)
