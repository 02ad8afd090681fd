"""The table `dnssec` of a zone in the configuration: its keys, and what is refused.

Algorithms are those of RFC 8624 §3.1. There is no setting for iterations or a salt of NSEC3: RFC 9276 §3.1 wants
none of them.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import Any, Final, TypeVar

from zonegit.dnssec.pkcs11_uri import read_uri
from zonegit.dnssec.policy import DAY, Algorithm, Denial, DnssecPolicy, KeyLayout
from zonegit.errors import ConfigError, DnssecError
from zonegit.ops import values
from zonegit.ops.address import Address

Reader = Callable[[object], Any]
E = TypeVar("E", bound=StrEnum)

_YEAR: Final = 366 * DAY
_ALONE: Final = 3 * DAY
"""The least validity for which `renew_before` is chosen."""
_EXAMPLE: Final = "pkcs11:token=LABEL?module-path=/LIBRARY.so&pin-source=/FILE"
_FORBIDDEN: Final = {
    **dict.fromkeys(("rsamd5", "dsa", "dsa-nsec3-sha1", "ecc-gost"), "RFC 8624 §3.1 forbids signing with"),
    **dict.fromkeys(
        ("rsasha1", "rsasha1-nsec3-sha1", "nsec3rsasha1", "rsasha512"), "RFC 8624 §3.1 advises against signing with"
    ),
    "ed448": "zonegit doesn't sign with",
}
_NUMBERS: Final = {
    1: "rsamd5",
    3: "dsa",
    5: "rsasha1",
    6: "dsa-nsec3-sha1",
    7: "rsasha1-nsec3-sha1",
    10: "rsasha512",
    12: "ecc-gost",
    16: "ed448",
} | {number.value: number.name.lower() for number in Algorithm}
_ALGORITHMS: Final = ", ".join(
    each.name.lower()
    for each in (Algorithm.ECDSAP256SHA256, Algorithm.ED25519, Algorithm.ECDSAP384SHA384, Algorithm.RSASHA256)
)


def algorithm(value: object) -> Algorithm:
    """The algorithm by its mnemonic, in any case."""
    if type(value) is int and value in _NUMBERS:
        raise ConfigError(f"{value} is {_NUMBERS[value]}: write the name, in quotes")
    name = values.text_value(value).lower()
    if name in _FORBIDDEN:
        raise ConfigError(f"{_FORBIDDEN[name]} {name}: use one of {_ALGORITHMS}")
    try:
        return Algorithm[name.upper()]
    except KeyError:
        raise ConfigError(f"{value!r} is not an algorithm: write {_ALGORITHMS}") from None


def lifetime(value: object) -> int | None:
    """Seconds, or None for `unlimited`."""
    return None if value == "unlimited" else values.span(value, 3600, 10 * _YEAR, "'unlimited' or ")


def parent(value: object) -> tuple[str, ...]:
    """Name servers, each `ADDRESS` or `ADDRESS:PORT`."""
    return tuple(_server(text) for text in values.texts(value))


def token(value: object) -> str:
    """The PKCS#11 URI of a token (RFC 7512)."""
    text = values.text_value(value)
    try:
        key = read_uri(text)
    except DnssecError as error:
        raise ConfigError(f'{error}; write "{_EXAMPLE}"') from None
    if key.label or key.id:
        raise ConfigError("it names a key: name only the token, in which each zone's keys are made")
    return text


def _server(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return str(Address.parse(text))


def _one_of(kind: type[E], what: str) -> Callable[[object], E]:
    def read(value: object) -> E:
        try:
            return kind(values.text_value(value))
        except ValueError:
            raise ConfigError(f"{value!r} is not {what}: write {', '.join(kind)}") from None

    return read


DNSSEC: Final[Mapping[str, Reader]] = {
    "algorithm": algorithm,
    "keys": _one_of(KeyLayout, "a choice of keys"),
    "denial": _one_of(Denial, "a kind of denial"),
    "validity": lambda value: values.span(value, 60, _YEAR),
    "renew_before": lambda value: values.span(value, 1, _YEAR),
    "zsk_lifetime": lifetime,
    "parent": parent,
    "zonemd": values.boolean,
    "dnskey_ttl": lambda value: values.span(value, 1, 7 * DAY),
    "propagation_delay": lambda value: values.span(value, 0, 30 * DAY),
    "token": token,
}
"""The keys of `[zone."...".dnssec]`."""


def check(policy: DnssecPolicy) -> None:
    """`ConfigError` if signatures would have to be renewed as soon as they are made."""
    if policy.validity is None:
        return
    if policy.renew_before is None:
        if policy.validity < _ALONE:
            raise ConfigError(f"a validity of less than {values.span_text(_ALONE)} needs a renew_before, too")
        return
    early = min(DAY, policy.validity // 4)
    if policy.renew_before >= policy.validity - early:
        raise ConfigError(
            f"renew_before must be less than validity minus {values.span_text(early)}: "
            "signatures end up to that much earlier, so that they don't all end at once"
        )
