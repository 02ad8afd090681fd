"""Addresses of clients: 4 bytes for IPv4, 16 for IPv6."""

from typing import Final

_MAPPED: Final = bytes(10) + b"\xff\xff"
"""`::ffff:0:0/96`: the prefix of an IPv4 client's address on a dual-stack socket."""


def unmapped(client: bytes) -> bytes:
    """The client's address without the IPv4-mapped prefix: 4 bytes for IPv4 on any socket."""
    return client[12:] if len(client) == 16 and client.startswith(_MAPPED) else client
