"""Who asks a query, and over what: all that an answer depends on beside the query itself."""

from collections.abc import Hashable
from typing import Final

from zonegit.dns.access.client_address import unmapped
from zonegit.dns.access.client_subnet import ClientSubnet
from zonegit.dns.wire.message import Query, Transport
from zonegit.model.names import WireName


class Requestor:
    """The client of one query, and what the choice of a version looked at.

    A plain class: one is made for each query, and a named tuple takes half as long again.
    """

    __slots__ = ("_decided", "client", "question", "reserve", "scope", "signer", "subnet", "transport")

    def __init__(
        self, client: bytes, transport: Transport, signer: WireName | None = None, reserve: int = 0
    ) -> None:
        self.client = client
        """Its address, 4 or 16 bytes."""
        self.transport = transport
        self.signer = signer
        """The TSIG key that the query was signed with; the signature was verified and stripped. Lowercase."""
        self.reserve = reserve
        """Bytes that a signature will take in each message of the response."""
        self.question: Query | None = None
        """The query, once it is parsed."""
        self.subnet: ClientSubnet | None = None
        """The network that it asks for, if it is trusted to tell one."""
        self.scope = 0
        """How many bits of `origin` the answer depends on: SCOPE PREFIX-LENGTH (RFC 7871 §6)."""
        self._decided: dict[Hashable, int | None] | None = None

    def signed(self, signer: WireName, reserve: int) -> "Requestor":
        """The same client, with a signature."""
        return Requestor(self.client, self.transport, signer, reserve)

    def extend_scope(self, bits: int) -> None:
        """Note that the answer depends on the first `bits` bits of `origin`, at least."""
        if bits > self.scope:
            self.scope = bits

    @property
    def decided(self) -> dict[Hashable, int | None]:
        """What each zone's routes decided for this query."""
        if self._decided is None:
            self._decided = {}
        return self._decided

    @property
    def origin(self) -> tuple[bytes, int]:
        """The address that decides which version is answered from, 4 or 16 bytes, and how many bits are known.

        It is in the network that the client asks for, if it tells any address of that, else its own.
        """
        if self.subnet is not None and self.subnet.source:
            return self.subnet.address, self.subnet.source
        client = unmapped(self.client)
        return client, 8 * len(client)


NOBODY: Final = Requestor(b"", Transport.UDP)
"""For what is made for no client in particular."""
