"""Connections to primaries: used again while they are fresh, and a few at a time to each."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final, NamedTuple

from zonegit.dns.access.tsig import Keys, TsigKey
from zonegit.dns.incoming.bounds import BOUNDS, Bounds
from zonegit.errors import TransferError
from zonegit.model.names import WireName, to_text
from zonegit.net.dns.soa_query import ask_serial
from zonegit.net.dns.transfer_client import TransferClient
from zonegit.ops.primaries import Primary
from zonegit.repo.incoming.values import Transferred

_TO_ONE: Final = 4
"""Transfers at a time from one primary: BIND sends ten at a time, to all its secondaries."""
_IDLE: Final = 5.0
"""Seconds that an idle connection is kept: shorter than primaries keep it."""


class _Idle(NamedTuple):
    client: TransferClient
    since: float


class Exchanges:
    """A `daemon.refresh_round.Exchange` over the network."""

    def __init__(self, keys: Callable[[], Keys], bounds: Bounds = BOUNDS) -> None:
        self._keys = keys
        self._bounds = bounds
        self._idle: dict[Primary, list[_Idle]] = {}
        self._limits: dict[Primary, asyncio.Semaphore] = {}

    async def serial(self, primary: Primary, apex: WireName) -> int:
        return await ask_serial(primary, apex, self._key(primary), self._bounds)

    async def transfer(self, primary: Primary, apex: WireName, known: int | None) -> Transferred:
        async with self._limits.setdefault(primary, asyncio.Semaphore(_TO_ONE)):
            client = self._client(primary)
            done = await client.transfer(apex, known)
            self._idle.setdefault(primary, []).append(_Idle(client, monotonic()))
            return done

    def close_idle(self, longer: float = _IDLE) -> None:
        """Close the connections that were idle for longer than this many seconds."""
        until = monotonic() - longer
        for primary, idle in list(self._idle.items()):
            for each in [each for each in idle if each.since <= until]:
                idle.remove(each)
                each.client.close()
            if not idle:
                del self._idle[primary]

    def forget(self) -> None:
        """Use the keys as they are now from the next message on."""
        self.close_idle(-1.0)
        self._limits = {primary: limit for primary, limit in self._limits.items() if limit.locked()}

    def _client(self, primary: Primary) -> TransferClient:
        idle = self._idle.get(primary)
        return idle.pop().client if idle else TransferClient(primary, self._key(primary), self._bounds)

    def _key(self, primary: Primary) -> TsigKey | None:
        if primary.key is None:
            return None
        key = self._keys().get(primary.key)
        if key is None:
            raise TransferError(f"the TSIG key {to_text(primary.key).removesuffix('.')} is not here")
        return key
