"""Where reviews and proposals are kept, and which of two under one ref stays.

    refs/reviews/<zone>/<first 40 digits of the commit's id>/<16 digits for reviewer and key>
    refs/proposals/<zone>/<number>/<16 digits for proposer and branches>

A ref's name follows from the tag object that it points to. So two of them that were made at different nodes never
stand in each other's place, and a review can only be replaced by one with the same key. Of two under one name the
newer stays. So nodes that exchange them, in whatever order, end with the same ones (docs/sync.md).
"""

import re
from contextlib import suppress
from functools import lru_cache
from typing import Final, NamedTuple

from blake3 import blake3

from zonegit.errors import InvalidData, InvalidObject
from zonegit.model import refs
from zonegit.model.commit import Tag
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.model.refs import RefName
from zonegit.repo.ancestry import Objects
from zonegit.repo.context import Context
from zonegit.repo.signatures import AllowedSigners, mail_of, signing_key
from zonegit.store.port import Reader, RefUpdate

APPROVE: Final = "approve"
REJECT: Final = "reject"
PROPOSE: Final = "propose"
"""The names that these tags have."""
NUMBER: Final = "number"
FROM: Final = "from"
INTO: Final = "into"
"""Headers of a proposal."""
MAX_PROPOSALS: Final = 999_999
"""The greatest number of a proposal."""
OUTDATED: Final = "gc: outdated, of "
"""How the reason begins with which `gc` deletes one; the time that it was made at follows, in Unix seconds."""
AHEAD: Final = 86_400
"""Seconds by which a tag's time may be ahead of the clock of a node that receives it. Without a bound, a clock that
is wrong once would make a review that nothing replaces."""
_COMMIT: Final = 40
_DIGITS: Final = 16
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


class Kept(NamedTuple):
    """A review or a proposal with its id."""

    id: ObjectId
    tag: Tag

    def replaces(self, other: "Kept") -> bool:
        """Whether it is the newer one of two under one name."""
        return (self.tag.tagger.time, self.id) > (other.tag.tagger.time, other.id)


def kept(objects: Objects, oid: ObjectId) -> Kept:
    """A review or a proposal that is stored. `NotFound`; `InvalidObject` if it isn't a tag object."""
    return Kept(oid, Tag.decode(objects.get(oid)))


def ref_of(tag: Tag) -> RefName:
    """The ref under which a review or a proposal is kept. `InvalidObject` if it is neither, or a review that isn't
    validly signed, by whatever key.
    """
    mail = mail_of(tag.tagger.name)
    if tag.name in (APPROVE, REJECT):
        return refs.review(tag.zone, f"{reviews_of(tag.target)}{_digits(mail, signing_key(tag).line)}")
    if tag.name == PROPOSE:
        source, into = header(tag, FROM), header(tag, INTO)
        return refs.proposal(tag.zone, f"{number_of(tag)}/{_digits(mail, source, into)}")
    raise InvalidObject(f"a tag that is called {tag.name[:40]!r} is neither a review nor a proposal")


def keep(context: Context, tag: Tag, reason: str) -> None:
    """Keep a review or a proposal in the place of the one before. `reason` goes into the reflog."""
    name, data = ref_of(tag), tag.encode()
    with context.store.write() as writer:
        writer.insert([data])
        writer.move_refs([RefUpdate(name, writer.ref(name), object_id(data))], tag.tagger, reason)


def reviews_of(commit: ObjectId) -> str:
    """What the names of the reviews of a commit begin with."""
    return f"{commit.hex()[:_COMMIT]}/"


@lru_cache(maxsize=16)
def ends_of(allowed: AllowedSigners) -> frozenset[str] | None:
    """What the names of the reviews end with that these may make; None if that isn't known."""
    named = allowed.named
    return None if named is None else frozenset(_digits(mail, key.line) for mail, key in named)


def number_of(proposal: Tag) -> int:
    """`InvalidObject` without a good number."""
    text = header(proposal, NUMBER)
    if not _NUMBER.fullmatch(text):
        raise InvalidObject(f"{text[:40]!r} is not the number of a proposal")
    return int(text)


def header(tag: Tag, name: str) -> str:
    """The value of a header that has to be there once. `InvalidObject`."""
    found = [value for key, value in tag.extra if key == name]
    if len(found) != 1:
        raise InvalidObject(f"the tag {tag.name[:40]!r} has {len(found)} headers {name!r}; expected one")
    return found[0]


def is_given_up(reader: Reader, name: RefName, oid: ObjectId) -> bool:
    """Whether `gc` deleted this very review or proposal here, or a newer one with its name.

    Then it doesn't come back from a peer that has it: an approval could, that a rejection had replaced. Whether it
    is older is only known where its object is stored.
    """
    if len(name) > refs.MAX_REF or reader.ref(name) is not None:
        return False
    newest = next(iter(reader.reflog(name)), None)
    if newest is None or newest.old is None or newest.new is not None:
        return False
    if newest.old == oid:
        return True
    if not newest.reason.startswith(OUTDATED) or not reader.has(oid):
        return False
    with suppress(InvalidData):
        time = int(newest.reason.removeprefix(OUTDATED))
        return (kept(reader, oid).tag.tagger.time, oid) < (time, newest.old)
    return False


def check_kept(name: RefName, kept: Kept, now: float) -> None:
    """Check what a peer has under the name of a review or proposal. `InvalidObject`. `now`: Unix seconds."""
    place = ref_of(kept.tag)
    if place != name:
        raise InvalidObject(f"{short(kept.id)} belongs under {place}, not under {name}")
    if kept.tag.tagger.time > now + AHEAD:
        raise InvalidObject(f"{short(kept.id)} is dated more than a day ahead of the clock here")


def _digits(*parts: str) -> str:
    return blake3("\0".join(parts).encode()).hexdigest()[:_DIGITS]
