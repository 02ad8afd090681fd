"""Which clients see a canary: chosen by a stable hash of the client's network, not of its address."""

from typing import Final, NamedTuple

from blake3 import blake3

from zonegit.dns.access.client_address import unmapped
from zonegit.dns.wire.message import Sender
from zonegit.tree.version import ZoneVersion

_ALL: Final = 100


def bucket(client: bytes, salt: str) -> int:
    """The bucket, 0 to 99, of a client's /24 (4 bytes) or /48 (16 bytes)."""
    client = unmapped(client)
    network = b"4" + client[:3] if len(client) == 4 else b"6" + client[:6]
    return int.from_bytes(blake3(network + salt.encode()).digest(8), "big") % _ALL


class Canary(NamedTuple):
    """A version that a share of the clients sees instead of the zone's current one."""

    version: ZoneVersion
    percent: int
    """Of all client networks; 0 to 100."""
    salt: str = ""
    fallback: ZoneVersion | None = None
    """The same commit from another source, used if `version` raises `CorruptStore`."""

    def includes(self, sender: Sender) -> bool:
        """Whether this client sees the canary; not if too little of its address is known."""
        if self.percent in (0, _ALL):
            return self.percent == _ALL
        address, known = sender.origin
        needed = 24 if len(address) == 4 else 48
        sender.extend_scope(needed)
        return known >= needed and bucket(address, self.salt) < self.percent
