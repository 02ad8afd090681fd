"""The updater without its process: requests go in, and replies come out."""

import itertools
from pathlib import Path
from time import monotonic

import dns.message
import dns.rcode
import dns.tsig
import dns.update

from zonegit.auth.tsigfile import new_tsig, read_tsig
from zonegit.daemon.channels import Arrival, Reply, Request
from zonegit.daemon.updater import Updater
from zonegit.dns.wire.message import Transport
from zonegit.model.names import to_text
from zonegit.ops.config import Config
from zonegit.ops.samples import Samples
from zonegit.repo import Repository

CLIENT = bytes((192, 0, 2, 1))


class Updating:
    """An updater over a repository. `keys` is a directory; each request gets an ident of its own."""

    def __init__(self, repository: Repository, config: Config) -> None:
        self.samples = Samples(memoryview(bytearray(1 << 16)))
        self.now = 1_767_225_600.0
        self.replies: dict[int, bytes] = {}
        self.updater = Updater(repository._store, config, self.samples, self._reply, lambda: self.now)
        self._idents = itertools.count(1)

    def _reply(self, channel: int, reply: Reply) -> None:
        assert channel == reply.ident % 2, "replies go to where the requests came from"
        assert reply.ident not in self.replies, "each request is answered once"
        self.replies[reply.ident] = reply.packet

    def came(self, packet: bytes, client: bytes = CLIENT, age: float = 0.0) -> Arrival:
        ident = next(self._idents)
        return Arrival(ident % 2, Request(ident, monotonic() - age, Transport.UDP, client, packet))

    def ask(self, *packets: bytes) -> list[bytes | None]:
        """The responses to packets that arrive together."""
        came = [self.came(packet) for packet in packets]
        self.updater.handle(came)
        return [self.replies.get(each.request.ident) for each in came]

    def rcode(self, message: dns.update.UpdateMessage, packet: bytes | None = None) -> dns.rcode.Rcode:
        """The rcode of the response to a signed message, whose signature dnspython has verified."""
        [answer] = self.ask(packet or message.to_wire())
        assert answer is not None
        return verified(message, answer).rcode()

    def counted(self) -> dict[tuple[str, str, str], float]:
        """How many UPDATEs there were by zone, key and result."""
        return {
            labels: values[0] for family, labels, values in self.samples.read() if family.name == "updates_total"
        }


def verified(message: dns.update.UpdateMessage, answer: bytes) -> dns.message.Message:
    found = dns.message.from_wire(answer, keyring=message.keyring, request_mac=message.mac)
    assert found.had_tsig
    return found


def new_key(directory: Path, name: str, algorithm: str = "hmac-sha256") -> dns.tsig.Key:
    """A key in a directory, as a client has it."""
    key = read_tsig(new_tsig(directory, name, algorithm, _random, legacy=True))
    wire = {"hmac-md5": "hmac-md5.sig-alg.reg.int"}.get(algorithm, algorithm)
    return dns.tsig.Key(to_text(key.name), key.secret, wire)


def adding(
    key: dns.tsig.Key | None, owner: str, address: str = "192.0.2.9", zone: str = "example.org."
) -> dns.update.UpdateMessage:
    message = dns.update.UpdateMessage(zone)
    message.add(owner, 60, "A", address)
    if key is not None:
        message.use_tsig(key)
    return message


def _random(count: int) -> bytes:
    import os

    return os.urandom(count)
