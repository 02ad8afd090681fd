"""What a walk over a history needs of a commit: its parents, its content and what it is sorted by.

Reading only this takes a tenth of the time of decoding the commit. It is safe, because objects are checked when
they are stored, and hashed when they are read.
"""

import re
from typing import Final, NamedTuple

from zonegit.errors import InvalidObject
from zonegit.model.commit import Commit
from zonegit.model.ids import HEADER_SIZE, Kind, ObjectId, kind_of
from zonegit.tree.source import NodeSource

_LINK: Final = re.compile(
    rb"zone-root ([0-9a-f]{64})\n((?:parent [0-9a-f]{64}\n)*)zone [^\n]*\nseq ([0-9]+)\ngeneration ([0-9]+)\n"
    rb"author [^\n]*\ncommitter [^\n]* (-?[0-9]+) [+-][0-9]{4}\n"
)
_PARENT: Final = len("parent ") + 64 + 1


class Link(NamedTuple):
    """A commit without its author and message."""

    id: ObjectId
    zone_root: ObjectId
    parents: tuple[ObjectId, ...]
    seq: int
    generation: int
    time: int
    """Unix seconds of the committer."""


class Links:
    """Reads links, each once."""

    def __init__(self, source: NodeSource) -> None:
        self.source = source
        self._known: dict[ObjectId, Link] = {}

    def __call__(self, oid: ObjectId) -> Link:
        """`InvalidObject` if the object isn't a commit."""
        link = self._known.get(oid)
        if link is None:
            link = self._known[oid] = link_of(oid, self.source.get(oid))
        return link


def link_of(oid: ObjectId, data: bytes) -> Link:
    """The link of a commit with these bytes. `InvalidObject` if they aren't a commit."""
    found = _LINK.match(data, HEADER_SIZE)
    if kind_of(data) is not Kind.COMMIT:
        raise InvalidObject(f"object {oid.hex()} is not a commit")
    if found is None:  # not what this version would write: `decode` tells what is wrong, or reads it
        commit = Commit.decode(data)
        return Link(oid, commit.zone_root, commit.parents, commit.seq, commit.generation, commit.committer.time)
    root, above, seq, generation, time = found.groups()
    parents = tuple(
        ObjectId(bytes.fromhex(above[at + 7 : at + _PARENT - 1].decode())) for at in range(0, len(above), _PARENT)
    )
    return Link(oid, ObjectId(bytes.fromhex(root.decode())), parents, int(seq), int(generation), int(time))
