"""Who may do something: rules that each name a network, a TSIG key, or both.

`192.0.2.0/24` allows these clients with or without a signature, `key:NAME` any client that signs with the key, and
`192.0.2.0/24 key:NAME` these clients if they sign with it. One matching rule is enough; without rules nobody is
allowed. Signatures have been verified before.
"""

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final, NamedTuple

from zonegit.dns.access.client_address import unmapped
from zonegit.dns.wire.bounded_dict import BoundedDict
from zonegit.errors import ConfigError, InvalidName
from zonegit.model.names import WireName, from_text, lower, to_text

Network = IPv4Network | IPv6Network
MayTransfer = Callable[[WireName, bytes, WireName | None], bool]
"""`(apex, client, key)`: whether a client (4 or 16 address bytes) may transfer a zone. `key` is the one that its
query was signed with, None for a query without a signature."""
_KEY: Final = "key:"
_REMEMBERED: Final = 16_384


class Rule(NamedTuple):
    """One rule of an access list."""

    network: Network | None
    """None: any address."""
    key: WireName | None
    """Lowercase; None: with or without a signature."""

    @classmethod
    def parse(cls, text: str) -> "Rule":
        """Read `192.0.2.0/24`, `2001:db8::1`, `key:NAME`, or an address and a key; `ConfigError`."""
        words = text.split()
        keys = [word for word in words if word.startswith(_KEY)]
        networks = [word for word in words if not word.startswith(_KEY)]
        if not words or len(keys) > 1 or len(networks) > 1:
            raise ConfigError(f"{text[:80]!r} is not a rule: write 192.0.2.0/24, key:NAME or both")
        try:
            network = ip_network(networks[0]) if networks else None
        except ValueError:
            raise ConfigError(
                f"{networks[0][:80]!r} is not a network: write 192.0.2.0/24, 2001:db8::/32 or an address"
            ) from None
        return cls(network, key_name(keys[0].removeprefix(_KEY)) if keys else None)

    def __str__(self) -> str:
        parts = [] if self.network is None else [str(self.network)]
        if self.key is not None:
            parts.append(_KEY + to_text(self.key).removesuffix("."))
        return " ".join(parts)


def key_name(text: str) -> WireName:
    """A TSIG key's name as an operator writes it; `ConfigError`."""
    try:
        name = WireName(lower(from_text(text))) if text else WireName(b"\0")
    except InvalidName as error:
        raise ConfigError(str(error)) from None
    if len(name) == 1:
        raise ConfigError("a key has a name: write key:NAME")
    return name


class Acl(NamedTuple):
    """An access list: any of its rules allows."""

    rules: tuple[Rule, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Acl":
        return cls(tuple(Rule.parse(text) for text in texts))

    def allows(self, client: bytes, key: WireName | None) -> bool:
        """Whether a client (4 or 16 address bytes) is allowed; `key` is the one it signed with, None for none."""
        address = _address(client)
        return any(
            (rule.key is None or rule.key == key) and (rule.network is None or address in rule.network)
            for rule in self.rules
        )

    @property
    def keys(self) -> set[WireName]:
        """The keys that the rules name."""
        return {rule.key for rule in self.rules if rule.key is not None}


def _address(client: bytes) -> IPv4Address | IPv6Address:
    client = unmapped(client)
    return IPv4Address(client) if len(client) == 4 else IPv6Address(client)


class Clients:
    """Which clients a list of networks allows; remembered, so that a known address costs one look-up."""

    __slots__ = ("_acl", "_known")

    def __init__(self, acl: Acl) -> None:
        self._acl = acl
        self._known: BoundedDict[bytes, bool] = BoundedDict(_REMEMBERED)

    def __call__(self, client: bytes) -> bool:
        known = self._known.get(client)
        if known is None:
            known = self._known[client] = self._acl.allows(client, None)
        return known


LOOPBACK: Final = Acl((Rule(ip_network("127.0.0.0/8"), None), Rule(ip_network("::1/128"), None)))


def loopback_only(_zone: WireName, client: bytes, key: WireName | None) -> bool:
    """Who may transfer zones by default: this machine."""
    return LOOPBACK.allows(client, key)
