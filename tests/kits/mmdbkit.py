"""Writes small files in MaxMind's format (maxmind.github.io/MaxMind-DB): a tree of bits, data, metadata."""

from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

_MARKER = b"\xab\xcd\xefMaxMind.com"
_MAP, _TEXT, _U16, _U32, _U64, _ARRAY = 7, 2, 5, 6, 9, 11


class Word(int):
    """A number of 16 bits."""


class Long(int):
    """A number of 64 bits."""


_SIZES = {Word: (_U16, 2), Long: (_U64, 8)}


def write(path: Path, records: Mapping[str, Mapping[str, object]], kind: str, ip_version: int = 6) -> Path:
    """A file with these records by network; IPv4 networks are in `::/96` of a file of IPv6 addresses."""
    nodes: list[list[int | None]] = [[None, None]]
    data = b""
    for text, record in records.items():
        network = ip_network(text)
        bits, size = int(network.network_address), network.max_prefixlen
        path_bits = [bits >> (size - 1 - at) & 1 for at in range(network.prefixlen)]
        if ip_version == 6 and network.version == 4:
            path_bits = [0] * 96 + path_bits
        at = 0
        for bit in path_bits[:-1]:
            if nodes[at][bit] is None:
                nodes.append([None, None])
                nodes[at][bit] = len(nodes) - 1
            at = nodes[at][bit] or 0
        nodes[at][path_bits[-1]] = -1 - len(data)
        data += _encoded(record)
    count = len(nodes)
    tree = b"".join(_pointer(value, count) for node in nodes for value in node)
    about = {
        "binary_format_major_version": Word(2),
        "binary_format_minor_version": Word(0),
        "build_epoch": Long(1),
        "database_type": kind,
        "description": {"en": "a test"},
        "ip_version": Word(ip_version),
        "languages": ["en"],
        "node_count": count,
        "record_size": Word(24),
    }
    path.write_bytes(tree + bytes(16) + data + _MARKER + _encoded(about))
    return path


def _pointer(value: int | None, count: int) -> bytes:
    number = count if value is None else value if value >= 0 else count + 16 - 1 - value
    return number.to_bytes(3, "big")


def _encoded(value: object) -> bytes:
    match value:
        case Mapping():
            return _head(_MAP, len(value)) + b"".join(_encoded(key) + _encoded(item) for key, item in value.items())
        case list():
            return _head(_ARRAY, len(value)) + b"".join(map(_encoded, value))
        case str():
            return _head(_TEXT, len(value.encode())) + value.encode()
        case int():
            kind, size = _SIZES.get(type(value), (_U32, 4))
            return _head(kind, size) + value.to_bytes(size, "big")
    raise TypeError(value)


def _head(kind: int, size: int) -> bytes:
    assert size < 29
    return bytes((kind << 5 | size,)) if kind < 8 else bytes((size, kind - 7))
