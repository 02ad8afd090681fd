"""Which zones are past their SOA expire, and aren't answered from: mirrored ones, and transferred ones."""

from collections.abc import Callable

from zonegit.ops.config import Config
from zonegit.repo.incoming.state import TransferState, expired_transfers, keep_states, transfer_states
from zonegit.store.port import Reader, Store
from zonegit.sync.peers import expired_zones


def zones_on_record(config: Config, reader: Reader) -> frozenset[str]:
    """The zones that are recorded as expired. Zones that aren't mirrored or transferred any more don't count."""
    found = config.expired.union(*(expired_zones(reader, link.name) for link in config.pulled))
    transferred = expired_transfers(reader)
    return found.union(zone for zone in transferred if config.zone(zone).primaries) if transferred else found


def overdue_transfers(config: Config, reader: Reader, clock: Callable[[], float]) -> dict[str, TransferState]:
    """The transferred zones that are too old by this clock (Unix seconds), as they are on record."""
    if not config.transfers_in:
        return {}
    now = clock()
    return {
        zone: state
        for zone, state in transfer_states(reader)
        if config.zone(zone).primaries and state.is_too_old(now)
    }


def record_overdue(config: Config, store: Store, clock: Callable[[], float]) -> None:
    """Record the transferred zones that are too old. `StoreError`."""
    with store.read() as reader:
        found = overdue_transfers(config, reader, clock)
    new = {zone: state._replace(expired=True) for zone, state in found.items() if not state.expired}
    if new:
        with store.write() as writer:
            keep_states(writer, new)
