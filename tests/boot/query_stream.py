"""Sends a query each 2.5 ms for some seconds, never twice, and prints how many were sent and answered.

    query_stream.py SECONDS NAME

Runs in the machine under test with the system's python3 alone.
"""

import select
import socket
import sys
import time

RATE = 400


def main() -> None:
    seconds, name = float(sys.argv[1]), sys.argv[2]
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    question = labels + b"\0\0\1\0\1"
    total = int(seconds * RATE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", 53))
        sock.setblocking(False)
        started = time.monotonic()
        answered = set()
        sent = 0
        print("started", flush=True)
        while sent < total or (len(answered) < sent and time.monotonic() < started + seconds + 5):
            while sent < total and time.monotonic() >= started + sent / RATE:
                sock.send(sent.to_bytes(2, "big") + b"\0\0\0\1\0\0\0\0\0\0" + question)
                sent += 1
            pause = started + sent / RATE - time.monotonic() if sent < total else 0.1
            if select.select([sock], [], [], max(pause, 0))[0]:
                try:
                    answered.add(int.from_bytes(sock.recv(4096)[:2], "big"))
                except OSError:
                    continue
    print(sent, len(answered), flush=True)


if __name__ == "__main__":
    main()
