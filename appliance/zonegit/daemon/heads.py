"""The heads of a repository without those whose names were changed on disk: these cost no other zone anything.

Only for answering and what belongs to it. Who lists refs to others, or follows theirs, stops at such a name: what
is left out there is taken for removed.
"""

import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

from zonegit.errors import CorruptStore, InvalidData, ZonegitError
from zonegit.model.refs import Ref, RefKind, RefName, parse
from zonegit.store.port import Reader

Told = Callable[[ZonegitError], None]
_HEADS: Final = b"refs/heads/"
_PLAIN: Final = re.compile(r"refs/heads/(?=.{1,254}/)((?:[a-z0-9_-]{1,63}\.)+)/([a-z0-9_-]{1,64})", re.ASCII)
"""Names that are canonical at sight: nearly all."""


def heads(reader: Reader, told: Told = lambda _: None) -> Iterator[tuple[str, str]]:
    """Zone and branch of every head whose name can be read; `told` learns of others.

    A name that was changed among the refs is found if the head has a view.
    """
    keys = reader.ref_keys(_HEADS, told)
    viewed = set(reader.view_keys(told)).difference(keys)
    for key in chain(keys, viewed):
        found = _parts(key, told)
        if found is not None:
            yield found


def viewed(reader: Reader) -> set[tuple[str, str]]:
    """Zone and branch of every head that has a served view."""
    keys = reader.view_keys(lambda _: None)
    return {found for key in keys if (found := _parts(key, lambda _: None)) is not None}


def read_head(name: RefName, told: Told) -> Ref | None:
    """What a ref's name says, if it is a head's; `told` learns of a name that no ref has."""
    try:
        ref = parse(name)
    except InvalidData as error:
        told(error)
        return None
    return ref if ref.kind is RefKind.HEAD else None


def _parts(key: bytes, told: Told) -> tuple[str, str] | None:
    try:
        name = RefName(key.decode())
    except UnicodeDecodeError:
        told(CorruptStore("the name of a ref was changed on disk: restore a backup or clone again"))
        return None
    plain = _PLAIN.fullmatch(name)
    if plain is not None:
        return plain[1], plain[2]
    ref = read_head(name, told)
    return None if ref is None else (ref.zone, ref.name)
