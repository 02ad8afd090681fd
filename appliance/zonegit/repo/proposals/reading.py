"""Which proposals there are, what they are called, and which of them are open. Nothing here writes."""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import count, groupby
from typing import Final, NamedTuple

from zonegit.errors import InvalidData, NotFound, Refused
from zonegit.model import refs
from zonegit.model.commit import Tag
from zonegit.model.foreign import one_line
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefKind, RefName, check_name
from zonegit.repo.ancestry import missing_commits
from zonegit.repo.results import Position
from zonegit.repo.review_refs import FROM, INTO, header, number_of, ref_of
from zonegit.repo.signatures import mail_of
from zonegit.store.port import Reader

WITHDRAWN: Final = ("withdrawn", "1")
"""The header of a proposal that its proposer has taken back."""
_NAME: Final = re.compile(r"[1-9][0-9]{0,5}(/[0-9a-f]{1,16})?", re.ASCII)
_DIGITS: Final = 4
"""The fewest digits that stand behind a number which several proposals have."""
_SHOWN: Final = 60
"""The most characters of a subject or a name in an error."""


class State(StrEnum):
    """What has become of a proposal."""

    OPEN = "open"
    LANDED = "landed"
    """The target has the tip in its history."""
    WITHDRAWN = "withdrawn"


class Proposal(NamedTuple):
    """A proposal as it is now."""

    ref: RefName
    id: ObjectId
    tag: Tag
    name: str
    """Its number; where several proposals have the same one, with some digits of its ref: `7/03ab`."""
    state: State
    branch_tip: ObjectId | None
    """Where its branch is now; None if there is no such branch here."""

    @property
    def number(self) -> int:
        return number_of(self.tag)

    @property
    def zone(self) -> str:
        return self.tag.zone

    @property
    def tip(self) -> ObjectId:
        """The commit that is proposed."""
        return self.tag.target

    @property
    def branch(self) -> str:
        """The branch whose tip this was."""
        return header(self.tag, FROM)

    @property
    def target(self) -> Position:
        """The branch into which it is to be merged."""
        return Position(self.tag.zone, header(self.tag, INTO))

    @property
    def proposer(self) -> str:
        """The mail of who made it, as it says."""
        return mail_of(self.tag.tagger.name)

    @property
    def subject(self) -> str:
        """The message's first line."""
        return self.tag.message.partition("\n")[0]

    @property
    def has_moved(self) -> bool:
        """Whether its branch has another tip now."""
        return self.branch_tip not in (None, self.tip)


def is_name(text: str) -> bool:
    """Whether it may be the name of a proposal."""
    return bool(_NAME.fullmatch(text))


def proposals(reader: Reader, zone: str, number: int | None = None) -> list[Proposal]:
    """The proposals of a zone, by number, or those with one number. What isn't a good one is left out.

    This walks through the history of each target, down to the oldest of these proposals that has landed there.
    """
    found = stored(reader, zone, number)
    landed = _landed(reader, found)
    named: list[Proposal] = []
    for number, same in groupby(found, lambda each: each.number):
        listed = list(same)
        for each, name in zip(listed, _names(number, listed), strict=True):
            state = State.WITHDRAWN if WITHDRAWN in each.tag.extra else State.OPEN
            named.append(each._replace(name=name, state=State.LANDED if each.tip in landed[each.target] else state))
    return named


def named(reader: Reader, zone: str, name: str) -> Proposal:
    """The proposal that a name names. `NotFound`, and `Refused` if several have this number."""
    number, _, digits = name.partition("/")
    found = proposals(reader, zone, int(number)) if is_name(name) else []
    found = [each for each in found if digits_of(each).startswith(digits)]
    if not found:
        raise NotFound(f"{zone} has no proposal {name[:_SHOWN]}; 'zonegit review --all' lists all")
    if len(found) > 1:
        which = ", ".join(f"{each.name} ({one_line(each.proposer, _SHOWN)})" for each in found)
        raise Refused(f"{zone} has {len(found)} proposals {name}: name one of {which}")
    return found[0]


def digits_of(proposal: Proposal) -> str:
    """What tells a proposal from others with its number: the last part of its ref."""
    return proposal.ref.rpartition("/")[2]


def stored(reader: Reader, zone: str, number: int | None = None) -> list[Proposal]:
    """The same without names, and as if all were open: this reads no history."""
    return sorted(_stored(reader, zone, number), key=lambda each: (each.number, each.ref))


def _stored(reader: Reader, zone: str, number: int | None) -> Iterator[Proposal]:
    below = "" if number is None else f"{number}/"
    for name, oid in reader.refs(f"refs/{RefKind.PROPOSAL}/{zone}/{below}", lambda _: None):
        try:
            tag = Tag.decode(reader.get(oid))
            if tag.zone != zone or ref_of(tag) != name:
                continue
            branch = check_name(header(tag, FROM), "branch")
            check_name(header(tag, INTO), "branch")
        except InvalidData:
            continue
        yield Proposal(name, oid, tag, "", State.OPEN, reader.live(refs.head(zone, branch)))


def _landed(reader: Reader, found: Iterable[Proposal]) -> dict[Position, set[ObjectId]]:
    """For each target, the tips that are in its history."""
    tips: dict[Position, set[ObjectId]] = {}
    for each in found:
        tips.setdefault(each.target, set()).add(each.tip)
    landed: dict[Position, set[ObjectId]] = {}
    for target, proposed in tips.items():
        at = reader.live(refs.head(target.zone, target.branch))
        landed[target] = proposed - missing_commits(reader, proposed, [at]).keys() if at else set()
    return landed


def _names(number: int, same: Sequence[Proposal]) -> list[str]:
    """What the proposals with one number are called."""
    if len(same) == 1:
        return [str(number)]
    whole = [digits_of(each) for each in same]
    length = next(length for length in count(_DIGITS) if len({text[:length] for text in whole}) == len(whole))
    return [f"{number}/{text[:length]}" for text in whole]
