"""Sends a UDP response after its batch: to the same client, from the same socket and the address that was asked."""

import socket
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

Peer = tuple[str, int] | tuple[str, int, int, int]
"""An address as the socket module has it; with flow and scope for IPv6."""

_INET: Final = struct.Struct("=H2s4s8x")
"""struct sockaddr_in: family, port in network order, address."""
_INET6: Final = struct.Struct("=H2s4s16sI")
"""struct sockaddr_in6: family, port and flow in network order, address, scope."""
_CONTROL: Final = struct.Struct("@Nii")
"""struct cmsghdr: its size with the data that follow it, level and type."""


class LaterRecipient(NamedTuple):
    """The client of one message."""

    sock: socket.socket
    peer: Peer
    control: Sequence[tuple[int, int, bytes]] = ()
    """From which address to answer, as `sendmsg` takes it."""

    def deliver(self, response: bytes) -> None:
        """Send the response from any thread; drop it if the socket takes no more, as the network might."""
        try:
            self.sock.sendmsg((response,), self.control, socket.MSG_DONTWAIT, self.peer)
        except OSError:
            return


def peer_of(name: bytes) -> Peer:
    """The client in a struct sockaddr_in or sockaddr_in6."""
    if len(name) == _INET.size:
        _, port, address = _INET.unpack(name)
        return socket.inet_ntop(socket.AF_INET, address), int.from_bytes(port, "big")
    _, port, flow, address, scope = _INET6.unpack(name)
    return (
        socket.inet_ntop(socket.AF_INET6, address),
        int.from_bytes(port, "big"),
        int.from_bytes(flow, "big"),
        scope,
    )


def ancillary(control: bytes) -> Sequence[tuple[int, int, bytes]]:
    """The first item of a message's control data, if there is any."""
    if len(control) < _CONTROL.size:
        return ()
    size, level, kind = _CONTROL.unpack_from(control)
    return ((level, kind, control[_CONTROL.size : size]),) if size > _CONTROL.size else ()
