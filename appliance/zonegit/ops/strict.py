"""What the configuration beside a repository is strict about: the one key of it that `zonegit` heeds, too.

Only that key is read, and checked: a mistake elsewhere in the file is zonegitd's to refuse.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from zonegit.errors import ConfigError, ZonegitError

NAME: Final = "zonegitd.toml"
"""The configuration's file in a repository's directory."""


def configured(repo: Path, service: Path, zone: str) -> frozenset[str]:
    """The checks that this zone (canonical name) is strict about; `ConfigError` if that can't be read.

    The configuration is the one in the repository; else the service's, if that is about this repository. One of the
    service's that the user may not read says nothing.
    """
    own = repo / NAME
    if own.is_file():
        return frozenset().union(*_strict(own, _read(own), zone))
    try:
        data = _read(service)
    except (PermissionError, FileNotFoundError, NotADirectoryError):
        return frozenset()
    if Path(str(data.get("repo", ""))).resolve() != repo.resolve():
        return frozenset()
    return frozenset().union(*_strict(service, data, zone))


def _read(path: Path) -> dict[str, Any]:
    """The file's settings; none without a word of `strict` in it, which spares most calls the reading of TOML."""
    text = path.read_bytes()
    if b"strict" not in text:
        return {}
    import tomllib

    try:
        return tomllib.loads(text.decode())
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None


def _strict(path: Path, data: dict[str, Any], zone: str) -> Iterator[frozenset[str]]:
    from zonegit.ops.values import checks, zone_name

    zones = data.get("zone", {})
    for name, settings in zones.items() if isinstance(zones, dict) else ():
        if isinstance(settings, dict) and "strict" in settings:
            try:
                if zone_name(name) == zone:
                    yield checks(settings["strict"])
            except ZonegitError as error:
                raise ConfigError(f'{path}: [zone."{name}"] strict: {error}') from None
