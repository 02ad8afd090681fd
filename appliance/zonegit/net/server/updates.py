"""What a `/v0` server needs in order to take UPDATE messages; the daemon has it."""

from typing import Protocol

from zonegit.auth.key import Key
from zonegit.sync.server import Reply


class Updates(Protocol):
    """Answers the requests of `sync.update_wire`."""

    async def answer(self, key: Key, content_type: str, body: bytes, address: str) -> Reply:
        """The reply to an authentic request with this key, from this IP address."""
        ...
