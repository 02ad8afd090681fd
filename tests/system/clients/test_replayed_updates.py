"""What programs that can't be run in tests send, signed, to a server; BIND shows what they get elsewhere."""

import socket
from base64 import b64decode

import dns.message
import dns.name
import dns.tsig
import pytest

from daemonkit import DEADLINE
from replaykit import PROGRAMS, Replayed
from updatedkit import Key, Primary


def signed(packet: bytes, key: Key) -> bytes:
    """A message with a TSIG record, as miekg's library for Go makes them."""
    algorithm = dns.tsig.HMAC_MD5 if key.algorithm == "hmac-md5" else key.algorithm
    made = dns.tsig.Key(key.name, b64decode(key.secret), algorithm)
    message = dns.message.from_wire(packet)
    message.use_tsig(made, fudge=300)
    return message.to_wire(origin=dns.name.root)


def sent(primary: Primary, packet: bytes) -> bytes:
    """The answer over UDP, which most of them use."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((primary.address, primary.port))
        sock.settimeout(DEADLINE)
        sock.send(packet)
        return sock.recv(4096)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_each_program_gets_what_it_wants(primary: Primary, program: Replayed) -> None:
    for step in program.steps:
        packet = signed(step.packet, program.setup.key) if program.is_signed else step.packet
        answer = sent(primary, packet)
        assert answer[:2] == packet[:2]
        assert answer[3] & 15 == step.rcode
        assert primary.zone(program.setup.zone) == step.after
