"""Countries and autonomous systems of addresses, from files in MaxMind's format (`country_db` and `asn_db`).

The files are read into memory, so that a lookup does no I/O and a file may be replaced at any time; a reload reads
them again. The package `maxminddb` is optional: it is imported only here, and only if a file is configured.
"""

import logging
from collections.abc import Callable, Mapping
from importlib import import_module
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol, cast

from zonegit.dns.routes.facts import NoPlaces, Places
from zonegit.dns.wire.bounded_dict import BoundedDict
from zonegit.errors import ConfigError
from zonegit.ops import log
from zonegit.ops.config import Config, DnsConfig

_Record = Mapping[str, Any]  # what a file holds; checked where it is used
_REMEMBERED: Final = 16_384
"""The most addresses whose records are remembered: a lookup takes some 20 µs."""

_logger: Final = logging.getLogger(__name__)


class _Reader(Protocol):
    """A file that was read (`maxminddb.reader.Reader`)."""

    def get_with_prefix_len(self, ip_address: IPv4Address | IPv6Address) -> tuple[_Record | None, int]: ...


class _Database:
    """One fact about addresses. Never raises: an address whose record can't be read is unknown."""

    def __init__(self, path: Path, value: Callable[[_Record], object]) -> None:
        self._reader = _opened(path)
        self._value = value
        self._known: BoundedDict[bytes, tuple[object, int]] = BoundedDict(_REMEMBERED)

    def find(self, address: bytes) -> tuple[object, int]:
        """The fact, None if it is unknown, and for how many bits of the address it holds."""
        known = self._known.get(address)
        if known is None:
            try:
                record, bits = self._reader.get_with_prefix_len(ip_address(address))
                known = (None if record is None else self._value(record)), bits
            except Exception:  # a damaged record, or an IPv6 address in a file of IPv4 addresses
                known = None, 8 * len(address)
            self._known[address] = known
        return known


class GeoPlaces:
    """`dns.routes.facts.Places` from the files of a configuration."""

    def __init__(self, dns: DnsConfig) -> None:
        """`ConfigError` if a file can't be used."""
        self._country = None if dns.country_db is None else _Database(dns.country_db, _country_of)
        self._asn = None if dns.asn_db is None else _Database(dns.asn_db, _asn_of)

    def country(self, address: bytes) -> tuple[str | None, int]:
        found, bits = (None, 0) if self._country is None else self._country.find(address)
        return (found if isinstance(found, str) else None), bits

    def asn(self, address: bytes) -> tuple[int | None, int]:
        found, bits = (None, 0) if self._asn is None else self._asn.find(address)
        return (found if isinstance(found, int) else None), bits


def places_of(config: Config) -> Places:
    """What is known of addresses by a configuration. `ConfigError` if a file can't be used."""
    dns = config.dns
    return NoPlaces() if dns.country_db is None and dns.asn_db is None else GeoPlaces(dns)


class SharedPlaces:
    """The same places for all threads of a process, read again for each new configuration.

    The supervisor has checked the files. If one has become unusable since, what was read before stays.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._config: Config | None = None
        self._places: Places = NoPlaces()

    def __call__(self, config: Config) -> Places:
        with self._lock:
            if config is not self._config:
                self._config = config
                try:
                    self._places = places_of(config)
                except ConfigError as error:
                    log.event(_logger, "cannot read where addresses are", logging.ERROR, error=error)
            return self._places


def _opened(path: Path) -> _Reader:
    try:
        maxminddb = import_module("maxminddb")
    except ImportError:
        raise ConfigError(
            f"reading {path} needs the Python package maxminddb: install it beside zonegit (`zonegit[geo]`)"
        ) from None
    try:
        return cast(_Reader, maxminddb.open_database(str(path), maxminddb.MODE_MEMORY))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from None
    except Exception as error:  # maxminddb's own, and what a damaged file makes it raise
        raise ConfigError(f"{path} is not a file in MaxMind's format (.mmdb): {error}") from None


def _country_of(record: _Record) -> object:
    """Where an address is; where it is registered if that isn't known."""
    return (record.get("country") or record.get("registered_country") or {}).get("iso_code")


def _asn_of(record: _Record) -> object:
    return record.get("autonomous_system_number")
