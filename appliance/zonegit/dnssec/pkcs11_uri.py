"""References to keys in tokens: PKCS#11 URIs (RFC 7512).

Needed: `module-path`, the library of the token, and `pin-source`, the file with its PIN. Refused: `pin-value`, that
is the PIN itself, and attributes that aren't known (§2.3).
"""

import re
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from zonegit.errors import DnssecError

SCHEME: Final = "pkcs11:"
_PATH: Final = frozenset({"token", "serial", "manufacturer", "model", "object", "id", "type"})
_QUERY: Final = frozenset({"module-path", "pin-source"})
_SAFE: Final = "-._~:[]@!$'()*+,/"
_VALUE: Final = re.compile(r"(?:[A-Za-z0-9._~:\[\]@!$'()*+,=/?|&-]|%[0-9A-Fa-f]{2})*", re.ASCII)


class TokenKey(NamedTuple):
    """Where a key is. What is empty is not compared."""

    module: Path
    """The PKCS#11 library."""
    pin_source: Path
    """The file whose first line is the PIN."""
    token: str
    """The token's label."""
    serial: str
    """The token's serial number."""
    label: str
    """The key's label: `object`."""
    id: bytes
    """The key's identifier."""

    def text(self) -> str:
        """The URI."""
        path = (("token", self.token), ("serial", self.serial), ("object", self.label))
        parts = [f"{name}={quote(value, _SAFE)}" for name, value in path if value]
        if self.id:
            parts.append("id=" + "".join(f"%{byte:02X}" for byte in self.id))
        query = f"module-path={quote(str(self.module), _SAFE)}&pin-source=file:{quote(str(self.pin_source), _SAFE)}"
        return f"{SCHEME}{';'.join(parts)}?{query}"


def read_uri(text: str) -> TokenKey:
    """Read a URI. `DnssecError`, whose message starts with `it`."""
    path, _, query = text.removeprefix(SCHEME).partition("?")
    if not text.startswith(SCHEME):
        raise DnssecError(f"it is not a PKCS#11 URI, which begins with {SCHEME}")
    if re.search(r"(^|[;?&])pin-value=", text):
        raise DnssecError("it has a pin-value; write the PIN to a file, and name that with pin-source")
    said = _attributes(path, ";", _PATH) | _attributes(query, "&", _QUERY)
    if said.pop("type", b"private") != b"private":
        raise DnssecError("its type must be `private`")
    for name in sorted({"manufacturer", "model"} & said.keys()):
        raise DnssecError(f"it names a token by {name}; use token or serial")
    if not {"token", "serial"} & said.keys():
        raise DnssecError("it names no token: add token=LABEL or serial=NUMBER")
    return TokenKey(
        _file(said, "module-path", "the PKCS#11 library of the token"),
        _file(said, "pin-source", "a file with the PIN"),
        _text(said, "token"),
        _text(said, "serial"),
        _text(said, "object"),
        said.get("id", b""),
    )


def _attributes(text: str, separator: str, known: frozenset[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for each in text.split(separator) if text else ():
        name, equals, value = each.partition("=")
        if not equals or not _VALUE.fullmatch(value):
            raise DnssecError("it is not a PKCS#11 URI of RFC 7512")
        if name not in known:
            raise DnssecError(f"it has the attribute {name[:40]!r}, which isn't known here")
        if name in found:
            raise DnssecError(f"it has two attributes {name}")
        found[name] = unquote_to_bytes(value)
    return found


def _text(said: dict[str, bytes], name: str) -> str:
    try:
        return said.get(name, b"").decode()
    except UnicodeDecodeError:
        raise DnssecError(f"its {name} is not UTF-8") from None


def _file(said: dict[str, bytes], name: str, what: str) -> Path:
    text = re.sub(r"^file:(//(localhost)?(?=/))?", "", _text(said, name))
    if not text:
        raise DnssecError(f"it has no {name}: {what}")
    if not text.startswith("/") or "\0" in text:
        raise DnssecError(f"its {name} must be an absolute path")
    return Path(text)
