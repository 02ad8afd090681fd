"""Accepts connections from a listening socket, alone or beside other processes that accept from the same one.

The kernel gives a connection to the process that accepts first, or (SO_REUSEPORT) to one chosen by a hash, which
may send four clients to one process. To spread connections evenly, a process that has more open than another one
leaves the next to it for a moment, and no longer, in case the other hangs or has died.
A connection whose client is gone already costs next to nothing, so a client that opens and resets connections keeps
nobody out.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

BACKLOG: Final = 4096
"""Connections that may wait to be accepted; the system may allow fewer (net.core.somaxconn)."""
YIELD: Final = 0.02
"""Seconds that a connection is left to other processes."""
AHEAD: Final = 1 << 16
_AT_ONCE: Final = 16
_LOOKS: Final = 256
"""Most connections that are begun, and most that are accepted (with those whose clients are gone), before the event
loop does other work."""
_SCARCE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE: Final = 1.0
"""Seconds until the next attempt when the system has no room for a connection."""

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
log = logging.getLogger(__name__)


class Share(Protocol):
    """How many connections each process has open that serves a port."""

    def note(self, count: int) -> None:
        """This process has `count` open."""
        ...

    def is_ahead(self, count: int) -> bool:
        """Whether another process has fewer than `count` open."""
        ...


class Acceptor:
    """Passes every connection of one listener to `connected`. Start it in the event loop that serves."""

    def __init__(
        self, listener: socket.socket, connected: Connected, share: Share | None = None, ahead: int = AHEAD
    ) -> None:
        """`share`: the processes that share the listener; None for an unshared one.

        `ahead`: bytes of a connection to buffer for its handler; at twice as many, reading pauses.
        """
        self._listener = listener
        self._connected = connected
        self._share = share
        self._ahead = ahead
        self._loop = asyncio.get_running_loop()
        self._later: asyncio.TimerHandle | None = None
        self._starting: set[asyncio.Task[None]] = set()
        self._open = 0

    def start(self) -> None:
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener, self._take)

    async def stop(self) -> None:
        """Accept no more; return when every accepted connection has reached its handler."""
        self._loop.remove_reader(self._listener)
        if self._later is not None:
            self._later.cancel()
        if self._starting:
            await asyncio.wait(self._starting)
        await asyncio.sleep(0)  # the handlers' own tasks start in this pass of the loop
        self._listener.close()

    def _take(self) -> None:
        begun = 0
        for _ in range(_LOOKS):
            if self._share is not None and self._share.is_ahead(self._open):
                self._pause(YIELD)
                return
            taken = self._accept()
            if taken is None:
                return
            begun += taken
            if begun == _AT_ONCE:
                return

    def _resume(self) -> None:
        """Accept what the other processes left, whatever the counts."""
        self._later = None
        self._loop.add_reader(self._listener, self._take)
        self._accept()

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._later = self._loop.call_later(seconds, self._resume)

    def _accept(self) -> bool | None:
        """Accept one connection, and begin it unless its client is gone; None when none is waiting."""
        try:
            sock, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return None
        except OSError as error:
            if error.errno not in _SCARCE:
                raise
            log.warning("cannot accept a connection: %s", error.strerror)
            if self._later is None:
                self._pause(_PAUSE)
            return None
        sock.setblocking(False)
        if _is_over(sock):
            sock.close()
            return False
        self._count(1)
        task = self._loop.create_task(self._begin(sock))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)
        return True

    async def _begin(self, sock: socket.socket) -> None:
        reader = asyncio.StreamReader(self._ahead, loop=self._loop)

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await self._connected(reader, writer)
            finally:
                self._count(-1)

        try:
            _send_at_once(sock)
            await self._loop.connect_accepted_socket(
                lambda: asyncio.StreamReaderProtocol(reader, handle, loop=self._loop), sock
            )
        except OSError as error:
            sock.close()
            self._count(-1)
            log.debug("a connection failed as it began: %s", error)

    def _count(self, change: int) -> None:
        self._open += change
        if self._share is not None:
            self._share.note(self._open)


def _is_over(sock: socket.socket) -> bool:
    """Whether the client closed it before sending anything."""
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _send_at_once(sock: socket.socket) -> None:
    """Set TCP_NODELAY. Without it a small answer in two parts waits 40 ms for the client's delayed ACK.

    asyncio sets it only on sockets that know their protocol number, and an accepted one has 0. A
    listener's own is inherited, but not by connections that were waiting before it was set.
    """
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
