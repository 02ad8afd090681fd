"""IPSECKEY (RFC 4025), AMTRELAY (RFC 8777) and HIP (RFC 8005): fields whose form depends on an earlier field."""

from base64 import b64encode
from typing import Final

from zonegit.model.names import WireName
from zonegit.zonefile.name_text import name_text
from zonegit.zonefile.rdata.cursor import Wire, Words
from zonegit.zonefile.rdata.fields import IPV4, IPV6, NAME, Field, base64, hexadecimal, number
from zonegit.zonefile.rdata_writing import base64_text

_BY_KIND: Final = {1: IPV4, 2: IPV6, 3: NAME}


def _read_gateway(kind: int, words: Words) -> bytes:
    if not kind:
        if words.word() != ".":
            raise ValueError("a gateway of type 0 is written '.'")
        return b""
    if kind not in _BY_KIND:
        raise ValueError(f"gateway type {kind}; types 0 to 3 have a text form")
    return _BY_KIND[kind].read(words)


def _write_gateway(kind: int, wire: Wire, origin: WireName | None) -> str:
    return _BY_KIND[kind].write(wire, origin) if kind else "."


def _read_ipseckey(words: Words) -> bytes:
    precedence, kind, algorithm = (number(words.word(), 1) for _ in range(3))
    gateway = _read_gateway(kind, words)
    return bytes((precedence, kind, algorithm)) + gateway + base64("".join(words.rest()))


def _write_ipseckey(wire: Wire, origin: WireName | None) -> str:
    precedence, kind, algorithm = wire.take(3)
    gateway = _write_gateway(kind, wire, origin)
    key = base64_text(wire.rest())
    if algorithm and not key:
        raise ValueError("no key, although the algorithm isn't 0 (RFC 4025 §2.4)")
    return f"{precedence} {kind} {algorithm} {gateway} {key}".rstrip()


def _read_amtrelay(words: Words) -> bytes:
    precedence = number(words.word(), 1)
    discovery = number(words.word(), 1)
    kind = number(words.word(), 1)
    if discovery > 1 or kind > 127:
        raise ValueError("the discovery bit is 0 or 1, a relay's type below 128")
    return bytes((precedence, discovery << 7 | kind)) + _read_gateway(kind, words)


def _write_amtrelay(wire: Wire, origin: WireName | None) -> str:
    precedence, kind = wire.take(2)
    return f"{precedence} {kind >> 7} {kind & 127} {_write_gateway(kind & 127, wire, origin)}"


def _read_hip(words: Words) -> bytes:
    algorithm = number(words.word(), 1)
    tag = hexadecimal(words.word())
    key = base64(words.word())
    fixed = bytes((len(tag), algorithm)) + len(key).to_bytes(2, "big")
    servers = []
    while words.more():
        servers.append(NAME.read(words))
    return fixed + tag + key + b"".join(servers)


def _write_hip(wire: Wire, origin: WireName | None) -> str:
    size, algorithm = wire.take(2)
    key_size = wire.number(2)
    if not size or not key_size:
        raise ValueError("a HIP record needs a host identity tag and a public key")
    tag, key = wire.take(size), wire.take(key_size)
    servers = []
    while wire.more():
        servers.append(name_text(wire.name(), origin))
    return " ".join((str(algorithm), tag.hex(), b64encode(key).decode(), *servers))


IPSECKEY: Final = Field(_read_ipseckey, _write_ipseckey)
AMTRELAY: Final = Field(_read_amtrelay, _write_amtrelay)
HIP: Final = Field(_read_hip, _write_hip)
