"""The heads of a repository without those whose names were changed on disk: these cost no other zone anything.

Only for answering and what belongs to it. Who lists refs to others, or follows theirs, stops at such a name: what
is left out there is taken for removed.
"""

from collections.abc import Callable, Iterator

from zonegit.errors import InvalidData, ZonegitError
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, RefName, parse
from zonegit.store.port import Reader

Told = Callable[[ZonegitError], None]


def heads(reader: Reader) -> Iterator[tuple[Ref, ObjectId]]:
    """Every head that can be read, and its tip."""
    for name, tip in reader.refs("refs/heads/", _ignored):
        ref = read_head(name, _ignored)
        if ref is not None:
            yield ref, tip


def read_head(name: RefName, told: Told) -> Ref | None:
    """What a ref's name says, if it is a head's; `told` learns of a name that no ref has."""
    try:
        ref = parse(name)
    except InvalidData as error:
        told(error)
        return None
    return ref if ref.kind is RefKind.HEAD else None


def _ignored(_error: ZonegitError) -> None:
    """The workers tell of it."""
