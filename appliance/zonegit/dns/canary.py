"""Which clients see a canary: a stable hash of the client's network, never of the single address."""

from dataclasses import dataclass

from blake3 import blake3

from zonegit.dns.clients import unmapped
from zonegit.tree.version import ZoneVersion


def bucket(client: bytes, salt: str) -> int:
    """The bucket, 0 to 99, of a client's /24 (4 bytes) or /48 (16 bytes)."""
    client = unmapped(client)
    network = b"4" + client[:3] if len(client) == 4 else b"6" + client[:6]
    return int.from_bytes(blake3(network + salt.encode()).digest(8), "big") % 100


@dataclass(frozen=True, slots=True)
class Canary:
    """A version that a share of the clients gets instead of the zone's own."""

    version: ZoneVersion
    percent: int
    """Of all client networks; 0 to 100."""
    salt: str = ""
    fallback: ZoneVersion | None = None
    """The same commit read another way, for when `version` raises `CorruptStore`."""

    def takes(self, client: bytes) -> bool:
        """Whether this client (4 or 16 address bytes) sees the canary."""
        return bucket(client, self.salt) < self.percent
