"""Key files: TOML with `secret`, `state`, `not_before`, `not_after`, `scopes`, `client_cert`; one per key id,
`<kid>.key`.

The following are refused, with the file's name and the reason: anything but regular files (symlinks too), files
that others can read or write or that the group can write, files owned by anybody but root or this user, unknown
keys in the table, secrets of less than 32 bytes, and secrets that are evidently not random.
"""

import json
import os
import re
import stat
import tomllib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from zonegit.auth.key import MIN_SECRET, Key, State
from zonegit.auth.scheme import decode64, encode64, good_kid
from zonegit.auth.scope import Scope, parse_scope
from zonegit.errors import KeyFileError, KeyFileExists, UsageError

SUFFIX: Final = ".key"
MAX_FILE: Final = 16 << 10
MIN_DISTINCT: Final = 12
"""32 random bytes have fewer distinct values once in 10**20 draws."""
_FIELDS: Final = frozenset({"secret", "state", "not_before", "not_after", "scopes", "client_cert"})
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def key_paths(directory: Path) -> list[Path]:
    """The directory's key files, sorted by name, without hidden files and other suffixes."""
    return guarded_names(directory, SUFFIX)


def guarded_names(directory: Path, suffix: str) -> list[Path]:
    """The same for files of another suffix."""
    try:
        mode = directory.stat().st_mode
        names = sorted(path.name for path in directory.iterdir())
    except OSError as error:
        raise KeyFileError(f"{directory}: cannot be read: {error.strerror}") from None
    if mode & stat.S_IWOTH:
        raise KeyFileError(f"{directory}: is world-writable; run: chmod o-w {directory}")
    return [directory / name for name in names if name.endswith(suffix) and not name.startswith(".")]


def read_key(path: Path) -> Key:
    """Read and check one key file."""
    return read_secret(path)[0]


def read_secret(path: Path) -> tuple[Key, bytes]:
    """The same, with the secret itself, for rewriting the file."""
    kid = path.name.removesuffix(SUFFIX)
    if not good_kid(kid):
        raise KeyFileError(f"{path}: the key id {kid!r} is invalid; use 1 to 32 of a-z 0-9 . _ -")
    table = read_table(path, _FIELDS)
    secret = _secret(path, table.get("secret"))
    key = Key.derive(
        kid,
        secret,
        state=_state(path, table.get("state")),
        scopes=_scopes(path, table.get("scopes")),
        not_before=_time(path, "not_before", table.get("not_before")),
        not_after=_time(path, "not_after", table.get("not_after")),
        client_cert=_client_cert(path, table.get("client_cert")),
    )
    return key, secret


def list_keys(directory: Path) -> list[Key]:
    """The directory's keys, sorted by id."""
    return [read_key(path) for path in key_paths(directory)]


def new_key(
    directory: Path, kid: str, scopes: tuple[Scope, ...], clock: Callable[[], float], random: Callable[[int], bytes]
) -> Path:
    """Write a new key file, readable by its owner only, and return its path.

    The first key of a directory gets the state `sign`, later ones `accept`, so that no client signs with a key that
    the servers don't have yet. `random(n)` returns n bytes. `clock` returns Unix seconds; they become `not_before`,
    rounded down to the minute, to tolerate a small difference of clocks.
    """
    path = key_path(directory, kid)
    if not scopes:
        raise UsageError("a key without a scope permits nothing; give one, for example read:*")
    state = State.ACCEPT if directory.exists() and key_paths(directory) else State.SIGN
    secret = random(MIN_SECRET)
    key = Key.derive(kid, secret, state=state, scopes=scopes, not_before=int(clock()) // 60 * 60)
    write_new(path, key_text(key, secret).encode(), random)
    return path


def key_path(directory: Path, kid: str) -> Path:
    """The path of the key file with this id; `UsageError` for an invalid id."""
    if not good_kid(kid):
        raise UsageError(f"the key id {kid[:80]!r} is invalid; use 1 to 32 of a-z 0-9 . _ -")
    if kid.startswith("."):
        raise UsageError(f"the key id {kid!r} begins with a dot; hidden files are not read")
    return directory / f"{kid}{SUFFIX}"


def key_text(key: Key, secret: bytes) -> str:
    """The text of a key's file."""
    lines = [f'secret = "{encode64(secret)}"', f'state = "{key.state}"']
    for name, when in (("not_before", key.not_before), ("not_after", key.not_after)):
        if when is not None:
            lines.append(f"{name} = {datetime.fromtimestamp(when, UTC).isoformat().replace('+00:00', 'Z')}")
    listed = ", ".join(json.dumps(str(scope)) for scope in key.scopes)  # in ASCII, a JSON string is a TOML string
    lines.append(f"scopes = [{listed}]")
    if key.client_cert:
        lines.append(f'client_cert = "{key.client_cert}"')
    return "\n".join(lines) + "\n"


def write_new(path: Path, data: bytes, random: Callable[[int], bytes]) -> None:
    """Write a file that only its owner can read, atomically; creates its directory if needed.

    `KeyFileExists` if the file exists.
    """
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFileError(f"{path.parent}: cannot be created: {error.strerror}") from None
    try:
        _link_new(path.with_name(f".{path.name}.{encode64(random(6))}"), path, data)
    except FileExistsError:
        raise KeyFileExists(f"{path}: already exists; choose another name") from None
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be written: {error.strerror}") from None


def _link_new(temporary: Path, path: Path, data: bytes) -> None:
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _give_to_group(file.fileno(), path.parent)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path, follow_symlinks=False)  # unlike a rename, it never replaces a key
    finally:
        with suppress(OSError):
            temporary.unlink()


def _give_to_group(descriptor: int, directory: Path) -> None:
    """Let the directory's group read a secret that root writes there: the service runs in that group."""
    found = directory.stat()
    if not os.geteuid() and found.st_gid and found.st_mode & stat.S_IRGRP:
        os.fchown(descriptor, -1, found.st_gid)
        os.fchmod(descriptor, 0o640)


def _read_guarded(path: Path) -> bytes:
    """The bytes of a file with a secret; `KeyFileError` if it isn't protected."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        reason = "is a symbolic link" if path.is_symlink() else f"cannot be read: {error.strerror}"
        raise KeyFileError(f"{path}: {reason}") from None
    try:
        _check_guarded(path, os.fstat(descriptor))
        data = os.read(descriptor, MAX_FILE + 1)
    finally:
        os.close(descriptor)
    if len(data) > MAX_FILE:
        raise KeyFileError(f"{path}: is larger than {MAX_FILE} bytes")
    return data


def read_table(path: Path, fields: frozenset[str]) -> dict[str, object]:
    """The table in a file with a secret; `fields` are the keys that it may have. `KeyFileError`."""
    try:
        table = tomllib.loads(_read_guarded(path).decode())
    except UnicodeDecodeError:
        raise KeyFileError(f"{path}: is not UTF-8") from None
    except (ValueError, RecursionError) as error:  # TOMLDecodeError is only one of the ValueErrors
        raise KeyFileError(f"{path}: is not TOML: {error}") from None
    unknown = sorted(table.keys() - fields)
    if unknown:
        raise KeyFileError(f"{path}: unknown key {unknown[0]!r}; expected {', '.join(sorted(fields))}")
    return table


def _check_guarded(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise KeyFileError(f"{path}: is not a regular file")
    if found.st_mode & 0o037:
        raise KeyFileError(
            f"{path}: mode {stat.S_IMODE(found.st_mode):04o} is unsafe: others must have no access, and the group "
            f"may only read; run: chmod 0640 {path}"
        )
    if found.st_uid not in (0, os.geteuid()):
        raise KeyFileError(f"{path}: is owned by uid {found.st_uid}; expected 0 or {os.geteuid()}")


def _secret(path: Path, value: object) -> bytes:
    secret = decode64(value) if isinstance(value, str) else None
    if secret is None:
        raise KeyFileError(f"{path}: `secret` must be base64url without padding")
    if len(secret) < MIN_SECRET:
        raise KeyFileError(
            f"{path}: `secret` has {len(secret)} bytes; at least {MIN_SECRET} random bytes are required"
        )
    text = secret.isascii() and secret.decode().isprintable()  # true for one in 10**13 random secrets
    if text or not random_looking(secret):
        raise KeyFileError(f"{path}: `secret` is not random; `zonegit key new KID --keys DIR` writes a good one")
    return secret


def random_looking(secret: bytes) -> bool:
    """Whether it may be random: it has enough distinct bytes, and isn't an arithmetic sequence."""
    steps = {(b - a) % 256 for a, b in pairwise(secret)}
    return len(set(secret)) >= min(MIN_DISTINCT, len(secret) // 2) and len(steps) > 1


def _state(path: Path, value: object) -> State:
    try:
        return State(str(value))
    except ValueError:
        raise KeyFileError(f"{path}: `state` must be one of {', '.join(State)}") from None


def _scopes(path: Path, value: object) -> tuple[Scope, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise KeyFileError(f'{path}: `scopes` must be a list of strings, for example ["read:*"]')
    try:
        return tuple(parse_scope(item) for item in value)
    except UsageError as error:
        raise KeyFileError(f"{path}: {error}") from None


def _time(path: Path, name: str, value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise KeyFileError(f"{path}: `{name}` must be a time with an offset, for example 2026-01-01T00:00:00Z")
    try:
        return value.astimezone(UTC).timestamp()
    except OverflowError:
        raise KeyFileError(f"{path}: `{name}` is not within the years 1 to 9999") from None


def _client_cert(path: Path, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise KeyFileError(
            f"{path}: `client_cert` must be the SHA-256 of the certificate's DER, 64 of 0-9 a-f; "
            "openssl x509 -in FILE -outform DER | sha256sum"
        )
    return value
