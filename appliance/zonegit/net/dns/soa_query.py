"""Asks a server for the serial of a zone, which says whether a transfer is needed: over UDP, then over TCP.

TCP is used where UDP brings no answer that counts. A server that is reached over TLS is asked over TLS only. The
answer must be authoritative, and signed if the primary has a key.
"""

import ssl
from collections.abc import Callable
from os import urandom
from time import time
from typing import Final

from zonegit.dns.access import tsig
from zonegit.dns.incoming.bounds import BOUNDS, Bounds
from zonegit.dns.incoming.query import soa_query
from zonegit.dns.incoming.soa_answer import serial_in
from zonegit.errors import TransferError
from zonegit.model.names import WireName
from zonegit.net.dns.datagrams import Datagrams
from zonegit.net.dns.primary_connection import PrimaryConnection
from zonegit.ops.primaries import Primary

TRIES: Final = 2
"""How often a query is sent over UDP."""
UDP_SECONDS: Final = 2.0
"""How long an answer to each is waited for."""


async def ask_serial(
    primary: Primary,
    apex: WireName,
    key: tsig.TsigKey | None = None,
    bounds: Bounds = BOUNDS,
    *,
    tls: ssl.SSLContext | None = None,
    clock: Callable[[], float] = time,
) -> int:
    """The serial of the zone at a primary. `TransferError` and its kinds; arguments as for `TransferClient`."""
    query = soa_query(apex, urandom(2), key, int(clock()))

    def serial(message: bytes) -> int | None:
        """What a datagram says; None if TCP has to decide."""
        try:
            return serial_in(query, message, int(clock()))
        except TransferError:
            return None

    if not primary.tls:
        answer = await _over_udp(primary, query.message, serial)
        if answer is not None:
            return answer
    connection = PrimaryConnection(primary, bounds, tls)
    try:
        return serial_in(query, await connection.ask(query.message), int(clock()))
    finally:
        connection.close()


async def _over_udp(primary: Primary, query: bytes, serial: Callable[[bytes], int | None]) -> int | None:
    try:
        datagrams = await Datagrams.open(primary.address.host, primary.address.port)
    except OSError:
        return None
    try:
        for _ in range(TRIES):
            message = await datagrams.ask(query, lambda data: data, UDP_SECONDS)
            if message is not None:
                return serial(message)
    finally:
        datagrams.close()
    return None
