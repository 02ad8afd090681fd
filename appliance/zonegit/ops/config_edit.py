"""Adds a zone's table `dnssec` to a configuration file, and changes nothing else in it.

The text that was there stays, byte by byte; the table is appended. A file that can't be read as a configuration is
left alone, and so is one where the table wouldn't mean what it should.
"""

import os
import stat
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from zonegit.errors import ConfigError
from zonegit.ops.config_file import read_text
from zonegit.ops.values import zone_name

_LARGEST: Final = 16 << 20


class Edit(NamedTuple):
    """A change of a file that was not made yet."""

    file: Path
    old: bytes
    new: bytes

    @property
    def added(self) -> str:
        """What is appended."""
        return self.new[len(self.old) :].decode().replace("\r\n", "\n").lstrip("\n")


def signed_zone(file: Path, zone: str, comment: str, lines: list[str]) -> Edit | None:
    """The change that gives a zone (canonical name) a table `dnssec` with these lines; None if it has one.

    `ConfigError` if the file can't be read, or has a form that nothing can be appended to.
    """
    old = _read(file)
    read_text(file, old)
    data = tomllib.loads(old.decode())
    key = _key_of(data, zone)
    if key is not None and "dnssec" in data["zone"][key]:
        return None
    header = f'[zone."{key or zone}".dnssec]'
    newline = "\r\n" if b"\r\n" in old else "\n"
    gap = [] if not old else [""] if old.endswith(b"\n") else ["", ""]
    new = old + newline.join([*gap, f"# {comment}", header, *lines, ""]).encode()
    wanted = _with_table(data, key or zone, tomllib.loads("\n".join(lines)))
    try:
        is_meant = tomllib.loads(new.decode()) == wanted
    except tomllib.TOMLDecodeError:
        is_meant = False
    if not is_meant:
        raise ConfigError(
            f"{file}: {header} can't be appended, because the zone is written as an inline table: "
            f"write dnssec = {{ {', '.join(lines)} }} in it"
        )
    read_text(file, new)
    return Edit(file, old, new)


def write(edit: Edit) -> None:
    """Put the new text in the place of the old one in one step, with its owner and mode.

    `ConfigError` if that isn't possible, or if somebody has changed the file since.
    """
    draft = edit.file.with_name(f".{edit.file.name}.{os.getpid()}")
    try:
        _write_draft(edit, draft)
        if _read(edit.file) != edit.old:
            raise ConfigError(f"{edit.file} was changed by somebody else at the same time: nothing was written")
        draft.rename(edit.file)
        _sync_directory(edit.file.parent)
    except OSError as error:
        how = ": run this as a user who may, such as root" if isinstance(error, PermissionError) else ""
        raise ConfigError(f"{edit.file} can't be written ({error.strerror}){how}") from None
    finally:
        with suppress(OSError):
            draft.unlink()


def _write_draft(edit: Edit, draft: Path) -> None:
    status = edit.file.stat()
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as stream:
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(file, status.st_uid, status.st_gid)
        os.fchmod(file, stat.S_IMODE(status.st_mode))
        for name in os.listxattr(edit.file):
            with suppress(OSError):  # a file system or a policy may refuse some
                os.setxattr(file, name, os.getxattr(edit.file, name))
        stream.write(edit.new)
        stream.flush()
        os.fsync(file)


def _sync_directory(path: Path) -> None:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _read(file: Path) -> bytes:
    try:
        opened = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(opened, "rb") as stream:
            status = os.fstat(opened)
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
                raise ConfigError(f"{file} is not a file of at most {_LARGEST >> 20} MiB: nothing was written")
            return stream.read()
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from None


def _key_of(data: dict[str, Any], zone: str) -> str | None:
    """How the file writes the zone's name, if it has a table for it."""
    for key in data.get("zone", {}):
        with suppress(ConfigError):
            if zone_name(key) == zone:
                return str(key)
    return None


def _with_table(data: dict[str, Any], key: str, table: dict[str, Any]) -> dict[str, Any]:
    zones = data.get("zone", {})
    return {**data, "zone": {**zones, key: {**zones.get(key, {}), "dnssec": table}}}
