"""NOTIFY requests that this server sends (RFC 1996): the message, its recipients, and which replies count.

The addresses of name servers are those in the served zones, glue included; nothing is resolved. The server that the
SOA names is the primary and is not notified (RFC 1996 §3.3).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from zonegit.dns.access import tsig
from zonegit.dns.wire.message import AA, HEADER, HEADER_SIZE, QR, rcode_text
from zonegit.dns.wire.rrsets import rdata_of, split
from zonegit.errors import CorruptStore
from zonegit.model.names import APEX_KEY, ROOT, WireName, lower, owner_key, relative, suffixes
from zonegit.model.rdata import AAAA, NS, SOA, A, name_end
from zonegit.tree.version import ZoneVersion, block_items

OPCODE: Final = 4
_FLAGS: Final = OPCODE << 11 | AA
_SOA_IN: Final = b"\0\6\0\1"
_WRONG: Final = {
    tsig.BADSIG: "the other server has another secret for this key",
    tsig.BADKEY: "the other server doesn't know this key name and algorithm",
    tsig.BADTIME: "the clocks of both servers differ",
}
_OTHER: Final = "check the key on both sides"
_COMPARED: Final = QR >> 8 | 0x78
"""In the third byte of a header: QR and the opcode, which a reply must have."""


class Announcement(NamedTuple):
    """A version of a zone to announce."""

    apex: WireName
    soa: bytes
    """The SOA record of the version as served, with the owner `C0 0C`."""
    servers: tuple[bytes, ...]
    """The addresses (4 or 16 bytes) of the name servers in its NS records, as far as served zones contain them."""


class Versions(Protocol):
    """The served zones by apex."""

    def __contains__(self, apex: object) -> bool: ...

    def __getitem__(self, apex: WireName) -> ZoneVersion: ...


def announcement(version: ZoneVersion, zones: Versions, *, servers: bool) -> Announcement:
    """The announcement of a version, with addresses only if `servers`. `CorruptStore` if it can't be read."""
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
    return Announcement(version.apex, top[SOA], tuple(found))


def _rdatas(rrs: bytes) -> Iterator[bytes]:
    return map(rdata_of, split(rrs))


def _addresses(name: WireName, zones: Versions) -> Iterator[bytes]:
    """The addresses at a name, from the served zone that it is in."""
    apex = next((suffix for suffix in (*suffixes(name), ROOT) if suffix in zones), None)
    if apex is None:
        return
    block = zones[WireName(apex)].at(owner_key(relative(name, WireName(apex))))
    for rtype, _, rrs in block_items(block or b""):
        if rtype in (A, AAAA):
            yield from _rdatas(rrs)


class NotifyRequest:
    """One NOTIFY request, signed if there is a key, and the check of its reply."""

    def __init__(self, content: Announcement, ident: bytes, key: tsig.TsigKey | None, now: int) -> None:
        """`ident` is two random bytes; `now` Unix seconds."""
        question = content.apex + _SOA_IN
        message = ident + HEADER.pack(0, _FLAGS, 1, 1, 0, 0)[2:] + question + content.soa
        self._question = question
        self._key = key
        self._mac = b""
        if key is not None:
            signature = tsig.Signature(key)
            message = signature.sign(message, now)
            self._mac = signature.mac
        self.message = message
        self.failure = "no answer"
        """Why no reply has been accepted yet."""

    def rcode_of(self, reply: bytes, now: int) -> int | None:
        """The rcode of a reply; None if it answers another message, or isn't validly signed though this one is."""
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
        if self._key is not None and not self._is_authentic(reply, rcode, self._key, now):
            return None
        return rcode

    def _is_authentic(self, reply: bytes, rcode: int, key: tsig.TsigKey, now: int) -> bool:
        try:
            record = tsig.find(reply)
            if record is None:
                self.failure = f"an answer without a signature, {rcode_text(rcode)}"
                return False
            code = record.error or tsig.check(reply, record, {key.name: key}, now, self._mac)
        except tsig.Malformed:
            code = tsig.BADSIG
        if code:
            self.failure = f"an answer with TSIG error {code}, {rcode_text(rcode)}: {_WRONG.get(code, _OTHER)}"
            return False
        return True
