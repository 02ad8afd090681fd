"""Just enough of DNS to see which serial a server answers with, and to take a transfer without looking at it.

Written for speed, so that the client isn't what is measured: a transfer's records are counted from the headers'
ANCOUNT (RFC 1035 §4.1.1) and never read.
"""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct
from typing import Final

from processes import MeasuringFailed

_HEADER: Final = Struct(">HHHHHH")
_SOA: Final = 6
AXFR: Final = 252
_LOOPBACK: Final = "127.0.0.1"
_TRANSFER_BUFFER: Final = 8 << 20


def query(name: str, qtype: int, ident: int = 1) -> bytes:
    """A query without EDNS and without RD."""
    labels = [label.encode() for label in name.rstrip(".").split(".")]
    wire = b"".join(bytes((len(label),)) + label for label in labels) + b"\0"
    return _HEADER.pack(ident, 0, 1, 0, 0, 0) + wire + qtype.to_bytes(2, "big") + b"\0\1"


def serial_of(response: bytes) -> int | None:
    """The serial of the SOA that a response begins its answer with; None if it has no such answer."""
    _, flags, questions, answers, _, _ = _HEADER.unpack_from(response)
    if flags & 0x000F or not answers or questions != 1:
        return None
    at = _after_name(response, _after_name(response, 12) + 4)
    size = int.from_bytes(response[at + 8 : at + 10], "big")
    if int.from_bytes(response[at : at + 2], "big") != _SOA:
        return None
    end = at + 10 + size
    return int.from_bytes(response[end - 20 : end - 16], "big")


def _after_name(message: bytes, at: int) -> int:
    while (length := message[at]) != 0:
        if length >= 0xC0:
            return at + 2
        at += 1 + length
    return at + 1


def ask_serial(port: int, zone: str, timeout: float = 0.5) -> int | None:
    """Ask a loopback server for a zone's SOA over UDP; None when it doesn't answer with one."""
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        try:
            client.connect((_LOOPBACK, port))
            client.send(query(zone, _SOA))
            return serial_of(client.recv(4096))
        except OSError:
            return None


def wait_for_serial(
    port: int,
    zone: str,
    serial: int,
    check: Callable[[], None],
    deadline: float = 300.0,
    pause: float = 0.05,
) -> float:
    """Wait until a server answers with this serial; returns when, on the clock of `time.perf_counter`.

    `check` is called now and then and raises when waiting has become pointless.
    """
    end = time.perf_counter() + deadline
    while True:
        found = ask_serial(port, zone)
        now = time.perf_counter()
        if found == serial:
            return now
        if now > end:
            raise MeasuringFailed(f"port {port} answers serial {found} for {zone}, not {serial}, {deadline} s on")
        check()
        time.sleep(pause)


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a zone transfer brought."""

    records: int
    """All of them, the closing SOA too."""
    size: int
    """Bytes, the length fields of TCP included."""
    messages: int
    seconds: float
    """From before the connection is made until the last byte is here."""


def take_transfer(port: int, request: bytes, records: int, timeout: float = 120.0) -> Transfer:
    """Ask for an AXFR or IXFR (RFC 5936, RFC 1995) and take it; it is over when exactly `records` have come."""
    counter = TransferCounter(records)
    buffer = bytearray(_TRANSFER_BUFFER)
    view = memoryview(buffer)
    start = time.perf_counter()
    with socket.create_connection((_LOOPBACK, port), timeout) as server:
        server.sendall(len(request).to_bytes(2, "big") + request)
        while not counter.done:
            held = counter.held
            got = server.recv_into(view[held:])
            if not got:
                raise MeasuringFailed(f"port {port} ended a transfer after {counter.records} of {records} records")
            counter.take(buffer, held + got)
    if counter.records != records:
        raise MeasuringFailed(f"port {port} sent {counter.records} records, not {records}")
    return Transfer(counter.records, counter.size, counter.messages, time.perf_counter() - start)


class TransferCounter:
    """Counts the records of messages in a TCP stream that arrives in a buffer."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self.records = 0
        self.size = 0
        self.messages = 0
        self.held = 0
        """Bytes of an unfinished message, which stand at the buffer's start."""

    @property
    def done(self) -> bool:
        return self.records >= self._expected

    def take(self, buffer: bytearray, end: int) -> None:
        """Count the whole messages in `buffer[:end]` and move what is left to the buffer's start."""
        at = 0
        while end - at >= 14:
            size = buffer[at] << 8 | buffer[at + 1]
            if end - at - 2 < size:
                break
            if buffer[at + 5] & 0x0F:
                raise MeasuringFailed(f"the transfer was answered with rcode {buffer[at + 5] & 0x0F}")
            self.records += buffer[at + 8] << 8 | buffer[at + 9]
            self.messages += 1
            at += 2 + size
        self.size += at
        self.held = end - at
        buffer[: self.held] = buffer[at:end]
