"""The secrets of DNS cookies: from a file that several servers may share, or else random.

The file has one secret per line, 16 bytes in hex, as for NSD and Unbound: the first is the current one, and the
others are still accepted. Refused, naming the file: one that others may read, and one without a secret or with more
than four.
"""

import os
import re
import stat
from pathlib import Path
from typing import Final

from zonegit.dns.access.cookies import SECRET_SIZE
from zonegit.errors import ConfigError
from zonegit.ops.config import DnsConfig

_MOST: Final = 4
_HEX: Final = re.compile(rf"[0-9A-Fa-f]{{{2 * SECRET_SIZE}}}")


def cookie_secrets(section: DnsConfig, random: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The secrets of all workers; none without cookies; `random` without a file."""
    if not section.cookies:
        return ()
    return random if section.cookie_secrets is None else _read(section.cookie_secrets)


def random_secrets() -> tuple[bytes, ...]:
    """A secret for one run of the daemon."""
    return (os.urandom(SECRET_SIZE),)


def _read(path: Path) -> tuple[bytes, ...]:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # reading a pipe would block the supervisor
            raise ConfigError(f"{path}: is not a regular file")
        if mode & (stat.S_IROTH | stat.S_IWOTH):
            raise ConfigError(f"{path}: others may read or write it; run: chmod o-rw {path}")
        lines = path.read_bytes().decode(errors="replace").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from None
    texts = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    for number, text in texts:
        if not _HEX.fullmatch(text):
            raise ConfigError(f"{path}:{number}: not a cookie secret: write {2 * SECRET_SIZE} hex digits")
    if not 1 <= len(texts) <= _MOST:
        raise ConfigError(f"{path}: has {len(texts)} cookie secrets: write 1 to {_MOST}, the current one first")
    return tuple(bytes.fromhex(text) for _, text in texts)
