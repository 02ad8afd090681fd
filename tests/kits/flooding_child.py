"""Sends queries for random names to a DNS server over UDP and reads no answer, until its standard input ends.

It gives way to the server where both want the same core, and doesn't make up for what it couldn't send.
At the end it prints how many queries left, and in what time.
"""

import json
import os
import select
import socket
import sys
import time

STEP = 0.002
HEAD = b"\0\0\0\1\0\0\0\0\0\0"
TAIL = b"\7example\3org\0\0\1\0\1"


def main(port: int, rate: int) -> None:
    os.nice(10)
    burst = int(rate * STEP)
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
        began = due = time.monotonic()
        while not select.select([sys.stdin], [], [], max(due - time.monotonic(), 0))[0]:
            drawn = os.urandom(8 * burst).hex().encode()
            for at in range(0, 16 * burst, 16):
                try:
                    sock.send(drawn[at : at + 2] + HEAD + b"\x0e" + drawn[at + 2 : at + 16] + TAIL)
                except OSError:
                    continue
                sent += 1
            due = max(due + STEP, time.monotonic() - STEP)
        took = time.monotonic() - began
    print(json.dumps([sent, took]))


main(int(sys.argv[1]), int(sys.argv[2]))
