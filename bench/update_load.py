"""Sends UPDATE messages from so many UDP clients; each waits for its response before it sends the next one.

All messages are made and signed before the first one is sent. It prints what came of them as JSON.
"""

import json
import os
import select
import socket
import struct
import sys
import time
from argparse import ArgumentParser
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator

from zonegit.dns.access.tsig import Signature, TsigKey
from zonegit.model.names import WireName, from_text, lower

_HEADER = struct.Struct(">6H")
_UPDATE = 5 << 11
_PATIENCE = 5.0
"""Seconds after which a client sends the same message again."""


def message(ident: int, apex: WireName, owner: bytes, address: bytes) -> bytes:
    """An UPDATE that adds one A record."""
    zone = apex + b"\0\6\0\1"
    record = bytes((len(owner),)) + owner + b"\xc0\x0c" + b"\0\1\0\1\0\0\0\x3c\0\4" + address
    return _HEADER.pack(ident, _UPDATE, 1, 0, 1, 0) + zone + record


def messages(apex: WireName, key: TsigKey, client: int, first: int, count: int) -> Iterator[bytes]:
    """Signed messages, each for a name of its own."""
    now = int(time.time())
    for number in range(first, first + count):
        owner = b"u%d-%d" % (client, number)
        plain = message(number & 0xFFFF, apex, owner, (0x0A000000 | number & 0xFFFFFF).to_bytes(4, "big"))
        yield Signature(key).sign(plain, now)


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("apex")
    parser.add_argument("key", help="NAME:SECRET, for HMAC-SHA256")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--first", type=int, default=0, help="the number of the first name")
    parser.add_argument("--count", type=int, default=1000, help="the most messages of a client")
    args = parser.parse_args()
    name, _, secret = args.key.partition(":")
    key = TsigKey(WireName(lower(from_text(f"{name}."))), "hmac-sha256", b64decode(secret))
    apex = from_text(args.apex)
    made = [list(messages(apex, key, client, args.first, args.count)) for client in range(args.clients)]
    print(json.dumps(measured(args.port, made, args.seconds)))


def measured(port: int, made: list[list[bytes]], seconds: float) -> dict[str, object]:
    """Send them for so long; the rate of responses, how long each took, the rcodes."""
    poll = select.epoll()
    socks: dict[int, tuple[socket.socket, Iterator[bytes]]] = {}
    sent: dict[int, tuple[float, bytes]] = {}
    for packets in made:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.connect(("127.0.0.1", port))
        poll.register(sock, select.EPOLLIN)
        socks[sock.fileno()] = sock, iter(packets)
    times: list[float] = []
    rcodes: Counter[int] = Counter()
    again = 0
    began = time.perf_counter()
    end = began + seconds
    for fd, (sock, packets) in socks.items():
        packet = next(packets)
        sent[fd] = time.perf_counter(), packet
        sock.send(packet)
    while sent and time.perf_counter() < end:
        ready = poll.poll(0.1)
        for fd, _ in ready:
            sock, packets = socks[fd]
            answer = sock.recv(1024)
            now = time.perf_counter()
            since, packet = sent[fd]
            if answer[:2] != packet[:2]:
                continue
            times.append(now - since)
            rcodes[answer[3] & 15] += 1
            following = next(packets, None)
            if following is None:
                del sent[fd]
            else:
                sent[fd] = now, following
                sock.send(following)
        if not ready:
            now = time.perf_counter()
            for fd, (since, packet) in sent.items():
                if now - since > _PATIENCE:
                    again += 1
                    socks[fd][0].send(packet)
    took = time.perf_counter() - began
    return {"rate": len(times) / took, "times": times, "rcodes": dict(rcodes), "again": again}


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    sys.exit(main())
