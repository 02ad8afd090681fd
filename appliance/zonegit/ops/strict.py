"""Which checks a zone is strict about: the one setting of zonegitd's configuration that `zonegit` reads.

Nothing else in the file is checked here; zonegitd refuses other mistakes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from zonegit.errors import ConfigError, ZonegitError

NAME: Final = "zonegitd.toml"
"""The configuration's file in a repository's directory."""


def configured(repo: Path, service: Path, zone: str) -> frozenset[str]:
    """The checks that this zone (canonical name) is strict about. `ConfigError` if the setting is wrong.

    The file in the repository counts; without one the service's, if its `repo` is this repository. A service's
    file that the user may not read counts as none.
    """
    own = repo / NAME
    if own.is_file():
        return frozenset().union(*_strict(own, _read(own), zone))
    try:
        data = _read(service)
    except (PermissionError, FileNotFoundError, NotADirectoryError):
        return frozenset()
    about = data.get("repo")
    if not isinstance(about, str) or not about or Path(about).resolve() != repo.resolve():
        return frozenset()
    return frozenset().union(*_strict(service, data, zone))


def _read(path: Path) -> dict[str, Any]:
    """The file's settings. A file that doesn't contain `strict` is not parsed, which saves most calls the time."""
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
