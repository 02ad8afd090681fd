"""A repository's refs in one list for each kind, as answers of `/v0` have them.

Refused: refs out of order or repeated, and names that aren't canonical.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from typing import Final, NamedTuple

from zonegit.errors import InvalidData, InvalidName
from zonegit.model.ids import ObjectId
from zonegit.model.names import canonical_apex, to_text
from zonegit.model.refs import RefKind, RefName, check_name, split
from zonegit.sync.tips import Tip, Tips
from zonegit.sync.work import Due, Work

TipOf = Callable[[object], Tip | None]
"""Reads an element of a list in JSON; None if it is invalid."""


class RefLists(NamedTuple):
    """The lists, named as in JSON, each in the order of `<zone>/<name>`."""

    branches: Tips = Tips()
    tags: Tips = Tips()
    published: Tips = Tips()
    """The published versions of branches."""
    reviews: Tips = Tips()
    proposals: Tips = Tips()

    @property
    def tips(self) -> Iterator[tuple[RefKind, Tip]]:
        """All refs, with their kinds."""
        return ((kind, tip) for kind, tips in zip(KINDS, self, strict=True) for tip in tips)

    @property
    def kept_tags(self) -> Iterator[tuple[RefKind, Tip]]:
        """Reviews and proposals."""
        lists = zip(KINDS, self, strict=True)
        return ((kind, tip) for kind, tips in lists if kind.is_review for tip in tips)

    @property
    def total(self) -> int:
        """How many refs there are in all."""
        return sum(map(len, self))

    @property
    def refs(self) -> Iterator[tuple[RefName, ObjectId]]:
        """All refs by their full names."""
        return ((ref_name(kind, tip), tip.oid) for kind, tip in self.tips)

    @property
    def size(self) -> int:
        """The bytes that they take."""
        return sum(tips.size for tips in self)

    def kept(self, keep: Callable[[RefKind, Tip], bool]) -> "RefLists":
        """Only the refs for which `keep` is true."""
        kinds = zip(KINDS, self, strict=True)
        return RefLists(*(Tips(tip for tip in tips if keep(kind, tip)) for kind, tips in kinds))

    def of_zones(self, covers: Callable[[str], bool]) -> "RefLists":
        """Only the refs of the zones for which `covers` is true."""
        return RefLists(*(Tips(tip for tip in tips if covers(tip.zone)) for tips in self))

    def written(self, write: Callable[[Tip], str], always: Iterable[str] = ()) -> dict[str, Iterable[str]]:
        """The lists in JSON; empty ones only if they are named in `always`."""
        lists = zip(self._fields, self, strict=True)
        return {name: map(write, tips) for name, tips in lists if tips or name in always}


KINDS: Final = (RefKind.HEAD, RefKind.TAG, RefKind.PUBLISHED, RefKind.REVIEW, RefKind.PROPOSAL)
"""The kind of the refs in each list."""
LISTS: Final = dict(zip(RefLists._fields, KINDS, strict=True))
"""The names of the lists, and those kinds."""
REVIEWS: Final = tuple(f"refs/{kind}/" for kind in KINDS if kind.is_review)
"""What the names of reviews and proposals begin with."""


def ref_name(kind: RefKind, tip: Tip) -> RefName:
    """The full name of a ref whose zone and name were checked."""
    return RefName(f"refs/{kind}/{tip.label}")


def split_ref(name: RefName) -> tuple[str, str]:
    """`(zone, branch or tag)` of a ref's name, which was checked when it was stored."""
    return split(name.split("/", 2)[2])


def merged(parts: Iterable[RefLists]) -> RefLists:
    """The refs of lists that have none in common."""
    return RefLists(*(Tips(merge(*tips, key=_label)) for tips in zip(*parts, strict=True)))


def in_order(parts: list[list[tuple[RefName, ObjectId]]], due: Due) -> Work[RefLists]:
    """The lists of stored refs, in slices, for refs in parts of a few thousand."""
    for part in parts:
        part.sort()
        if due():
            yield
    found = {kind: Tips() for kind in KINDS}
    for name, oid in merge(*parts):
        found[RefKind(name.split("/", 2)[1])].add(Tip(*split_ref(name), oid))
        if due():
            yield
    return RefLists(*found.values())


def read_list(name: str, items: Iterable[object], tip_of: TipOf) -> Tips:
    """A peer's list, whose names are checked to be canonical and in ascending order. `InvalidData`."""
    return Tips(_rising(name, items, tip_of))


def _rising(name: str, items: Iterable[object], tip_of: TipOf) -> Iterator[Tip]:
    last = ""
    for item in items:
        tip = tip_of(item)
        if tip is None:
            raise InvalidData(f"an element of the peer's `{name}` is invalid")
        label = tip.label
        try:
            check_name(tip.name, "tag" if name == "tags" else "branch")
            canonical = to_text(canonical_apex(tip.zone)) == tip.zone
        except InvalidName as error:
            raise InvalidData(f"the peer's `{name}`: {error}") from None
        if not canonical:
            raise InvalidData(f"the peer's `{name}` names {tip.zone[:120]!r}, which is not in canonical form")
        if label <= last:
            raise InvalidData(f"the peer's `{name}` has {label[:120]!r} twice, or after {last[:120]!r}")
        last = label
        yield tip


def _label(tip: Tip) -> str:
    return tip.label
