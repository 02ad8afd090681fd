"""A DHCP client, as a program: `lease MAC NAME` prints the address that it gets, `release MAC ADDRESS` returns one.

RFC 2131, over the interface `guest`, with the least that a server wants to see. It keeps no state, and leaves the
interface as it is.
"""

import socket
import struct
import sys
from typing import Final

INTERFACE: Final = b"guest"
SERVER: Final = "10.0.0.1"
COOKIE: Final = b"\x63\x82\x53\x63"
DISCOVER, OFFER, REQUEST, ACK, RELEASE = 1, 2, 3, 5, 7
HOST_NAME, REQUESTED, KIND, SERVER_ID = 12, 50, 53, 54


def message(kind: int, mac: bytes, options: dict[int, bytes], address: str = "0.0.0.0") -> bytes:
    """A message of a client, who asks for answers by broadcast."""
    fixed = struct.pack("!4BIHH4s12x6s10x64x128x", 1, 1, 6, 0, 7, 0, 0x8000, socket.inet_aton(address), mac)
    listed = {KIND: bytes((kind,)), **options}
    return fixed + COOKIE + b"".join(bytes((code, len(value))) + value for code, value in listed.items()) + b"\xff"


def kind_of(answer: bytes) -> int:
    """DHCP's own type of a message; servers put it first."""
    return answer[242]


def asked(sock: socket.socket, packet: bytes, kind: int) -> bytes:
    """The address in the answer of this kind."""
    while True:
        sock.sendto(packet, ("255.255.255.255", 67))
        try:
            answer = sock.recv(2000)
        except TimeoutError:
            continue
        if kind_of(answer) == kind:
            return answer[16:20]
        raise SystemExit(f"the server answered with a message of type {kind_of(answer)}, not {kind}")


def main(verb: str, mac_text: str, what: str) -> None:
    mac = bytes.fromhex(mac_text.replace(":", ""))
    server = socket.inet_aton(SERVER)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, INTERFACE)
        sock.bind(("0.0.0.0", 68))
        sock.settimeout(1)
        if verb == "release":
            sock.sendto(message(RELEASE, mac, {SERVER_ID: server}, what), (SERVER, 67))
            return
        name = {HOST_NAME: what.encode()}
        address = asked(sock, message(DISCOVER, mac, name), OFFER)
        chosen = {REQUESTED: address, SERVER_ID: server, **name}
        print(socket.inet_ntoa(asked(sock, message(REQUEST, mac, chosen), ACK)))


if __name__ == "__main__":
    main(*sys.argv[1:])
