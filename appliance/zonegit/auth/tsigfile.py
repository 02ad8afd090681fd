"""TSIG key files, `<name>.tsig` beside the keys of `/v0`: TOML with `algorithm` and `secret`.

The file's name is the key's, without the final dot. Files are refused for the same reasons as other key files, and
for secrets of less than 16 bytes. The secret is base64 as in BIND, NSD and Knot, so that it can be copied. A key
for HMAC-MD5 or HMAC-SHA1 also has `legacy = true`, so that nobody has one by mistake.
"""

import base64
import binascii
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from zonegit.auth.keyfile import guarded_names, random_looking, read_table, write_new
from zonegit.dns.access.tsig import ALGORITHMS, LEGACY, Keys, TsigKey
from zonegit.errors import InvalidName, KeyFileError, UsageError
from zonegit.model.names import WireName, from_text, to_text

SUFFIX: Final = ".tsig"
MIN_SECRET: Final = 16
"""Bytes."""
_FIELDS: Final = frozenset({"algorithm", "secret", "legacy"})
_NAME: Final = re.compile(r"[a-z0-9_-][a-z0-9._-]*")


def load_tsig(directory: Path) -> Keys:
    """All TSIG keys of a directory, which may be missing; `KeyFileError` for the first bad file."""
    if not directory.exists():
        return {}
    return {key.name: key for key in list_tsig(directory)}


def list_tsig(directory: Path) -> list[TsigKey]:
    """The directory's TSIG keys, sorted by file name."""
    return [read_tsig(path) for path in guarded_names(directory, SUFFIX)]


def read_tsig(path: Path) -> TsigKey:
    """Read and check one TSIG key file."""
    try:
        name = _name(path.name.removesuffix(SUFFIX))
    except UsageError as error:
        raise KeyFileError(f"{path}: {error}") from None
    table = read_table(path, _FIELDS)
    algorithm, legacy = table.get("algorithm"), table.get("legacy", False)
    if not isinstance(legacy, bool):
        raise KeyFileError(f"{path}: `legacy` must be true or false")
    if algorithm in LEGACY and not legacy:
        raise KeyFileError(
            f"{path}: {algorithm} is accepted only with `legacy = true`, for clients that have no better"
        )
    if not isinstance(algorithm, str) or algorithm not in (*ALGORITHMS, *LEGACY):
        raise KeyFileError(f"{path}: `algorithm` must be one of {', '.join(ALGORITHMS)}")
    return TsigKey(name, algorithm, _secret(path, table.get("secret")))


def new_tsig(
    directory: Path, text: str, algorithm: str, random: Callable[[int], bytes], legacy: bool = False
) -> Path:
    """Write a new TSIG key, readable only by its owner, and return its path. `random(n)` returns n bytes.

    `UsageError` for an invalid name, and for a legacy algorithm without `legacy`.
    """
    path = tsig_path(directory, text)
    check_algorithm(algorithm, legacy)
    secret = base64.b64encode(random(max(MIN_SECRET, (ALGORITHMS | LEGACY)[algorithm]))).decode()
    mark = "legacy = true\n" if algorithm in LEGACY else ""
    write_new(path, f'algorithm = "{algorithm}"\nsecret = "{secret}"\n{mark}'.encode(), random)
    return path


def check_algorithm(algorithm: str, legacy: bool) -> None:
    """`UsageError` for an unknown algorithm, and for a legacy one without `legacy`."""
    if algorithm in LEGACY and not legacy:
        raise UsageError(
            f"{algorithm} is for clients that have no better algorithm: add --legacy if this one has none"
        )
    if algorithm not in (*ALGORITHMS, *LEGACY):
        raise UsageError(f"{algorithm[:40]!r} is not one of {', '.join((*ALGORITHMS, *LEGACY))}")


def tsig_path(directory: Path, text: str) -> Path:
    """The path of the key with this name; `UsageError` for an invalid name."""
    return directory / f"{to_text(_name(text)).removesuffix('.')}{SUFFIX}"


def _name(text: str) -> WireName:
    bare = text.removesuffix(".")
    try:
        if _NAME.fullmatch(bare):
            return from_text(f"{bare}.")
    except InvalidName:
        pass
    raise UsageError(f"the key name {text[:80]!r} is invalid: use a domain name of a-z 0-9 _ - and dots")


def _secret(path: Path, value: object) -> bytes:
    try:
        secret = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except binascii.Error:
        secret = b""
    if len(secret) < MIN_SECRET:
        raise KeyFileError(f"{path}: `secret` must be base64 of at least {MIN_SECRET} random bytes")
    if not random_looking(secret):
        raise KeyFileError(f"{path}: `secret` is not random; `zonegit tsig new NAME --keys DIR` writes a good one")
    return secret
