"""Which reflog entries keep what they name, and so stay themselves when `gc` runs.

For most refs, those within a grace period do. Published versions are no history: nobody goes back to one. Their
entries are needed for the differences that secondaries ask for (IXFR), and to tell what was published of a branch
before. Neither looks back further than `MOST` versions.
"""

from typing import Final, NamedTuple

from zonegit.model.refs import RefKind
from zonegit.store.reflog import decode_entry, key_number

FEWEST: Final = 100
"""The newest moves of a published branch that stay, whatever their age."""
MOST: Final = 1000
"""The newest moves of a published branch of which those stay that aren't old."""
WEEK: Final = 7 * 86_400
_PUBLISHED: Final = f"refs/{RefKind.PUBLISHED}/".encode()


class Retention(NamedTuple):
    """The times, in Unix seconds, after which entries aren't old."""

    since: int
    published_since: int
    """For published versions."""


class Kept:
    """Says of a reflog's items, one after another in the order of their table, whether they keep what they name."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._ref = b""
        self._newest = 0
        self._exists = False
        """Whether the ref does."""

    def __call__(self, key: bytes, value: bytes) -> bool:
        """Whether an item does. `CorruptStore` if it is damaged."""
        entry = decode_entry(value)
        if key[:-8] != self._ref:
            self._ref, self._newest = key[:-8], key_number(key)
            self._exists = entry.new is not None
        if not is_published(key):
            return entry.who.time > self._retention.since
        behind = self._newest - key_number(key)
        if self._exists and behind < FEWEST:
            return True
        return behind < MOST and entry.who.time > self._retention.published_since


def is_published(key: bytes) -> bool:
    """Whether a ref, or the key of an item of a reflog, is that of a published version."""
    return key.startswith(_PUBLISHED)
