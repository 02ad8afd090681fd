"""Asks a DNS server over UDP until its standard input ends; then it prints the seconds that each answer took."""

import json
import os
import select
import socket
import sys
import time
from contextlib import suppress

QUERY = b"\0\7\0\0\0\1\0\0\0\0\0\0\3www\7example\3org\0\0\1\0\1"


def main(port: int) -> None:
    taken = []
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)  # who asks has a processor of its own, as an attacker has
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(20)
        while not select.select([sys.stdin], [], [], 0.002)[0]:
            started = time.perf_counter()
            sock.send(QUERY)
            answer = sock.recv(4096)
            taken.append(time.perf_counter() - started)
            assert not answer[3] & 15
    print(json.dumps(taken))


main(int(sys.argv[1]))
