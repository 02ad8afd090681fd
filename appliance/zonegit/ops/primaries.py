"""The servers that a zone is transferred from: `primaries` in its table.

Each is an address, behind `tls://` if it is asked over TLS (RFC 9103). `key:NAME` is the TSIG key of both sides,
`name:NAME` the name that the server's certificate has to have. Host names aren't taken: to resolve them, the daemon
would need a resolver, which may itself depend on the zone.
"""

from typing import Final, NamedTuple

from zonegit.dns.access.acl import key_name
from zonegit.errors import ConfigError, InvalidName
from zonegit.model.names import WireName, from_text, lower, to_text
from zonegit.ops import values
from zonegit.ops.address import Address

MOST: Final = 16
"""Primaries of one zone."""
_TLS: Final = "tls://"
_KEY: Final = "key:"
_NAME: Final = "name:"
_PORT: Final = 53
_TLS_PORT: Final = 853
_FORM: Final = "write 192.0.2.1, 192.0.2.1:53 key:NAME or tls://192.0.2.1 name:ns1.example.org key:NAME"


class Primary(NamedTuple):
    """A server that a zone is transferred from."""

    address: Address
    key: WireName | None = None
    """The TSIG key that signs the queries and must sign every message of the transfer; None: nothing is signed."""
    tls: bool = False
    tls_name: str | None = None
    """The name that the server's certificate must have, without a final dot; None: any certificate will do."""

    @classmethod
    def parse(cls, text: str) -> "Primary":
        """Read one server as in the configuration; `ConfigError`."""
        place, *options = text.split() or [""]
        tls = place.startswith(_TLS)
        keys = [option.removeprefix(_KEY) for option in options if option.startswith(_KEY)]
        names = [option.removeprefix(_NAME) for option in options if option.startswith(_NAME)]
        if len(keys) > 1 or len(names) > 1 or len(keys) + len(names) < len(options):
            raise ConfigError(f"{text[:80]!r} is not a primary: {_FORM}")
        if names and not tls:
            raise ConfigError(f"{text[:80]!r} has a name, but only a server with TLS is checked for it: {_FORM}")
        try:
            address = Address.with_port(place.removeprefix(_TLS), _TLS_PORT if tls else _PORT)
        except ConfigError:
            raise ConfigError(f"{text[:80]!r} is not a primary: {_FORM}") from None
        if address.port == 0:
            raise ConfigError(f"{text[:80]!r} has port 0: leave the port out, or write the primary's")
        key = key_name(keys[0]) if keys else None
        return cls(address, key, tls, _certificate_name(names[0]) if names else None)

    def __str__(self) -> str:
        """The server as in the configuration, with its port."""
        key = [] if self.key is None else [_KEY + to_text(self.key).removesuffix(".")]
        name = [] if self.tls_name is None else [_NAME + self.tls_name]
        return " ".join([f"{_TLS if self.tls else ''}{self.address}", *name, *key])


def primaries(value: object) -> tuple[Primary, ...]:
    """The value of the key `primaries`; `ConfigError`."""
    found = tuple(Primary.parse(text) for text in values.texts(value))
    if not found:
        raise ConfigError("the list is empty: name a server, or leave the key out if the zone is written here")
    if len(found) > MOST:
        raise ConfigError(f"there are {len(found)} primaries: write at most {MOST}")
    places = [(each.address, each.tls) for each in found]
    if twice := next((place for place in places if places.count(place) > 1), None):
        raise ConfigError(f"{twice[0]} is named twice: write each primary once")
    return found


def _certificate_name(text: str) -> str:
    try:
        return to_text(lower(from_text(text))).removesuffix(".") if text.strip(".") else _nameless()
    except InvalidName as error:
        raise ConfigError(str(error)) from None


def _nameless() -> str:
    raise ConfigError(f"the name of the primary's certificate is empty: {_FORM}")
