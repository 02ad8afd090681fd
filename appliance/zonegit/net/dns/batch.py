"""Up to 64 datagrams per system call: recvmmsg(2) and sendmmsg(2) through ctypes, on memory set up once.

A `Batch` is a socket with a buffer. `receive()` fills it. Message *i* is read from `buffer` at `offsets[i]`, and
its response is written over it from the third byte on, as a response has its query's id. `send()` sends the
responses. A wildcard socket answers from the address that was asked (IP_PKTINFO, RFC 3542 §6.1). `PlainBatch` does
the same with one recvfrom and one sendto, for a libc without the two calls.

A message costs no ctypes object: slices of an `mmap` are `bytes`, and sizes are integers in cast memoryviews.
"""

import ctypes
import errno
import mmap
import socket
import struct
from collections.abc import MutableSequence, Sequence
from typing import Final, Protocol, cast

from zonegit.dns import udp
from zonegit.dns.udp import Offsets
from zonegit.net.dns.later import LaterRecipient, Peer, ancillary, peer_of

MESSAGES: Final = 64
CAPACITY: Final = 4096
"""Bytes of a message. Longer queries are cut off, and no response is longer."""
WAIT: Final = 0.25
"""Seconds after which `receive` returns without a message, so that signals are handled in time."""

_MSG_WAITFORONE: Final = 0x10000
_IP_PKTINFO: Final = 8  # <linux/in.h>; not in the socket module before Python 3.14
_BUFFER_SIZE: Final = 4 << 20
_TRANSIENT: Final = frozenset(
    {errno.EAGAIN, errno.EINTR, errno.ECONNREFUSED, errno.ENOMEM, errno.ENOBUFS, errno.ENETDOWN, errno.EHOSTUNREACH}
)


class Batch(udp.Batch, Protocol):
    """What the UDP loop works on: a socket with a buffer of messages."""

    def receive(self, wait: bool) -> int:
        """Fill the buffer; the number of messages. With `wait` the first may take up to `WAIT` seconds to come."""
        ...

    def send(self, count: int, dropped: Sequence[int] = ()) -> int:
        """Send the first `count` messages except the dropped ones (rising); how many the kernel accepted."""
        ...


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """struct msghdr"""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iov_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Header(ctypes.Structure):
    """struct mmsghdr: what to receive into or to send, and the size of what was received."""

    _fields_ = (("message", _Message), ("size", ctypes.c_uint32))


def _libc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None, use_errno=True)
    return libc if hasattr(libc, "recvmmsg") and hasattr(libc, "sendmmsg") else None


def open_batch(sock: socket.socket) -> Batch:
    """The best batch for a bound UDP socket."""
    _prepare(sock)
    libc = _libc()
    return PlainBatch(sock) if libc is None else MessageBatch(sock, libc)


def _prepare(sock: socket.socket) -> None:
    sock.setblocking(True)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, int(WAIT * 1e6)))
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        if sock.getsockopt(socket.SOL_SOCKET, option) < _BUFFER_SIZE:
            sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_SIZE)


class MessageBatch:
    """Up to `MESSAGES` datagrams at a time."""

    def __init__(self, sock: socket.socket, libc: ctypes.CDLL) -> None:
        self._fd = sock.fileno()
        self._socket = sock
        self._libc = libc
        ipv6 = sock.family == socket.AF_INET6
        self.address_size = 16 if ipv6 else 4
        self._name_size = 28 if ipv6 else 16
        self._pktinfo = _ask_for_destination(sock) if _is_wildcard(sock) else None
        self.buffer = mmap.mmap(-1, MESSAGES * CAPACITY)
        self.addresses = mmap.mmap(-1, MESSAGES * self._name_size)
        """What a `struct sockaddr` for each message has."""
        self._control_size = 64 if self._pktinfo else 0
        self._controls = mmap.mmap(-1, MESSAGES * 64)
        self._set_up_memory()
        self.offsets = tuple(self._offsets(index) for index in range(MESSAGES))

    def receive(self, wait: bool) -> int:
        count: int = self._receive(
            self._fd, self._headers_at, MESSAGES, _MSG_WAITFORONE if wait else socket.MSG_DONTWAIT, None
        )
        if count < 0:
            _raise_unless_transient()
            return 0
        if self._pktinfo:
            self._forget_interfaces(count)
        return count

    def recipient(self, index: int) -> LaterRecipient:
        name = self.addresses[index * self._name_size : (index + 1) * self._name_size]
        control = self._controls[index * 64 : (index + 1) * 64] if self._pktinfo else b""
        return LaterRecipient(self._socket, peer_of(name), ancillary(control))

    def send(self, count: int, dropped: Sequence[int] = ()) -> int:
        # 1. Send the runs of messages between the dropped ones.
        sent = 0
        start = 0
        for stop in (*dropped, count):
            sent += self._send_run(start, stop)
            start = stop + 1
        # 2. Restore what sizes were written over: the buffers' for the next queries, and the control data's.
        self._iovecs[:] = self._fresh_iovecs
        if self._pktinfo:
            self._headers[:] = self._fresh_headers
        return sent

    def _send_run(self, start: int, stop: int) -> int:
        """Send messages start .. stop - 1, except those that the kernel refuses."""
        sent = 0
        while start < stop:
            took = self._send(
                self._fd, self._headers_at + start * ctypes.sizeof(_Header), stop - start, socket.MSG_NOSIGNAL
            )
            if took > 0:
                sent += took
                start += took
            elif ctypes.get_errno() != errno.EINTR:
                start += 1
        return sent

    def _set_up_memory(self) -> None:
        # 1. Arrays of struct mmsghdr and struct iovec: one of each for every message, in memory of a fixed address.
        headers = mmap.mmap(-1, MESSAGES * ctypes.sizeof(_Header))
        iovecs = mmap.mmap(-1, MESSAGES * ctypes.sizeof(_Iovec))
        at = [_address_of(each) for each in (self.buffer, self.addresses, self._controls, headers, iovecs)]
        buffer_at, names_at, controls_at, self._headers_at, iovecs_at = at
        header_views = (_Header * MESSAGES).from_buffer(headers)
        iovec_views = (_Iovec * MESSAGES).from_buffer(iovecs)
        # 2. Point message i at slot i of the buffer, of the names and of the control data, once and for all.
        for index in range(MESSAGES):
            iovec_views[index] = _Iovec(buffer_at + index * CAPACITY, CAPACITY)
            header_views[index].message = _Message(
                names_at + index * self._name_size,
                self._name_size,
                iovecs_at + index * ctypes.sizeof(_Iovec),
                1,
                controls_at + index * 64 if self._control_size else None,
                self._control_size,
            )
        # 3. The kernel and `answer` write sizes into both arrays; `send` puts these copies back afterwards.
        self._headers, self._iovecs = headers, iovecs
        self._fresh_headers, self._fresh_iovecs = headers[:], iovecs[:]
        # 4. See the arrays as integers: msg_len is what was received, iov_len what is to be sent.
        self.received: Sequence[int] = memoryview(headers).cast("I")
        # A memoryview is a mutable sequence of its items, though typing doesn't list it as one.
        self.answered = cast(MutableSequence[int], memoryview(iovecs).cast("L"))
        # 5. Declare the two calls, so that pointers are passed as integers.
        self._receive = self._libc.recvmmsg
        self._receive.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        self._send = self._libc.sendmmsg
        self._send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)

    def _offsets(self, index: int) -> Offsets:
        start = index * CAPACITY
        received = (index * ctypes.sizeof(_Header) + _Header.size.offset) // 4
        answered = (index * ctypes.sizeof(_Iovec) + _Iovec.size.offset) // ctypes.sizeof(ctypes.c_size_t)
        client = index * self._name_size + (8 if self.address_size == 16 else 4)
        return Offsets(index, start, start + 2, received, answered, client, client + self.address_size)

    def _forget_interfaces(self, count: int) -> None:
        """Keep the address that was asked, but let routing choose the interface, except for link-local clients."""
        offset = self._pktinfo or 0
        for index in range(count):
            if self._name_size == 16 or self.addresses[index * 28 + 8 : index * 28 + 10] != b"\xfe\x80":
                at = index * 64 + offset
                self._controls[at : at + 4] = b"\0\0\0\0"


class PlainBatch:
    """One message at a time. Wildcard sockets answer from the address that routing picks."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._peer: Peer = ("", 0)
        self.buffer = mmap.mmap(-1, CAPACITY)
        self.address_size = 16 if sock.family == socket.AF_INET6 else 4
        self.addresses = mmap.mmap(-1, self.address_size)
        self._size = [0]
        self.received: Sequence[int] = self._size
        self.answered: MutableSequence[int] = [0]
        self.offsets: tuple[Offsets, ...] = (Offsets(0, 0, 2, 0, 0, 0, self.address_size),)

    def receive(self, wait: bool) -> int:
        try:
            size, self._peer = self._socket.recvfrom_into(self.buffer, 0, 0 if wait else socket.MSG_DONTWAIT)
        except OSError as error:
            if error.errno not in _TRANSIENT:
                raise
            return 0
        self._size[0] = size
        self.addresses[:] = socket.inet_pton(self._socket.family, self._peer[0].partition("%")[0])
        return 1

    def recipient(self, index: int) -> LaterRecipient:
        return LaterRecipient(self._socket, self._peer)

    def send(self, count: int, dropped: Sequence[int] = ()) -> int:
        if dropped or not count:
            return 0
        try:
            self._socket.sendto(self.buffer[: self.answered[0]], self._peer)
        except OSError:
            return 0
        return 1


def _raise_unless_transient() -> None:
    number = ctypes.get_errno()
    if number not in _TRANSIENT:
        raise OSError(number, "recvmmsg failed")


def _address_of(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def _is_wildcard(sock: socket.socket) -> bool:
    return sock.getsockname()[0] in ("0.0.0.0", "::")  # noqa: S104  compared, not bound


def _ask_for_destination(sock: socket.socket) -> int:
    """Request each message's destination address; the offset of its interface index in the control data."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        return socket.CMSG_LEN(0) + 16
    sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    return socket.CMSG_LEN(0)
