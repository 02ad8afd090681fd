"""The straight way for the commonest questions of UDP, without a draft: about a third of the walk's time.

Taken for an address or text at a name that stands in a plain zone or has a wildcard beside it, and for a name that
doesn't stand right below an apex: when nothing on the way is a cut, a DNAME or an alias, nothing has to be proved,
and all fits. Everything else is left to the walk (`answer`), whose bytes these are to the last:
`tests/unit/dns/test_straight.py` holds one to the other.
"""

from collections.abc import Callable, MutableSequence
from typing import Final

from zonegit.dns.cache import PacketCache
from zonegit.dns.message import AA, HEADER_SIZE, MIN_UDP, QR, RD, Rcode, opt_record
from zonegit.dns.stats import query_slot
from zonegit.dns.zones import Held, Zone
from zonegit.model.names import APEX_KEY, MAX_LABEL, MAX_NAME, OwnerKey, WireName, lower
from zonegit.model.rdata import AAAA, CNAME, NAPTR, NS, RRSIG, TXT, A
from zonegit.tree.version import BLOCK_ITEM

TYPES: Final = (A, AAAA, TXT, NAPTR, 44, 52, 99, 257)  # SSHFP, TLSA, SPF, CAA
"""Types whose RDATA is sent as it is and asks for nothing additional."""

_TYPE: Final = {rtype.to_bytes(2, "big") + b"\0\1": rtype for rtype in TYPES}
_FOUND: Final = {rtype: query_slot(rtype, Rcode.NOERROR) for rtype in TYPES}
_ABSENT: Final = {rtype: query_slot(rtype, Rcode.NXDOMAIN) for rtype in TYPES}
_BARE: Final = b"\0\1\0\0\0\0\0\0"
_WITH_OPT: Final = b"\0\1\0\0\0\0\0\1"
_OPT_SIZE: Final = 11
_FLAGS: Final = tuple(((QR | AA | rd * RD).to_bytes(2, "big") + b"\0\1") for rd in (0, 1))
_NX_FLAGS: Final = tuple(((QR | AA | rd * RD | Rcode.NXDOMAIN).to_bytes(2, "big") + b"\0\1") for rd in (0, 1))
_COUNTS: Final = (b"\0\0\0\0", b"\0\0\0\1")

Deny = Callable[[Zone, WireName, bool], bytes]
"""Counts and records of a name's denial, as the walk makes them; the last argument says whether there is EDNS."""


class Straight:
    """Answers from the zones that are held, or leaves a packet to the walk."""

    def __init__(
        self, held: Held, packets: PacketCache, udp_size: int, stats: MutableSequence[int], deny: Deny
    ) -> None:
        self._held = held
        self._packets = packets
        self._udp_size = udp_size
        self._stats = stats
        self._deny = deny
        self._opts = [opt_record(udp_size, 0, do=do) for do in (False, True)]

    def __call__(self, packet: bytes) -> bytes | None:
        """The response to a UDP packet; None when it isn't one for the straight way."""
        counts = packet[4:12]
        opt = b""
        limit = MIN_UDP
        end = len(packet)
        if counts == _WITH_OPT:
            end -= _OPT_SIZE
            asked = packet[end:]
            if asked[:3] != b"\0\0\x29" or asked[5:7] != b"\0\0" or asked[9:] != b"\0\0":
                return None
            limit = max(MIN_UDP, min(self._udp_size, asked[3] << 8 | asked[4]))
            opt = self._opts[asked[7] >> 7]
        elif counts != _BARE:
            return None
        question = packet[HEADER_SIZE:end]
        rtype = _TYPE.get(question[-4:])
        if rtype is None or packet[2] & 0xFE or len(question) > MAX_NAME + 4:
            return None
        name = WireName(lower(question[:-4]))
        try:
            found = self._find(name, rtype, opt)
        except Exception:
            return None  # the walk meets it again, has a second source, and tells
        if found is None:
            return None
        zone, flags, records, slot = found
        rest = flags[packet[2]] + records[:6] + question + records[6:] + opt
        if len(rest) + 2 > limit:
            return None
        self._stats[slot] += 1
        if question.startswith(name) and self._packets.second_sight(packet[2:]):
            self._packets.add(zone, packet[2:], (rest, slot))
        return packet[:2] + rest

    def _find(self, name: WireName, rtype: int, opt: bytes) -> tuple[Zone, tuple[bytes, ...], bytes, int] | None:
        """The zone, the flags by RD, the counts behind QDCOUNT with the records, and the slot to count."""
        place = self._place(name)
        if place is None:
            return None
        zone, key, deep = place
        if zone.expired:
            return None
        zone.top()
        proving = opt[7:8] == b"\x80"
        if zone.canary is not None or zone.bends or (proving and zone.signed):
            return None
        block = zone.version.at(key)
        if block is None:
            if zone.has_below(key):
                return None
            if deep:  # a wildcard beside it shows that its parent is the closest encloser (RFC 4592 §3.3.1)
                block = zone.version.at(OwnerKey(key[: key.rfind(b"\0", 0, -1) + 1] + b"*\0"))
        if block is not None:
            records = _take(block, rtype, _COUNTS[bool(opt)], proving)
            return (zone, _FLAGS, records, _FOUND[rtype]) if records else None
        if deep or zone.wildcard(APEX_KEY) is not None or name in zone.soa_names:
            return None
        mark = (len(name), bool(opt))
        denial = zone.denials.get(mark)
        if denial is None:
            denial = zone.denials[mark] = self._deny(zone, name, bool(opt))
        return zone, _NX_FLAGS, denial, _ABSENT[rtype]

    def _place(self, name: WireName) -> tuple[Zone, OwnerKey, bool] | None:
        """The zone of a name, its key, and whether there are owners between it and the apex, none of them a cut."""
        zones = self._held.zones
        if name in zones:
            return None
        size = name[0] if name else 0
        zone = zones.get(WireName(name[1 + size :]))
        if zone is None:
            return self._deep_place(name)
        label = name[1 : 1 + size]
        if b"\0" in label or b"\1" in label or not 0 < size <= MAX_LABEL:
            return None
        return zone, OwnerKey(label + b"\0"), False

    def _deep_place(self, name: WireName) -> tuple[Zone, OwnerKey, bool] | None:
        zones = self._held.zones
        labels = []
        zone = None
        at = 0
        while zone is None:
            size = name[at] if at < len(name) else 0
            if not 0 < size <= MAX_LABEL:
                return None
            labels.append(name[at + 1 : at + 1 + size])
            at += 1 + size
            zone = zones.get(WireName(name[at:]))
        if b"\0" in name[:at] or b"\1" in b"".join(labels):
            return None
        key = labels.pop() + b"\0"
        while labels:
            if not zone.leads_on(OwnerKey(key)):
                return None
            key += labels.pop() + b"\0"
        return zone, OwnerKey(key), True


def _take(block: bytes, rtype: int, others: bytes, proving: bool) -> bytes | None:
    """The counts and the RRset of a type from a block; None where the walk has more to say."""
    found = None
    at = 0
    end = len(block)
    while at < end:
        here, records, size = BLOCK_ITEM.unpack_from(block, at)
        start = at + BLOCK_ITEM.size
        at = start + size
        if here == rtype:
            found = records.to_bytes(2, "big") + others + block[start:at] if records < 256 else None
        elif here in (NS, CNAME) or (proving and here == RRSIG):
            return None
    return found
