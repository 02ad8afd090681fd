"""The setting `routes` of a zone: rules that choose the branch a client is answered from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from zonegit.dns.routes.checker import ASN, COUNTRY, read
from zonegit.dns.routes.expression import Expression, fields
from zonegit.errors import ConfigError
from zonegit.ops import values

MOST: Final = 64
"""The most routes of a zone."""
_FORM: Final = 'write { when = \'client.subnet in "192.0.2.0/24"\', branch = "internal" }'
_KEYS: Final = ("when", "branch")


class Route(NamedTuple):
    """One rule."""

    when: Expression
    branch: str


class Known(Protocol):
    """The files that tell facts about addresses (`ops.config.DnsConfig`)."""

    @property
    def country_db(self) -> Path | None: ...

    @property
    def asn_db(self) -> Path | None: ...


def routes(value: object) -> tuple[Route, ...]:
    """A list of tables, each with `when` (an expression) and `branch`. `ConfigError`."""
    if not isinstance(value, list):
        raise ConfigError(f"{str(value)[:80]!r} is not a list of routes: {_FORM}")
    if len(value) > MOST:
        raise ConfigError(f"there are {len(value)} routes: write at most {MOST}")
    return tuple(_route(number, each) for number, each in enumerate(value, 1))


def check_facts(zone: str, found: Sequence[Route], known: Known) -> None:
    """`ConfigError` if a route of a zone's table tests what no file tells."""
    for number, route in enumerate(found, 1):
        tested = fields(route.when)
        for field, key, path in ((COUNTRY, "country_db", known.country_db), (ASN, "asn_db", known.asn_db)):
            if field in tested and path is None:
                why = f'route {number} of [zone."{zone}"] tests {field}: set {key!r} in [dns]'
                raise ConfigError(why, ("zone", zone, "routes"))


def _route(number: int, found: object) -> Route:
    if not isinstance(found, dict):
        raise ConfigError(f"route {number} is not a table: {_FORM}")
    for key in found:
        if key not in _KEYS:
            raise ConfigError(f"route {number} has the unknown key {str(key)[:40]!r}: {_FORM}")
    for key in _KEYS:
        if key not in found:
            raise ConfigError(f"route {number} has no {key!r}: {_FORM}")
    try:
        return Route(read(values.text_value(found["when"])), values.branch(found["branch"]))
    except ConfigError as error:
        raise ConfigError(f"route {number}: {error}") from None
