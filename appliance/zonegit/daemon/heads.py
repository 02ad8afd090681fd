"""The branches of a repository that can be served, without those whose refs' names are damaged on disk: these
affect no other zone.

Only for answering. Code that lists refs to peers, or follows theirs, must stop at such a name, since a missing ref
there means a removed one.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final

from zonegit.errors import CorruptStore, InvalidData, ZonegitError
from zonegit.model.refs import Ref, RefKind, RefName, parse
from zonegit.store.port import Reader
from zonegit.store.reader import ref_name

OnError = Callable[[ZonegitError], None]
_HEADS: Final = b"refs/heads/"
_PUBLISHED: Final = b"refs/published/"
_SERVED: Final = (RefKind.HEAD, RefKind.PUBLISHED)
_PLAIN: Final = re.compile(
    r"refs/(?:heads|published)/(?=.{1,254}/)((?:[a-z0-9_-]{1,63}\.)+)/([a-z0-9_-]{1,64})", re.ASCII
)
"""Names that are plainly canonical: nearly all."""


def heads(reader: Reader, on_error: OnError = lambda _: None) -> Iterator[tuple[str, str]]:
    """Zone and branch of every branch that can be served and has a readable name; others are passed to `on_error`.

    A branch is served by its published version, where it has one (`store.served`). One with a damaged name among
    the refs is found if it has a view.
    """
    keys, versions = reader.ref_keys(_HEADS, on_error), reader.ref_keys(_PUBLISHED, on_error)
    viewed = set(reader.view_keys(on_error)).difference(keys, versions)
    heads = _all_parts(_without_removed(reader, _HEADS, keys, on_error), on_error)
    if not versions:
        return chain(heads, _all_parts(viewed, on_error))
    shown = _all_parts(chain(_without_removed(reader, _PUBLISHED, versions, on_error), viewed), on_error)
    return iter({*heads}.difference(_all_parts(versions, on_error)).union(shown))


def viewed(reader: Reader) -> set[tuple[str, str]]:
    """Zone and branch of all that have a served view."""
    keys = reader.view_keys(lambda _: None)
    return {found for key in keys if (found := _parts(key, lambda _: None)) is not None}


def read_head(name: RefName, on_error: OnError) -> Ref | None:
    """The ref of a name, if it is a head or a published version; an invalid name is passed to `on_error`."""
    try:
        ref = parse(name)
    except InvalidData as error:
        on_error(error)
        return None
    return ref if ref.kind in _SERVED else None


def _without_removed(reader: Reader, prefix: bytes, keys: Iterable[bytes], on_error: OnError) -> Iterable[bytes]:
    removed = set(reader.removed_keys(prefix, on_error))
    return (key for key in keys if key not in removed) if removed else keys


def _all_parts(keys: Iterable[bytes], on_error: OnError) -> Iterator[tuple[str, str]]:
    return (found for key in keys if (found := _parts(key, on_error)) is not None)


def _parts(key: bytes, on_error: OnError) -> tuple[str, str] | None:
    try:
        name = ref_name(key)
    except CorruptStore as error:
        on_error(error)
        return None
    plain = _PLAIN.fullmatch(name)
    if plain is not None:
        return plain[1], plain[2]
    ref = read_head(name, on_error)
    return None if ref is None else (ref.zone, ref.name)
