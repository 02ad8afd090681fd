"""The part of zonegitd's configuration that the `zonegit` command reads, from the file for the current repository.

Only the requested settings are checked; zonegitd reports other mistakes.
"""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from zonegit.errors import ConfigError

NAME: Final = "zonegitd.toml"
"""The name of the configuration file in a repository's directory."""
_LARGEST: Final = 16 << 20
"""Largest size of that file in bytes; tables for 10,000 zones take a sixteenth of it."""


def settings_for(repo: Path, service: Path, *words: bytes) -> tuple[Path, dict[str, Any]]:
    """The configuration file that applies, and its settings. A file without any of `words` isn't parsed, to save
    time.

    The file in the repository applies; if there is none, the service's, if its `repo` is this repository. A service
    file that the user can't read is ignored. `ConfigError`.
    """
    own = repo / NAME
    try:
        return own, _settings(own, _read_own(own), words)
    except FileNotFoundError:
        pass
    try:
        data = _settings(service, service.read_bytes(), words)
    except (PermissionError, FileNotFoundError, NotADirectoryError):
        return service, {}
    about = data.get("repo")
    if not isinstance(about, str) or not about or Path(about).resolve() != repo.resolve():
        return service, {}
    return service, data


def file_for(repo: Path, service: Path) -> Path | None:
    """The configuration file that applies to a repository; None if none does. `ConfigError` if it is unreadable."""
    own = repo / NAME
    if os.path.lexists(own):
        return own
    try:
        about = _settings(service, service.read_bytes(), [b""]).get("repo")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise ConfigError(f"{service} can't be read: run this as a user who may, such as root") from None
    same = isinstance(about, str) and about and Path(about).resolve() == repo.resolve()
    return service.resolve() if same else None


def _read_own(path: Path) -> bytes:
    """Read the file in a repository's directory, where any member of its group may put one. `ConfigError`."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise _odd(path, "is not a regular file") from None
        raise
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise _odd(path, "is not a regular file")
        if status.st_size > _LARGEST:
            raise _odd(path, f"has more than {_LARGEST >> 20} MiB")
        return os.read(file, _LARGEST)
    finally:
        os.close(file)


def _odd(path: Path, what: str) -> ConfigError:
    return ConfigError(f"{path} {what}, so it is not read: find out who put it there, and remove it")


def _settings(path: Path, text: bytes, words: Sequence[bytes]) -> dict[str, Any]:
    if not any(word in text for word in words):
        return {}
    import tomllib

    try:
        return tomllib.loads(text.decode())
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path}: brackets are nested too deeply") from None
