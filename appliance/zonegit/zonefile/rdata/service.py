r"""SvcParams of SVCB and HTTPS (RFC 9460 §2.1, its appendix A, RFC 9461, 9540).

A key is written by name or as `keyNNNNN`; a value is a character-string of any length, in which lists have a second
level of escapes (`\,` and `\\`). In AliasMode parameters are data like any other (§2.4.2).
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Final, NamedTuple

from zonegit.model.names import WireName
from zonegit.zonefile.rdata.cursor import Wire, Words, unescape
from zonegit.zonefile.rdata.fields import Field, address, base64, character_string, number
from zonegit.zonefile.rdata_writing import quoted

MANDATORY: Final = 0
ALPN: Final = 1
NO_DEFAULT_ALPN: Final = 2

_PARAM: Final = re.compile(
    rb'([A-Za-z0-9-]+)(?:(=)(?:"((?:[^"\\]|\\.)*+)"|((?:[^ \t"\\]|\\.)*+)))?(?=[ \t]|\Z)', re.DOTALL
)
_NUMBERED: Final = re.compile(r"key(0|[1-9][0-9]{0,4})", re.ASCII)
_ITEM: Final = re.compile(rb"(?:[^,\\]|\\.)*+", re.DOTALL)
_VARIABLE: Final = rb"(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})+(?::[1-9][0-9]{0,3}|\*)?"  # BIND takes no dots in it
_EXPRESSION: Final = rb"\{[+#./;?&]?" + _VARIABLE + rb"(?:," + _VARIABLE + rb")*\}"
_PATH: Final = re.compile(rb"/(?:[^%{]|%[0-9A-Fa-f]{2}|" + _EXPRESSION + rb")*", re.DOTALL).fullmatch
_DNS_VARIABLE: Final = re.compile(rb"\{[+#./;?&]?(?:[^},]+,)*dns[,}:*]").search
_ITEM_ESCAPE: Final = re.compile(rb"\\(.)", re.DOTALL)


class _Kind(NamedTuple):
    """How the value of a key is read from the bytes of its string, and written back. Raises ValueError."""

    read: Callable[[bytes], bytes]
    write: Callable[[bytes], str]


def _split(value: bytes) -> list[bytes]:
    r"""The items of a list in which `\` escapes a comma or itself."""
    items = []
    at = 0
    while True:
        found = _ITEM.match(value, at)
        if found is None or not found[0]:
            raise ValueError("an empty item in a list of values")
        items.append(_ITEM_ESCAPE.sub(rb"\1", found[0]))
        at = found.end()
        if at == len(value):
            return items
        if value[at] != 0x2C:
            raise ValueError("a list of values that ends with a backslash")
        at += 1


def _mandatory_read(value: bytes) -> bytes:
    keys = sorted(_key(item.decode("latin-1")) for item in _split(value))
    return b"".join(key.to_bytes(2, "big") for key in keys)


def _mandatory_keys(value: bytes) -> list[int]:
    keys = [int.from_bytes(value[at : at + 2], "big") for at in range(0, len(value), 2)]
    if not keys or len(value) % 2 or keys != sorted(set(keys)) or MANDATORY in keys:
        raise ValueError("mandatory must list other keys, each once")
    return keys


def _alpn_write(value: bytes) -> str:
    wire = Wire(value)
    items: list[bytes] = []
    while wire.more() or not items:
        items.append(wire.string())
        if not items[-1]:
            raise ValueError("an empty protocol in alpn")
    return quoted(b",".join(item.replace(b"\\", b"\\\\").replace(b",", b"\\,") for item in items))


def _port_write(value: bytes) -> str:
    wire = Wire(value)
    port = wire.number(2)
    if wire.more():
        raise ValueError("a port of more than two bytes")
    return str(port)


def _hints(family: int, size: int) -> _Kind:
    def read(value: bytes) -> bytes:
        return b"".join(address(item.decode("latin-1"), family) for item in _split(value))

    def write(value: bytes) -> str:
        if not value or len(value) % size:
            raise ValueError(f"not a list of addresses of {size} bytes each")
        return ",".join(inet_ntop(family, value[at : at + size]) for at in range(0, len(value), size))

    return _Kind(read, write)


def _empty(value: bytes) -> bytes:
    if value:
        raise ValueError("a value for a key that takes none")
    return b""


def _filled(value: bytes) -> bytes:
    if not value:
        raise ValueError("a key without the value that it needs")
    return value


def _template(value: bytes) -> bytes:
    """A path as a URI template (RFC 6570 §2) in UTF-8, with the variable `dns` (RFC 9461 §5)."""
    value.decode()
    if not _PATH(value) or not _DNS_VARIABLE(value):
        raise ValueError("its dohpath is not a URI template with the variable dns, as in /dns-query{?dns}")
    return value


_FLAG: Final = _Kind(lambda value: value, lambda value: _empty(value).decode())
_OPAQUE: Final = _Kind(lambda value: value, lambda value: quoted(value) if value else "")
NAMES: Final = {
    0: "mandatory",
    1: "alpn",
    2: "no-default-alpn",
    3: "port",
    4: "ipv4hint",
    5: "ech",
    6: "ipv6hint",
    7: "dohpath",
    8: "ohttp",
}
"""Keys that have a name here (RFC 9460 §14.3.2)."""
_KEYS: Final[Mapping[str, int]] = {name: key for key, name in NAMES.items()}
_KINDS: Final[Mapping[int, _Kind]] = {
    MANDATORY: _Kind(_mandatory_read, lambda value: _mandatory_text(value, NAMES)),
    ALPN: _Kind(lambda value: b"".join(map(character_string, _split(value))), _alpn_write),
    NO_DEFAULT_ALPN: _FLAG,
    3: _Kind(lambda value: number(value.decode("latin-1"), 2).to_bytes(2, "big"), _port_write),
    4: _hints(AF_INET, 4),
    5: _Kind(
        lambda value: _filled(base64(value.decode("latin-1"))), lambda value: b64encode(_filled(value)).decode()
    ),
    6: _hints(AF_INET6, 16),
    7: _Kind(lambda value: value, lambda value: quoted(_template(value))),
    8: _FLAG,
}


def _key(text: str) -> int:
    known = _KEYS.get(text.lower())
    if known is not None:
        return known
    found = _NUMBERED.fullmatch(text.lower())
    if found is None or int(found[1]) > 65535:
        raise ValueError(f"{text[:40]!r} is not the key of a parameter; keys without a name are key0 to key65535")
    return int(found[1])


def _key_text(key: int, names: Mapping[int, str]) -> str:
    return names.get(key) or f"key{key}"


def _mandatory_text(value: bytes, names: Mapping[int, str]) -> str:
    return ",".join(_key_text(key, names) for key in _mandatory_keys(value))


def _read(words: Words) -> bytes:
    params: dict[int, bytes] = {}
    while words.more():
        found = words.matching(_PARAM)
        name = found[1].decode()
        key = _key(name)
        if key in params:
            raise ValueError(f"the parameter {name} is given twice")
        value = unescape(found[4] if found[3] is None else found[3]) if found[2] else b""
        named = not name.lower().startswith("key")
        params[key] = _KINDS[key].read(value) if named else value
    return b"".join(
        key.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for key, value in sorted(params.items())
    )


def _check(params: Mapping[int, bytes]) -> None:
    """Check parameters, whether they came as text or in wire form. Raises ValueError."""
    for key, value in params.items():
        _KINDS.get(key, _OPAQUE).write(value)
    missing = set(_mandatory_keys(params[MANDATORY])) - params.keys() if MANDATORY in params else None
    if missing:
        raise ValueError(f"{_key_text(min(missing), NAMES)} is mandatory but missing")
    if NO_DEFAULT_ALPN in params and ALPN not in params:
        raise ValueError("no-default-alpn without alpn")


def _write(wire: Wire, origin: WireName | None) -> str:
    return parameters_text(wire.rest(), NAMES)


def parameters(rest: bytes) -> dict[int, bytes]:
    """Key -> value, both in wire form. Raises ValueError if they are malformed by RFC 9460 §2.2."""
    wire = Wire(rest)
    params: dict[int, bytes] = {}
    last = -1
    while wire.more():
        key = wire.number(2)
        params[key] = wire.take(wire.number(2))
        if key <= last:
            raise ValueError("the keys of the parameters are not in ascending order")
        last = key
    _check(params)
    return params


def parameters_text(rest: bytes, names: Mapping[int, str]) -> str:
    """Parameters as text: those whose keys are in `names` by name, all others as `keyNNNNN` with their bytes."""
    words = []
    for key, value in parameters(rest).items():
        if key == MANDATORY:
            text = _mandatory_text(value, names)
        else:
            text = (_KINDS[key] if key in names else _OPAQUE).write(value)
        words.append(_key_text(key, names) + (f"={text}" if text else ""))
    return " ".join(words)


PARAMETERS: Final = Field(_read, _write)
"""All parameters up to the end of the RDATA."""
