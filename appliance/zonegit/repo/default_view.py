"""Makes the served view of a large zone, in its own transaction, so that a full disk doesn't undo the commit."""

from collections.abc import Callable

from zonegit.errors import CorruptStore, StoreError, StoreFull
from zonegit.model import refs
from zonegit.repo.context import Context
from zonegit.store.port import Known


def make_default_view(
    context: Context,
    zone: str,
    branch: str,
    counted: Callable[[int], None] = lambda records: None,
    known: Known | None = None,
) -> str:
    """Make the view of a zone's default branch if it has none. `counted` gets the number of records in each block.
    If the branch's tip has the `known` tree, that isn't read again.

    Returns the reason of a failure, or "". Failing is no error, since the commit is stored without a view too.
    """
    name = refs.head(zone, branch)
    if branch != refs.DEFAULT_BRANCH:
        return ""
    try:
        with context.store.read() as reader:
            if reader.live(name) is None or reader.view(name) is not None:
                return ""
    except CorruptStore:
        return ""  # `zonegit reindex` rebuilds it
    try:
        with context.store.write() as writer:
            writer.show(name, counted, known)
    except StoreFull:
        return "no space is left"
    except StoreError as error:
        return str(error)
    return ""
