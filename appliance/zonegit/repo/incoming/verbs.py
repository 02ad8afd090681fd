"""The calls of `Repository` about zones that are transferred from other name servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zonegit.errors import Refused
from zonegit.repo.reading import RepositoryReader

if TYPE_CHECKING:
    from zonegit.repo.incoming.state import TransferState


class TransferVerbs(RepositoryReader):
    """What `Repository` offers about transfers."""

    def transfer_state(self, zone: str | None = None) -> TransferState | None:
        """What is known of a zone that is transferred here; None for another one."""
        from zonegit.repo.incoming.state import transfer_state

        name = self._context.place(zone).zone
        with self._context.store.read() as reader:
            return transfer_state(reader, name)

    def transfers_failing(self) -> dict[str, TransferState]:
        """The zones whose last attempt at a transfer failed, or that have expired."""
        from zonegit.repo.incoming.state import transfer_states

        with self._context.store.read() as reader:
            return {
                zone: state
                for zone, state in transfer_states(reader)
                if state.expired or state.failing_since is not None
            }

    def request_transfer(self, zone: str, *, any_serial: bool = False, dry_run: bool = False) -> TransferState:
        """Have zonegitd ask a zone's primaries now, and take whatever serial they have if that is wanted.

        Returns what is known until then. `Refused` for a zone that isn't transferred here.
        """
        from zonegit.model.names import parse_apex, to_text
        from zonegit.repo.incoming.state import Asked, ask_for_transfer, transfer_state

        name = to_text(parse_apex(zone))
        with self._context.store.read() as reader:
            state = transfer_state(reader, name)
        if state is None:
            raise Refused(
                f"{name} is not transferred here: set 'primaries' in its table, and start or reload zonegitd"
            )
        if not dry_run:
            ask_for_transfer(self._context.store, name, Asked.WHOLE if any_serial else Asked.CHECK)
        return state
