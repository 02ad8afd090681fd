"""The cursors of unfinished transfers from peers, each after what has arrived (`sync.peers`)."""

from typing import TYPE_CHECKING, Final

from zonegit.store import layout
from zonegit.store.tables import Table

if TYPE_CHECKING:
    from zonegit.store.writer import StoreWriter

_PEER: Final = "peer/"
_RESUME: Final = "/resume"


def resume_setting(peer: str) -> str:
    """The name of the setting that holds the cursors of one peer's transfers."""
    return f"{_PEER}{peer}{_RESUME}"


def begin_again(writer: "StoreWriter") -> None:
    """Delete all cursors, since `gc` may delete the objects that arrived before them, which no ref reaches."""
    prefix = layout.SETTING + _PEER.encode()
    for key in writer.tables.keys(Table.META, prefix):
        if key.endswith(_RESUME.encode()):
            writer.draft.delete(Table.META, key)
