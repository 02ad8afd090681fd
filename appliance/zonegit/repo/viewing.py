"""The served view of a large zone: it is made apart from the commit, and may find no room on the disk."""

from collections.abc import Callable

from zonegit.errors import CorruptStore, StoreError, StoreFull
from zonegit.model import refs
from zonegit.repo.context import Context


def show_default(
    context: Context, zone: str, branch: str, counted: Callable[[int], None] = lambda records: None
) -> str:
    """Give a zone's default branch the view that it lacks; `counted` is told of the records in it.

    Why that couldn't be done, or nothing. The commit is there all the same, so this raises no error.
    """
    name = refs.head(zone, branch)
    if branch != refs.DEFAULT_BRANCH:
        return ""
    try:
        with context.store.read() as reader:
            if reader.ref(name) is None or reader.view(name) is not None:
                return ""
    except CorruptStore:
        return ""  # `zonegit reindex` makes it again
    try:
        with context.store.write() as writer:
            writer.show(name, counted)
    except StoreFull:
        return "no space is left"
    except StoreError as error:
        return str(error)
    return ""
