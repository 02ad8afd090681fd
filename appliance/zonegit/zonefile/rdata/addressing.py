"""Fields that hold addresses: APL (RFC 3123), WKS (RFC 1035 §3.4.2), A6 (RFC 2874), NSAP (RFC 1706), ATMA,
locators (RFC 6742) and EUI (RFC 7043).
"""

import re
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Final

from zonegit.model.names import WireName
from zonegit.zonefile.name_text import name_text
from zonegit.zonefile.rdata.cursor import Wire, Words
from zonegit.zonefile.rdata.fields import IPV4, NAME, Field, address, hexadecimal, number

_FAMILIES: Final = {1: (AF_INET, 4), 2: (AF_INET6, 16)}
_PREFIX: Final = re.compile(r"(!?)([0-9]{1,5}):([^/]+)/([0-9]{1,3})", re.ASCII)
_PROTOCOLS: Final = {"ICMP": 1, "IGMP": 2, "GGP": 3, "TCP": 6, "EGP": 8, "UDP": 17}
_SERVICES: Final = {
    "ftp-data": 20,
    "ftp": 21,
    "ssh": 22,
    "telnet": 23,
    "smtp": 25,
    "time": 37,
    "nameserver": 42,
    "nicname": 43,
    "domain": 53,
    "bootps": 67,
    "bootpc": 68,
    "tftp": 69,
    "gopher": 70,
    "finger": 79,
    "http": 80,
    "kerberos": 88,
    "hostname": 101,
    "iso-tsap": 102,
    "pop2": 109,
    "pop3": 110,
    "sunrpc": 111,
    "auth": 113,
    "sftp": 115,
    "uucp-path": 117,
    "nntp": 119,
    "ntp": 123,
    "imap": 143,
    "snmp": 161,
    "snmptrap": 162,
    "bgp": 179,
    "irc": 194,
    "ldap": 389,
    "https": 443,
}
"""Services that a WKS record may name, from IANA's registry. The machine's own list is not asked, since then what a
zone file means would depend on where it is read."""
_LOCATOR: Final = re.compile(r"[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){3}", re.ASCII)
_E164: Final = re.compile(r"\+([0-9]+)", re.ASCII)
_AESA: Final = re.compile(r"[0-9A-Fa-f]+(?:\.[0-9A-Fa-f]+)*", re.ASCII)


def _read_prefixes(words: Words) -> bytes:
    wire = bytearray()
    for word in words.rest():
        found = _PREFIX.fullmatch(word)
        if found is None or int(found[2]) not in _FAMILIES:
            raise ValueError(
                f"{word[:60]!r} is no prefix, as in 1:192.0.2.0/24, !1:192.0.2.1/32 or 2:2001:db8::/32"
            )
        family, size = _FAMILIES[int(found[2])]
        length = number(found[4], 1)
        if length > 8 * size:
            raise ValueError(f"{word[:60]!r}: its prefix is longer than an address")
        part = address(found[3], family).rstrip(b"\0")
        wire += int(found[2]).to_bytes(2, "big") + bytes((length, bool(found[1]) << 7 | len(part))) + part
    return bytes(wire)


def _write_prefixes(wire: Wire, origin: WireName | None) -> str:
    words = []
    while wire.more():
        family_number, length, size = wire.number(2), wire.number(1), wire.number(1)
        family, full = _FAMILIES[family_number]
        part = wire.take(size & 127)
        if length > 8 * full or len(part) > full or part[-1:] == b"\0":
            raise ValueError("not a list of prefixes")
        prefix = inet_ntop(family, part.ljust(full, b"\0"))
        words.append(f"{'!' * (size >> 7)}{family_number}:{prefix}/{length}")
    return " ".join(words)


def _read_services(words: Words) -> bytes:
    host = IPV4.read(words)
    text = words.word()
    protocol = _PROTOCOLS[text.upper()] if text.upper() in _PROTOCOLS else number(text, 1)
    bits = bytearray(8192)
    for word in words.rest():
        port = number(word, 2) if word.isdigit() else _port(word)
        bits[port >> 3] |= 0x80 >> (port & 7)
    return host + bytes((protocol,)) + bytes(bits).rstrip(b"\0")


def _port(word: str) -> int:
    try:
        return _SERVICES[word.lower()]
    except KeyError:
        raise ValueError(f"no port is known for the service {word[:40]!r}; write its number") from None


def _write_services(wire: Wire, origin: WireName | None) -> str:
    host = IPV4.write(wire, origin)
    protocol = wire.number(1)
    bits = wire.rest()
    if len(bits) > 8192 or bits[-1:] == b"\0":
        raise ValueError("not a list of ports")
    ports = [str(port) for port in range(8 * len(bits)) if bits[port >> 3] & (0x80 >> (port & 7))]
    return " ".join((host, str(protocol), *ports))


def _read_a6(words: Words) -> bytes:
    length = number(words.word(), 1)
    if length > 128:
        raise ValueError("a prefix is longer than an address")
    suffix = b""
    if length < 128:
        whole = address(words.word(), AF_INET6)
        suffix = whole[length // 8 :]
        suffix = bytes((suffix[0] & (0xFF >> length % 8),)) + suffix[1:]
    return bytes((length,)) + suffix + (NAME.read(words) if length else b"")


def _write_a6(wire: Wire, origin: WireName | None) -> str:
    length = wire.number(1)
    if length > 128:
        raise ValueError("a prefix is longer than an address")
    words = [str(length)]
    if length < 128:
        suffix = wire.take(16 - length // 8)
        if suffix[0] & ~(0xFF >> length % 8):
            raise ValueError("bits of the prefix in the suffix")
        words.append(inet_ntop(AF_INET6, suffix.rjust(16, b"\0")))
    if length:
        words.append(name_text(wire.name(), origin))
    return " ".join(words)


def _read_nsap(words: Words) -> bytes:
    text = words.word()
    digits = text[2:].replace(".", "")
    if text[:2].lower() != "0x" or not digits:
        raise ValueError(f"{text[:40]!r} is no NSAP address: 0x and hex digits, with dots anywhere")
    return hexadecimal(digits)


def _write_nsap(wire: Wire, origin: WireName | None) -> str:
    found = wire.rest()
    if not found:
        raise ValueError("an empty address")
    return f"0x{found.hex()}"


def _read_atm(words: Words) -> bytes:
    text = words.word()
    dialled = _E164.fullmatch(text)
    if dialled:
        return b"\1" + dialled[1].encode()
    if not _AESA.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no ATM address: + and digits, or hex digits with dots between them")
    return b"\0" + hexadecimal(text.replace(".", ""))


def _write_atm(wire: Wire, origin: WireName | None) -> str:
    kind = wire.number(1)
    found = wire.rest()
    if not found or kind > 1 or (kind and not found.isdigit()):
        raise ValueError("not an ATM address")
    return f"+{found.decode()}" if kind else found.hex()


def _read_locator(words: Words) -> bytes:
    text = words.word()
    if not _LOCATOR.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not written as in 2001:db8:0:1")
    return b"".join(int(group, 16).to_bytes(2, "big") for group in text.split(":"))


def _write_locator(wire: Wire, origin: WireName | None) -> str:
    return ":".join(f"{wire.number(2):04x}" for _ in range(4))


def _eui(size: int) -> Field:
    form = re.compile(rf"[0-9A-Fa-f]{{2}}(?:-[0-9A-Fa-f]{{2}}){{{size - 1}}}", re.ASCII)

    def read(words: Words) -> bytes:
        text = words.word()
        if not form.fullmatch(text):
            raise ValueError(f"{text[:40]!r} is not {size} pairs of hex digits with '-' between them")
        return bytes.fromhex(text.replace("-", ""))

    return Field(read, lambda wire, origin: wire.take(size).hex("-"))


PREFIXES: Final = Field(_read_prefixes, _write_prefixes)
SERVICES: Final = Field(_read_services, _write_services)
A6: Final = Field(_read_a6, _write_a6)
NSAP: Final = Field(_read_nsap, _write_nsap)
ATM: Final = Field(_read_atm, _write_atm)
LOCATOR: Final = Field(_read_locator, _write_locator)
EUI48: Final = _eui(6)
EUI64: Final = _eui(8)
