"""NOTIFY (RFC 1996): the message that tells a secondary of a new version, who gets it, what counts as an answer.

Name servers are found by their addresses in the zones that are held, glue too; nothing is resolved. The server that
the SOA names is the primary and isn't told (RFC 1996 §3.3).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from zonegit.dns import tsig
from zonegit.dns.blocks import rdata_of, split
from zonegit.dns.message import AA, HEADER, HEADER_SIZE, QR
from zonegit.errors import CorruptStore, OutOfZone
from zonegit.model.names import APEX_KEY, WireName, lower, owner_key, relative
from zonegit.model.rdata import AAAA, NS, SOA, A, name_end
from zonegit.tree.version import ZoneVersion, block_items

OPCODE: Final = 4
_FLAGS: Final = OPCODE << 11 | AA
_SOA_IN: Final = b"\0\6\0\1"
_WRONG: Final = {
    tsig.BADSIG: "the key has another secret there than here",
    tsig.BADKEY: "no key of this name and algorithm is known there",
    tsig.BADTIME: "the clocks there and here differ",
}
_OTHER: Final = "look at the key on both sides"
_COMPARED: Final = QR >> 8 | 0x78


@dataclass(frozen=True, slots=True)
class News:
    """A version of a zone that others are to hear of."""

    apex: WireName
    soa: bytes
    """The SOA record, its owner `C0 0C`, as the version is served with it."""
    servers: tuple[bytes, ...]
    """Addresses (4 or 16 bytes) of the name servers in its NS records, as far as they are held."""


class Versions(Protocol):
    """The zones that are held, by apex."""

    def __contains__(self, apex: object) -> bool: ...

    def __getitem__(self, apex: WireName) -> ZoneVersion: ...


def news(version: ZoneVersion, zones: Versions, *, servers: bool) -> News:
    """What to tell of a version; `servers` asks for the addresses. `CorruptStore` when it can't be read."""
    top = {rtype: rrs for rtype, _, rrs in block_items(version.at(APEX_KEY) or b"")}
    if SOA not in top:
        raise CorruptStore("a zone has no SOA record at its apex")
    found: dict[bytes, None] = {}
    if servers:
        soa = rdata_of(top[SOA])
        primary = lower(soa[: name_end(soa, 0)])
        for rdata in _rdatas(top.get(NS, b"")):
            name = WireName(lower(rdata))
            if name != primary:
                found.update(dict.fromkeys(_addresses(name, zones)))
    return News(version.apex, top[SOA], tuple(found))


def _rdatas(rrs: bytes) -> Iterator[bytes]:
    return map(rdata_of, split(rrs))


def _addresses(name: WireName, zones: Versions) -> Iterator[bytes]:
    """The addresses at a name in the zone that is the closest above it."""
    apex = name
    while apex not in zones:
        if len(apex) == 1:
            return
        apex = WireName(apex[1 + apex[0] :])
    try:
        block = zones[apex].at(owner_key(relative(name, apex)))
    except OutOfZone:
        return
    for rtype, _, rrs in block_items(block or b""):
        if rtype in (A, AAAA):
            yield from _rdatas(rrs)


class Notice:
    """One NOTIFY on its way, signed if there is a key."""

    def __init__(self, told: News, ident: bytes, key: tsig.TsigKey | None, now: int) -> None:
        """`ident` is two random bytes; `now` Unix seconds."""
        question = told.apex + _SOA_IN
        message = ident + HEADER.pack(0, _FLAGS, 1, 1, 0, 0)[2:] + question + told.soa
        self._question = question
        self._key = key
        self._mac = b""
        if key is not None:
            signature = tsig.Signature(key)
            message = signature.sign(message, now)
            self._mac = signature.mac
        self.message = message
        self.complaint = "no answer"
        """Why there is no answer yet that counts."""

    def answered(self, reply: bytes, now: int) -> int | None:
        """The rcode of a reply that answers this message, and can be believed if this one is signed; else None."""
        if len(reply) < HEADER_SIZE or reply[:2] != self.message[:2]:
            return None
        if reply[2] & _COMPARED != (QR | _FLAGS) >> 8 & _COMPARED:
            return None
        if (
            reply[4:6] == b"\0\1"
            and lower(reply[HEADER_SIZE : HEADER_SIZE + len(self._question)]) != self._question
        ):
            return None
        rcode = reply[3] & 15
        if self._key is not None and not self._believes(reply, rcode, self._key, now):
            return None
        return rcode

    def _believes(self, reply: bytes, rcode: int, key: tsig.TsigKey, now: int) -> bool:
        try:
            record = tsig.find(reply)
            if record is None:
                self.complaint = f"an answer without a signature, rcode {rcode}"
                return False
            code = record.error or tsig.check(reply, record, {key.name: key}, now, self._mac)
        except tsig.Malformed:
            code = tsig.BADSIG
        if code:
            self.complaint = f"an answer with TSIG error {code}, rcode {rcode}: {_WRONG.get(code, _OTHER)}"
            return False
        return True
