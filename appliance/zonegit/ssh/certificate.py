"""OpenSSH's user certificates (PROTOCOL.certkeys): a key, whom it belongs to, until when, and who says so."""

from functools import lru_cache
from typing import Final, NamedTuple

from zonegit.errors import InvalidSSH, UnsupportedKey
from zonegit.ssh.public_key import TYPES, PublicKey, parse_key, read_key
from zonegit.ssh.wire import Reader

_USER: Final = 1
_MAX_PRINCIPALS: Final = 256
VERIFY_REQUIRED: Final = "verify-required"
_KNOWN: Final = frozenset({VERIFY_REQUIRED, "force-command", "source-address"})
"""Critical options that are understood. All but the first are about logins."""
_SUFFIX: Final = "-cert-v01@openssh.com"
_TYPES: Final = {f"{name.removesuffix('@openssh.com')}{_SUFFIX}": name for name in TYPES}
"""Type of a certificate -> type of its key."""


class Certificate(NamedTuple):
    """A certificate whose own signature has been verified."""

    key: PublicKey
    authority: PublicKey
    """The key that signed it."""
    key_id: str
    principals: tuple[str, ...]
    """Whom the key belongs to. None at all: nobody, because it doesn't say."""
    valid_after: int
    valid_before: int
    """Unix seconds; the first is included, the second isn't."""
    options: frozenset[str]
    """Its critical options."""

    def is_valid_at(self, when: int) -> bool:
        """Whether it is valid at a Unix time."""
        return self.valid_after <= when < self.valid_before


def is_certificate(blob: bytes) -> bool:
    """Whether these bytes begin like a certificate, rather than a key."""
    return Reader(blob).text().endswith(_SUFFIX)


@lru_cache(maxsize=256)
def parse_certificate(blob: bytes) -> Certificate:
    """The certificate that these bytes encode. `InvalidSSH` if it is malformed, not a user's or not signed."""
    reader = Reader(blob)
    name = reader.text()
    if name not in _TYPES:
        raise UnsupportedKey(f"has a certificate of the type {name[:64]!r}, which is not accepted")
    reader.string()  # the nonce
    key = read_key(reader, _TYPES[name])
    reader.uint64()  # the serial number
    if reader.uint32() != _USER:
        raise InvalidSSH("has a certificate that is not a user's")
    key_id = reader.text()
    principals = _names(reader.string())
    valid_after, valid_before = reader.uint64(), reader.uint64()
    options = _options(reader.string())
    _options(reader.string())  # extensions
    reader.string()  # reserved
    authority = parse_key(reader.string())
    signed = reader.since(0)
    signature = reader.string()
    reader.end()
    if unknown := sorted(options - _KNOWN):
        raise InvalidSSH(f"has the critical option {unknown[0][:64]!r}, which is not known")
    try:
        authority.verify(signature, signed)
    except InvalidSSH as error:
        raise InvalidSSH(f"has a certificate whose signature {error}") from None
    return Certificate(key, authority, key_id, principals, valid_after, valid_before, options)


def _names(data: bytes) -> tuple[str, ...]:
    reader, found = Reader(data), list[str]()
    while reader.at < len(data):
        found.append(reader.text())
        if len(found) > _MAX_PRINCIPALS:
            raise InvalidSSH(f"has more than {_MAX_PRINCIPALS} principals")
    return tuple(found)


def _options(data: bytes) -> frozenset[str]:
    """The names of options, which must be in order, each once."""
    reader, found = Reader(data), list[str]()
    while reader.at < len(data):
        name = reader.text()
        reader.string()
        if found and name <= found[-1]:
            raise InvalidSSH("has options out of order")
        found.append(name)
    return frozenset(found)
