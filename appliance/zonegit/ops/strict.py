"""The strict checks of a zone in zonegitd's configuration, as the `zonegit` command reads them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zonegit.errors import ConfigError, ZonegitError
from zonegit.ops.own_config import settings_for


def configured(repo: Path, service: Path, zone: str) -> frozenset[str]:
    """The checks whose warnings are errors in a zone (canonical name). `ConfigError` if a setting is invalid."""
    file, data = settings_for(repo, service, b"strict")
    return frozenset().union(*_strict(file, data, zone))


def _strict(path: Path, data: dict[str, Any], zone: str) -> Iterator[frozenset[str]]:
    zones = data.get("zone", {})
    if not zones:
        return
    from zonegit.ops.values import checks, zone_name

    for name, settings in zones.items() if isinstance(zones, dict) else ():
        if isinstance(settings, dict) and "strict" in settings:
            try:
                if zone_name(name) == zone:
                    yield checks(settings["strict"])
            except ZonegitError as error:
                raise ConfigError(f'{path}: [zone."{name}"] strict: {error}') from None
