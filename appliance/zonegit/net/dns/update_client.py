"""Forwards an UPDATE over TCP or TLS to the primaries of its zone (RFC 2136 §6).

The message gets an id of its own and is unchanged otherwise: its TSIG names the original id (RFC 8945 §5.5).
"""

import asyncio
import ssl
from collections.abc import Sequence
from os import urandom
from typing import Final

from zonegit.dns.incoming.bounds import BOUNDS
from zonegit.dns.update.message import is_response
from zonegit.errors import TransferError, TransferInterrupted
from zonegit.net.dns.primary_connection import PrimaryConnection
from zonegit.ops.primaries import Primary

_BOUNDS: Final = BOUNDS._replace(connect_seconds=3.0, answer_seconds=5.0)


async def forward_update(
    primaries: Sequence[Primary], packet: bytes, seconds: float, *, tls: ssl.SSLContext | None = None
) -> bytes:
    """The response of the first primary that answers, with the id of `packet`, within so many seconds.

    `TransferError`, naming what each of them did, if none answers. `tls` is as for `TransferClient`.
    """
    reasons = []
    try:
        async with asyncio.timeout(seconds):
            for primary in primaries:
                try:
                    return await _answer(primary, packet, tls)
                except TransferError as error:
                    reasons.append(f"{primary.address}: {error}")
    except TimeoutError:
        reasons.append(f"no time was left after {seconds:.0f} s")
    raise TransferInterrupted(", ".join(reasons))


async def _answer(primary: Primary, packet: bytes, tls: ssl.SSLContext | None) -> bytes:
    connection = PrimaryConnection(primary, _BOUNDS, tls)
    ident = urandom(2)
    try:
        answer = await connection.ask(ident + packet[2:])
    finally:
        connection.close()
    if not is_response(answer, ident):
        raise TransferInterrupted("it answered with something else than the response to an UPDATE")
    return packet[:2] + answer[2:]
