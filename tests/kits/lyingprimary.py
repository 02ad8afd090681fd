"""A primary on loopback that answers as it should, until it is told to lie: `primary.lie = "wrong-id"`.

It serves the versions of one zone over TCP or TLS, and SOA records over UDP, too. With a key it signs every
message. The lies are in `lies_about_messages` and `lies_about_zones`.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

import lies_about_messages  # noqa: F401 - adds its scripts to the table
import lies_about_zones  # noqa: F401
from lies import CLOSE, LIES, SILENCE, Item, Part, Raw, Scene
from primarykit import APEX, AXFR, SOA, Ask, Version, a, differences, message, ns, read_query, whole
from zonegit.dns.access import tsig
from zonegit.model.names import to_text
from zonegit.ops.address import Address
from zonegit.ops.primaries import Primary

_QUIET = 0.2
"""Seconds after which a thread looks whether it is to end."""


class LyingPrimary:
    """Use it as a context manager. `versions` may be changed at any time; the last one is served."""

    def __init__(self, key: tsig.TsigKey | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.key = key
        self.lie: str | None = None
        self.clock = time.time
        self.asked: list[Ask] = []
        """Every query that came."""
        self.connections = 0
        """How many were made so far."""
        self.signs_datagrams = True
        self.versions = [Version.of(1, [ns(), a("ns", 1), a("www", 1)])]
        self._tls = tls
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.port))
        self._open: list[socket.socket] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._accept, self._datagrams)]

    @property
    def primary(self) -> Primary:
        """As in the configuration."""
        key = None if self.key is None else self.key.name
        return Primary(Address("127.0.0.1", self.port), key, self._tls is not None)

    @property
    def text(self) -> str:
        """The same, as it is written there."""
        return str(self.primary)

    def add(self, *records: bytes, without: tuple[bytes, ...] = ()) -> int:
        """A next version with these records, and without those. Returns its serial."""
        last = self.versions[-1]
        kept = [each for each in last.records if each not in without]
        self.versions.append(Version.of(last.serial + 1, [*kept, *records]))
        return last.serial + 1

    def drop(self) -> None:
        """Close all connections."""
        while self._open:
            with suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for sock in (self._tcp, self._udp):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(30)

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                sock, _ = self._tcp.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            thread = threading.Thread(target=self._serve, args=(sock,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        with suppress(OSError), sock:
            stream = sock if self._tls is None else self._tls.wrap_socket(sock, server_side=True)
            stream.settimeout(_QUIET)
            with stream:
                while query := self._query(stream):
                    if not self._answer(stream, query):
                        return

    def _query(self, sock: socket.socket) -> bytes:
        size = self._exactly(sock, 2)
        return self._exactly(sock, int.from_bytes(size, "big")) if size else b""

    def _exactly(self, sock: socket.socket, count: int) -> bytes:
        got = b""
        while len(got) < count and not self._ended.is_set():
            try:
                part = sock.recv(count - len(got))
            except TimeoutError:
                continue
            if not part:
                return b""
            got += part
        return got if len(got) == count else b""

    def _answer(self, sock: socket.socket, packet: bytes) -> bool:
        """Whether the connection goes on."""
        sock.settimeout(30)
        for item in self._items(packet):
            if item is SILENCE:
                self._ended.wait(30)
                return False
            if item is CLOSE or self._ended.is_set():
                return False
            data = item.data if isinstance(item, Part) else _frame(item)
            sock.sendall(data)
            if isinstance(item, Part):
                return False
        sock.settimeout(_QUIET)
        return True

    def _items(self, packet: bytes, *, signing: bool = True) -> Iterator[Item]:
        """What is sent: signed, unless the lie sends it raw."""
        ask = read_query(packet)
        self.asked.append(ask)
        signature = None
        if self.key is not None and ask.record is not None and signing:
            signature = tsig.Signature(self.key, ask.record.mac)
        told = self.lie
        scene = Scene(ask, tuple(self.versions), self.key, self.clock, self._ended.wait)
        for item in self._honest(ask) if told is None or ask.qtype == SOA else LIES[told].tell(scene):
            if isinstance(item, bytes) and signature is not None:
                yield signature.sign(item, int(self.clock()))
            else:
                yield item

    def _honest(self, ask: Ask) -> list[bytes]:
        newest = self.versions[-1]
        if ask.apex != APEX:
            return [message(ask, [], rcode=9)]
        if ask.qtype == SOA or ask.known == newest.serial:
            return [message(ask, [newest.soa])]
        since = [each for each in self.versions if ask.known is not None and each.serial >= ask.known]
        if ask.qtype == AXFR or not since or since[0].serial != ask.known:
            return whole(ask, newest)
        return differences(ask, since)

    def _datagrams(self) -> None:
        while not self._ended.is_set():
            try:
                packet, client = self._udp.recvfrom(4096)
                if not packet:
                    continue
                for item in self._items(packet, signing=self.signs_datagrams):
                    if isinstance(item, bytes):
                        self._udp.sendto(item, client)
            except OSError:
                if self._ended.is_set():
                    return


def _frame(item: Item) -> bytes:
    data = item.data if isinstance(item, Raw) else item
    assert isinstance(data, bytes)
    return len(data).to_bytes(2, "big") + data


@contextmanager
def lying(lie: str | None = None, key: tsig.TsigKey | None = None) -> Iterator[LyingPrimary]:
    """A running primary that tells this lie."""
    with LyingPrimary(key) as primary:
        primary.lie = lie
        yield primary


ZONE = to_text(APEX)
