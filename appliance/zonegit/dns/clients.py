"""Clients' addresses as they count: 4 bytes of IPv4, or 16 of IPv6."""

from typing import Final

_MAPPED: Final = bytes(10) + b"\xff\xff"
"""`::ffff:0:0/96`: what an IPv4 client's address begins with on a socket that takes both families."""


def unmapped(client: bytes) -> bytes:
    """The client's own address: 4 bytes for one of IPv4, whatever socket it came over."""
    return client[12:] if len(client) == 16 and client.startswith(_MAPPED) else client
