"""Where transfers from peers stand that didn't end: positions behind what has arrived (`sync.peers`)."""

from typing import TYPE_CHECKING, Final

from zonegit.store import layout
from zonegit.store.tables import Table

if TYPE_CHECKING:
    from zonegit.store.writer import StoreWriter

_PEER: Final = "peer/"
_RESUME: Final = "/resume"


def resume_setting(peer: str) -> str:
    """Name of the setting that holds the positions of one peer's transfers."""
    return f"{_PEER}{peer}{_RESUME}"


def begin_again(writer: "StoreWriter") -> None:
    """Forget all positions: what arrived before them may go, as no ref names it."""
    prefix = layout.SETTING + _PEER.encode()
    for key in writer.tables.keys(Table.META, prefix):
        if key.endswith(_RESUME.encode()):
            writer.draft.delete(Table.META, key)
