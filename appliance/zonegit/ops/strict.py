"""Which checks a zone is strict about: the one setting of zonegitd's configuration that `zonegit` reads.

Nothing else in the file is checked here; zonegitd refuses other mistakes.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from zonegit.errors import ConfigError, ZonegitError

NAME: Final = "zonegitd.toml"
"""The configuration's file in a repository's directory."""
_LARGEST: Final = 16 << 20
"""Bytes of that file; 10,000 zones with a table each take one sixteenth."""


def configured(repo: Path, service: Path, zone: str) -> frozenset[str]:
    """The checks that this zone (canonical name) is strict about. `ConfigError` if the setting is wrong.

    The file in the repository counts; without one the service's, if its `repo` is this repository. A service's
    file that the user may not read counts as none.
    """
    own = repo / NAME
    try:
        return frozenset().union(*_strict(own, _settings(own, _read_own(own)), zone))
    except FileNotFoundError:
        pass
    try:
        data = _settings(service, service.read_bytes())
    except (PermissionError, FileNotFoundError, NotADirectoryError):
        return frozenset()
    about = data.get("repo")
    if not isinstance(about, str) or not about or Path(about).resolve() != repo.resolve():
        return frozenset()
    return frozenset().union(*_strict(service, data, zone))


def _read_own(path: Path) -> bytes:
    """A file in a repository's directory, where everybody of its group may put one. `ConfigError`."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise _odd(path, "is no plain file") from None
        raise
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise _odd(path, "is no plain file")
        if status.st_size > _LARGEST:
            raise _odd(path, f"has more than {_LARGEST >> 20} MiB")
        return os.read(file, _LARGEST)
    finally:
        os.close(file)


def _odd(path: Path, what: str) -> ConfigError:
    return ConfigError(f"{path} {what}, and isn't read: find out who put it there, and remove it")


def _settings(path: Path, text: bytes) -> dict[str, Any]:
    """The file's settings. A file that doesn't contain `strict` is not parsed, which saves most calls the time."""
    if b"strict" not in text:
        return {}
    import tomllib

    try:
        return tomllib.loads(text.decode())
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path}: brackets within brackets, too many to be read") from None


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
