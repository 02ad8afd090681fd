"""Histories with branches and merges of every kind, as a model and as commits in a repository."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

import synckit
from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner, join
from zonegit.model.rrset import RRset
from zonegit.repo import Repository
from zonegit.store.memory import MemoryStore

ORG = synckit.ORG
OWNERS = ("www", "mail")
TYPES = (1, 16)
"""A and TXT."""
VALUES = {1: (b"\xc0\0\2\1", b"\xc0\0\2\2", b"\xc0\0\2\3"), 16: (b"\1a", b"\1b", b"\1c")}
Place = tuple[str, int]
Content = Mapping[Place, tuple[int, frozenset[bytes]]]
"""TTL and RDATAs at each place; those without are left out."""
Record = tuple[int, int, bytes]
"""type, TTL, RDATA"""


@dataclass(frozen=True)
class Made:
    """A commit of the model: the numbers of its parents, which are lower, and what it holds."""

    parents: tuple[int, ...]
    content: Content


History = Sequence[Made]


@st.composite
def histories(draw: st.DrawFn, most: int = 9) -> History:
    """Up to so many commits: roots, changes, merges of two and three, in any order, criss-cross too."""
    made: list[Made] = []
    for number in range(draw(st.integers(1, most))):
        count = draw(st.sampled_from((1, 1, 1, 2, 2, 3, 0)))
        parents = tuple(
            draw(st.lists(st.integers(0, number - 1), min_size=min(1, count), max_size=count, unique=True))
            if number
            else ()
        )
        content: dict[Place, tuple[int, frozenset[bytes]]] = {}
        for owner in OWNERS:
            for rtype in TYPES:
                choices: list[tuple[int, frozenset[bytes]] | None] = [
                    made[at].content.get((owner, rtype)) for at in parents
                ]
                taken = draw(st.sampled_from([*choices, "new"] if choices else ["new"]))
                if taken == "new":
                    taken = (
                        draw(st.sampled_from((60, 60, 300))),
                        draw(st.frozensets(st.sampled_from(VALUES[rtype]))),
                    )
                if taken and taken[1]:
                    content[owner, rtype] = taken
        made.append(Made(parents, content))
    return made


def build(history: History) -> tuple[Repository, list[ObjectId]]:
    """The history in a repository, its last commit on main; and the ids of its commits."""
    store = MemoryStore()
    ids: list[ObjectId] = []
    soa = synckit.soa(ORG)
    for number, made in enumerate(history):
        content = {soa.key: soa.encode()}
        for (owner, rtype), (ttl, rdatas) in made.content.items():
            rrset = RRset.of(Owner(join([owner.encode()])), rtype, ttl, sorted(rdatas))
            content[rrset.key] = rrset.encode()
        parents = tuple(ids[at] for at in made.parents)
        ids.append(
            synckit.commit(store, ORG, content, parents=parents, shape=synckit.SMALL_NODES, message=str(number))
        )
    return Repository(Path("nowhere"), store), ids


def records(made: Made, owner: str, rtype: int | None = None) -> frozenset[Record]:
    """The records at a name."""
    return frozenset(
        (number, ttl, rdata)
        for (name, number), (ttl, rdatas) in made.content.items()
        for rdata in rdatas
        if name == owner and rtype in (None, number)
    )


def reach(history: History, starts: Sequence[int]) -> frozenset[int]:
    """The numbers of commits and all their ancestors."""
    found: set[int] = set()
    todo = list(starts)
    while todo:
        at = todo.pop()
        if at not in found:
            found.add(at)
            todo += history[at].parents
    return frozenset(found)
