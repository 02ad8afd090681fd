"""The network that a resolver asks for, in an option of its query (EDNS Client Subnet, RFC 7871).

    family (2) | source prefix length (1) | scope prefix length (1) | the address, as far as the source prefix goes

The response repeats the option; its scope says how much of the address the answer depends on.
"""

from ipaddress import ip_address
from struct import Struct
from typing import Final, NamedTuple

CLIENT_SUBNET: Final = 8
"""The option's code (RFC 7871 §6)."""
_HEAD: Final = Struct(">HHHBB")
"""Code and size of the option, family, source and scope."""
_FIELDS: Final = Struct(">HBB")
_SIZES: Final = {1: 4, 2: 16}
"""Bytes of an address by family."""


class ClientSubnet(NamedTuple):
    """A network, as a resolver told it."""

    family: int
    """1 for IPv4, 2 for IPv6; 0 is allowed if no address is told, as in BIND 9.18."""
    source: int
    """How many bits of the address are told; 0: the client wants its network to be kept secret."""
    prefix: bytes
    """The bytes of the address as the option has them."""

    @property
    def address(self) -> bytes:
        """The first address of the network, 4 or 16 bytes; empty if no address is told."""
        return self.prefix.ljust(_SIZES[self.family], b"\0") if self.source else b""

    def answer(self, scope: int) -> bytes:
        """The whole option for a response. `scope` counts only if an address was told."""
        scope = scope if self.source else 0
        return _HEAD.pack(CLIENT_SUBNET, 4 + len(self.prefix), self.family, self.source, scope) + self.prefix


def read_answered(data: bytes) -> str | None:
    """A response's option as dig shows it, `192.0.2.0/24/16`: the network and its scope. None if malformed."""
    found = read_subnet(data[:3] + b"\0" + data[4:]) if len(data) >= _FIELDS.size else None
    if found is None:
        return None
    address = ip_address(found.address or bytes(_SIZES.get(found.family, 4)))
    return f"{address}/{found.source}/{data[3]}"


def read_subnet(data: bytes) -> ClientSubnet | None:
    """The network in a query's option; None if that is malformed: FORMERR (RFC 7871 §7.2.1).

    Malformed are: an unknown family, a scope, and an address that has not exactly the bytes that the source prefix
    needs, or bits beyond it.
    """
    if len(data) < _FIELDS.size:
        return None
    family, source, scope = _FIELDS.unpack_from(data)
    prefix = data[_FIELDS.size :]
    if scope or source > 8 * _SIZES.get(family, 0) or (family not in _SIZES and family):
        return None
    if len(prefix) != -(-source // 8) or (source % 8 and prefix[-1] & 0xFF >> source % 8):
        return None
    return ClientSubnet(family, source, prefix)
