"""Commits in several zones at once: all of their branches move in one transaction, or none does."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from zonegit.errors import Conflict
from zonegit.model import refs
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import Draft
from zonegit.repo.records import Changes
from zonegit.repo.results import Committed, Position
from zonegit.repo.writing import TRIES, Intent, commit_draft, drafted, store_ahead
from zonegit.store.port import Writer


class Tips(Mapping[str, Content]):
    """The tips of the branches that a joint commit may move, by zone; each is read when it is first asked for."""

    def __init__(self, context: Context, places: Mapping[str, Position]) -> None:
        self._context = context
        self._places = places
        self.read: dict[str, Content] = {}

    def __getitem__(self, zone: str) -> Content:
        if zone not in self.read:
            self.read[zone] = self._context.tip(self._places[zone])
        return self.read[zone]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


JointChanges = Callable[[Tips], Mapping[str, Changes]]
"""What to change in which zones; a zone without an entry stays as it is."""


@dataclass(frozen=True, slots=True)
class _Drafts:
    """What was drafted of each zone, on top of which tips."""

    tips: Tips
    made: dict[str, Draft]


def commit_together(
    context: Context, places: Mapping[str, Position], changes: JointChanges, intent_in: Callable[[str], Intent]
) -> list[Committed]:
    """Commit what `changes` makes of these branches: one commit in each zone that it names, all or none.

    As `writing.commit_changes` does: the drafts are made without holding the store, and where a tip that `changes`
    has read moved meanwhile, all of them are made again, the last time while other writers wait. A zone in which
    nothing changes gets no commit; its `Committed` has one id as `old` and `new`.
    """
    intents: dict[str, Intent] = {}

    def draft() -> _Drafts:
        tips = Tips(context, places)
        made: dict[str, Draft] = {}
        for zone, wanted in changes(tips).items():
            intents.setdefault(zone, intent_in(zone))
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
        return _committed(context, places, draft(), intents, writer)


def _commit(
    context: Context, places: Mapping[str, Position], drafts: _Drafts, intents: Mapping[str, Intent]
) -> list[Committed]:
    """Commit drafts in a transaction of their own, or say what a dry run would do."""
    made = drafts.made
    if all(intents[zone].dry_run for zone in made):
        return [commit_draft(context, places[zone], drafts.tips[zone], made[zone], intents[zone]) for zone in made]
    for zone in made:
        store_ahead(context, made[zone].objects)
    with context.store.write() as writer:
        return _committed(context, places, drafts, intents, writer)


def _committed(
    context: Context, places: Mapping[str, Position], drafts: _Drafts, intents: Mapping[str, Intent], writer: Writer
) -> list[Committed]:
    """Put each draft on top of its tip. `Conflict` if any tip that was read has moved."""
    for zone, content in drafts.tips.read.items():
        if writer.ref(refs.head(zone, places[zone].branch)) != content.revision.id:
            raise Conflict(f"{zone} moved while the commit was made; the same call works on what is there now")
    return [
        commit_draft(context, places[zone], drafts.tips[zone], made, intents[zone], writer)
        for zone, made in drafts.made.items()
    ]
