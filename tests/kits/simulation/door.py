"""Who may ask a node, and how others ask it: signed requests, keys that are being rotated, clocks that differ.

All nodes share a key. A rotation takes three stages, and no node is more than one ahead of another:

    stage   takes   signs with
    3k      k       k
    3k+1    k, k+1  k
    3k+2    k, k+1  k+1
"""

from collections.abc import Callable
from typing import NamedTuple

from blake3 import blake3

from zonegit.auth.gate import Gate, Grant, Refusal, Signer
from zonegit.auth.key import Key, State
from zonegit.auth.keyring import Keyring
from zonegit.auth.scheme import Call
from zonegit.auth.scope import parse_scope

SCOPES = (parse_scope("read:*"), parse_scope("push:*"))
ADDRESS = "192.0.2.1"


def keys_at(stage: int) -> list[Key]:
    """The keys of a node at a stage."""
    number, phase = divmod(stage, 3)
    states = {0: [State.SIGN], 1: [State.SIGN, State.ACCEPT], 2: [State.ACCEPT, State.SIGN]}[phase]
    return [_key(number + at, state) for at, state in enumerate(states)]


def _key(number: int, state: State) -> Key:
    secret = blake3(b"key %d" % number).digest()
    return Key.derive(f"k{number}", secret, scopes=SCOPES, state=state)


class Signed(NamedTuple):
    """A request's authority."""

    header: bytes
    mac: str
    key: Key
    stage: int
    """That of the node which signed it."""


class Door:
    """Of one node."""

    def __init__(self, name: str, stage: int, clock: Callable[[], float], random: Callable[[int], bytes]) -> None:
        self.stage = stage
        self._clock = clock
        self._random = random
        self._gate = Gate(name, Keyring(keys_at(stage)), clock)
        self._signers: dict[str, Signer] = {}

    def rotate(self) -> None:
        """Go on to the next stage."""
        self.stage += 1
        self._gate.keyring = Keyring(keys_at(self.stage))
        for signer in self._signers.values():
            signer.use_keys(self._signing())

    def signer(self, peer: str) -> Signer:
        """What signs requests to a peer."""
        if peer not in self._signers:
            self._signers[peer] = Signer(peer, self._signing(), self._clock, self._random)
        return self._signers[peer]

    def sign(self, peer: str, call: Call, body: bytes) -> Signed:
        signer = self.signer(peer)
        key = signer.key
        header, mac = signer.sign(call, blake3(body).digest(), key)
        return Signed(header.encode(), mac, key, self.stage)

    def check(self, call: Call, signed: Signed, body: bytes, verb: str) -> Grant | Refusal:
        """What a server says to a request."""
        pending = self._gate.begin(call, [signed.header], ADDRESS)
        if isinstance(pending, Refusal):
            return pending
        return self._gate.finish(pending, blake3(body).digest(), verb)

    def _signing(self) -> list[Key]:
        return [key for key in keys_at(self.stage) if key.state is not State.RETIRED]
