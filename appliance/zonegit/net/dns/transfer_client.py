"""Transfers zones from other servers over TCP and TLS (RFC 5936 §4, RFC 7766, RFC 9103).

A connection is used again for further zones, one query at a time. Connecting, the first message, each later one and
the whole transfer have their own times. What a server sends is judged by `dns.incoming`.
"""

import ssl
from collections.abc import Callable
from os import urandom
from time import monotonic, time
from typing import Self

from zonegit.dns.access import tsig
from zonegit.dns.incoming.bounds import BOUNDS, Bounds
from zonegit.dns.incoming.query import transfer_query
from zonegit.dns.incoming.reader import TransferReader
from zonegit.errors import TransferTooLarge
from zonegit.model.names import WireName
from zonegit.net.dns.primary_connection import PrimaryConnection
from zonegit.ops.primaries import Primary
from zonegit.repo.incoming.values import Transferred

Progress = Callable[[int], None]
"""Gets the number of records that were read so far, after each message."""


def _silent(_: int) -> None:
    pass


class TransferClient:
    """Transfers zones from one primary, one after the other. Use it as an asynchronous context manager.

    After an error the connection is closed, and the next transfer makes a new one.
    """

    def __init__(
        self,
        primary: Primary,
        key: tsig.TsigKey | None = None,
        bounds: Bounds = BOUNDS,
        *,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        """`key` is the one that `primary` names. `tls`: the context, where the system's CAs are the wrong ones.

        `clock` is Unix seconds, for signatures.
        """
        self.primary = primary
        self._key = key
        self._bounds = bounds
        self._clock = clock
        self._connection = PrimaryConnection(primary, bounds, tls)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, if there is one."""
        self._connection.close()

    async def transfer(
        self,
        apex: WireName,
        known: int | None = None,
        *,
        newer_than: int | None = None,
        progress: Progress = _silent,
    ) -> Transferred:
        """What is newer than the serial `known`, by IXFR; the whole zone by AXFR if that is None.

        An AXFR of a zone whose serial isn't ahead of `newer_than` is refused. `TransferError` and its kinds, among
        them `DifferenceUnfit`, after which the whole zone may be asked for.
        """
        query = transfer_query(apex, known, urandom(2), self._key, int(self._clock()))
        reader = TransferReader(query, self._bounds, newer_than=newer_than)
        deadline = monotonic() + self._bounds.seconds
        try:
            message = await self._connection.ask(query.message)
            while (done := reader.feed(message, int(self._clock()))) is None:
                progress(reader.records)
                if monotonic() >= deadline:
                    raise TransferTooLarge(f"the zone takes more than {self._bounds.seconds:g} s to transfer")
                message = await self._connection.following()
        except BaseException:
            self.close()
            raise
        return done
