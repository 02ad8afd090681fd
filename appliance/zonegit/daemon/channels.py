"""Channels: how a process that answers clients passes requests on to the one process that may handle them.

There are two receivers: the updater applies UPDATE messages, the refresher is notified of new versions elsewhere.
Each sender, a DNS worker or an http process, has a pair of sockets with each of them. The supervisor makes the
pairs and keeps both ends open, so either process may be restarted: what was sent waits. They have no name in the
file system, so nobody else can write to them.

One datagram is one `Request` or one `Reply`. Nothing here waits for the other end: if its queue is full, the
caller is told so. A process that is restarted drops the replies to its predecessor, whose idents it doesn't know.
"""

import itertools
import secrets
import selectors
import socket
from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import Final, NamedTuple

from zonegit.dns.wire.message import MAX_MESSAGE, Transport
from zonegit.ops.shared import ChannelEnds

UPDATER: Final = "updater"
REFRESHER: Final = "refresher"
RECEIVERS: Final = (UPDATER, REFRESHER)
"""By the names of their processes."""

PATIENCE: Final = 15.0
"""Seconds after which a sender answers a request itself, which the receiver mustn't begin to handle then."""

_REQUEST: Final = Struct("<QdBB")
"""Ident, arrival, transport, bytes of the client's address, which follows; then the packet."""
_REPLY: Final = Struct("<Q")
_LARGEST: Final = _REQUEST.size + 16 + MAX_MESSAGE
_BUFFER: Final = 1 << 20
"""Bytes that may wait in one direction, as far as the system allows; with less than one message, nothing works."""
_AT_ONCE: Final = 64
"""Requests that are taken from one channel before the next one has its turn."""


class Request(NamedTuple):
    """A DNS message from a client, as it came."""

    ident: int
    """By which the sender knows it; 64 bits."""
    arrived: float
    """When it came, in seconds of the monotonic clock, which all processes share."""
    transport: Transport
    client: bytes
    """The address that it came from, 4 or 16 bytes."""
    packet: bytes


class Arrival(NamedTuple):
    """A request at its receiver."""

    channel: int
    """Where it came from, and its reply has to go."""
    request: Request


class Reply(NamedTuple):
    """The response to a request, as it is to be sent."""

    ident: int
    packet: bytes


class Channels:
    """The pairs of sockets of one daemon."""

    def __init__(self, senders: Iterable[int]) -> None:
        """`senders` are the indices of the processes that pass requests on (`ops.shared`)."""
        self._pairs = {(name, index): _pair() for name in RECEIVERS for index in senders}

    def sending(self, index: int) -> ChannelEnds:
        """The ends of the process with this index, one to each receiver."""
        return {name: (self._pairs[name, index][0],) for name in RECEIVERS}

    def receiving(self, name: str) -> ChannelEnds:
        """The ends of a receiver, one from each sender."""
        return {name: tuple(there for (known, _), (_, there) in self._pairs.items() if known == name)}

    def close(self) -> None:
        for pair in self._pairs.values():
            for end in pair:
                end.close()


class Sender:
    """A sender's end. `send` and `replies` may be called from two threads."""

    def __init__(self, ends: Sequence[socket.socket]) -> None:
        """`ends` is `block.channel_ends(…)`."""
        (self._socket,) = ends
        self._idents = itertools.count(secrets.randbits(63))

    def fileno(self) -> int:
        """A descriptor that is readable when replies wait."""
        return self._socket.fileno()

    def ident(self) -> int:
        """A number that no other request has, not even one of a process that ran before."""
        return next(self._idents)

    def send(self, request: Request) -> bool:
        """Pass a request on; False if the receiver has too many that wait."""
        head = _REQUEST.pack(request.ident, request.arrived, request.transport, len(request.client))
        return _send(self._socket, head, request.client, request.packet)

    def replies(self) -> Iterator[Reply]:
        """The replies that wait, in the order in which they were made."""
        while (data := _received(self._socket)) is not None:
            if len(data) >= _REPLY.size:
                yield Reply(_REPLY.unpack_from(data)[0], data[_REPLY.size :])


class Receiver:
    """All ends of a receiver. For one thread."""

    def __init__(self, ends: Sequence[socket.socket]) -> None:
        """`ends` is `block.channel_ends(…)`."""
        self._ends = tuple(ends)
        self._selector = selectors.DefaultSelector()
        for number, end in enumerate(self._ends):
            self._selector.register(end, selectors.EVENT_READ, number)

    def fileno(self) -> int:
        """A descriptor that is readable when requests wait, for the process's own selector."""
        return self._selector.fileno()

    def receive(self, seconds: float) -> list[Arrival]:
        """The requests that wait, after up to `seconds` until there is one.

        A channel on which many wait leaves room for the others: call again for the rest.
        """
        found: list[Arrival] = []
        for key, _ in self._selector.select(seconds):
            number: int = key.data
            for _ in range(_AT_ONCE):
                data = _received(self._ends[number])
                if data is None:
                    break
                found += (Arrival(number, request) for request in _read(data))
        return found

    def reply(self, channel: int, reply: Reply) -> bool:
        """Send a reply to where its request came from; False if that process doesn't read them."""
        return _send(self._ends[channel], _REPLY.pack(reply.ident), reply.packet)

    def close(self) -> None:
        self._selector.close()


def _pair() -> tuple[socket.socket, socket.socket]:
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in pair:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
    return pair


def _read(data: bytes) -> Iterator[Request]:
    """The request in a datagram."""
    if len(data) >= _REQUEST.size:
        ident, arrived, transport, size = _REQUEST.unpack_from(data)
        end = _REQUEST.size + size
        yield Request(ident, arrived, Transport(transport), data[_REQUEST.size : end], data[end:])


def _send(sock: socket.socket, *parts: bytes) -> bool:
    try:
        sock.sendmsg(parts, (), socket.MSG_NOSIGNAL)
    except OSError:  # its queue is full, or memory is short
        return False
    return True


def _received(sock: socket.socket) -> bytes | None:
    """The next datagram; None if none waits."""
    try:
        return sock.recv(_LARGEST) or None  # nothing at all: the supervisor has ended, and this process is about to
    except (BlockingIOError, InterruptedError):
        return None
