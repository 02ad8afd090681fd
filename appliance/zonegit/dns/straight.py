"""The straight way for the commonest questions of UDP: from a packet's bytes to the answer's, without a draft.

Taken for addresses, texts and the like, mail and service records, aliases, referrals and denials, where nothing has
to be proved, one version is shown to everybody and all fits. Everything else is left to the walk (`answer`), whose
bytes these are to the last: `tests/unit/dns/test_straight.py` holds one to the other.

What a packet costs here is what an attack with invented names costs, so this is written for speed: bytes and
tuples, one look-up of the view, what hangs on a zone's version prepared in its `Way`, a form's header kept ready.
"""

from collections.abc import Callable
from typing import Final
from zlib import crc32

from zonegit.dns.blocks import split
from zonegit.dns.cache import Entry, PacketCache
from zonegit.dns.denials import proven_denial
from zonegit.dns.forms import Form, Forms
from zonegit.dns.gaps import Gap
from zonegit.dns.held import Held
from zonegit.dns.leads import follow, link, referral, shared
from zonegit.dns.message import Rcode
from zonegit.dns.stats import query_slot
from zonegit.dns.ways import CHECKED, HEAD, Cut, Door, NoDoor, Way
from zonegit.dns.zones import Zone
from zonegit.model.names import MAX_LABEL, MAX_NAME
from zonegit.model.rdata import AAAA, CNAME, HTTPS, MX, NAPTR, NS, NSEC3, PTR, RRSIG, SRV, SVCB, TXT, A
from zonegit.tree.version import BLOCK_ITEM, block_items

SIMPLE: Final = frozenset((A, AAAA, TXT, NAPTR, 44, 52, 99, 257))  # SSHFP, TLSA, SPF, CAA
"""Types whose RDATA is sent as it is and asks for nothing additional."""
LINKS: Final = frozenset((CNAME, PTR))
"""Types whose RDATA is a name, and that ask for nothing additional."""
SHARED: Final = frozenset((NS, MX, SRV, SVCB, HTTPS))
"""Types that lead to other names: many owners have the same ones."""

Place = Callable[[bytes], int]
"""A zone's apex -> what is added to a slot for its answers."""
Kind = tuple[int, int, int]
"""A question's type, and the slots of its answers and of its denials."""
_KINDS: Final[dict[bytes, Kind]] = {
    rtype.to_bytes(2, "big") + b"\0\1": (
        rtype,
        query_slot(rtype, Rcode.NOERROR),
        query_slot(rtype, Rcode.NXDOMAIN),
    )
    for rtype in SIMPLE | LINKS | SHARED
}
_FIRST: Final = CHECKED + BLOCK_ITEM.size
"""Where the first RRset of a block in a view begins."""
_LONGEST: Final = 9 + MAX_NAME
"""Where the name in a packet behind the id ends at the latest."""


class Straight:
    """Answers from the zones that are held, or leaves a packet to the walk."""

    def __init__(
        self, held: Held, packets: PacketCache, udp_size: int, door: Door | None = None, place: Place = lambda _: 0
    ) -> None:
        self._held = held
        self._place = place
        self._zones = held.by_name
        self._packets = packets
        self._forms = Forms(udp_size)
        self.ready = self._forms.ready
        """What is known of the forms that packets come in."""
        self._prepared: list[Zone] = []
        self._door = door or NoDoor()
        self._table = self._door.table

    def forget(self) -> None:
        """Look at the zones again: which there are, their versions and where their views stand may have changed."""
        self._zones = self._held.by_name
        for zone in self._prepared:
            zone.way = None
        self._prepared.clear()

    def __call__(self, body: bytes) -> Entry | None:
        """The response to a UDP packet, both behind the id, and the slot to count. None: it is for the walk."""
        try:
            end = body.find(0, 10)
            kind = _KINDS.get(body[end + 1 : end + 5])
            form = self.ready.get(body[:10] + body[end + 5 :]) or self._forms.find(body[:10], body[end + 5 :])
            if kind is None or form is None or end > _LONGEST:
                return None
            name = body[10 : end + 1].lower()
            size = name[0]
            zone = self._zones.get(name[1 + size :])
            if zone is None or size > MAX_LABEL:
                return self._deep(body, name, form, kind)
            way = zone.way or self._prepare(zone)
            label = name[1 : 1 + size]
            if way.closed or 1 in label or (way.nested and name in self._zones):
                return None
            key = way.prefix + label + b"\0"
            if way.gaps.first and (gap := way.gaps.find(key)) is not None:
                return self._absent(body, name, form, kind, way, key, gap)
            if not way.laid:
                return self._unlaid(body, name, form, kind, way, key)
            sealed = self._door.get(key, None, self._table)
            if sealed is None:
                return self._absent(body, name, form, kind, way, key, None)
            check, rtype, records, size = HEAD.unpack_from(sealed)
            block = sealed[CHECKED:]
            if crc32(block, crc32(key)) != check:
                return None
            if rtype == kind[0] and rtype in SIMPLE and len(sealed) == _FIRST + size and records < 32:
                rest = form.leads[records] + body[10 : end + 5] + sealed[_FIRST:] + form.opt
                if len(rest) > form.room:
                    return None
                if not hash(body) & self._packets.unlikely:
                    self._packets.offer(zone, body, (rest, way.place + kind[1]), name)
                return rest, way.place + kind[1]
            return self._at(body, name, form, kind, way, block, key)
        except Exception:
            return None  # the walk meets it again, has a second source, and tells

    def _unlaid(self, body: bytes, name: bytes, form: Form, kind: Kind, way: Way, key: bytes) -> Entry | None:
        """What stands at a name right below the apex, or nothing, read through the zone's version."""
        block = way.read(key)
        if block is None:
            return self._absent(body, name, form, kind, way, key, None)
        return self._at(body, name, form, kind, way, block, key)

    def _prepare(self, zone: Zone) -> Way:
        way = zone.way = Way(zone, self._held, self._door, self._place(zone.apex))
        self._prepared.append(zone)
        return way

    def _absent(
        self, body: bytes, name: bytes, form: Form, kind: Kind, way: Way, key: bytes, gap: Gap | None
    ) -> Entry | None:
        """Nothing stands at a name right below the apex."""
        if name in way.soa_names:
            return None
        if gap is None:
            if hash(key) & way.gaps.unlikely:
                if way.has_below(key):
                    return None
            else:
                gap = way.gaps.find(key) or way.gap(key)
                if gap is None:
                    return None
        proving = form.do and way.signed
        block = way.apex_wild
        if block is not None:
            return self._wild(body, name, form, kind, way, block) if block and not proving else None
        if proving:
            made = proven_denial(way, name, key, gap) if way.zone.nsec else None
        else:
            made = way.denials.get(len(name) << 1 | form.edns) or way.denial(name, form.edns)
        if made is None:
            return None
        counts, records = made
        rest = b"".join((form.absent, counts, body[10 : 14 + len(name)], records, form.opt))
        if len(rest) > form.room:
            return None
        if not hash(body) & self._packets.unlikely:
            self._packets.offer(way.zone, body, (rest, way.place + kind[2]), name)
        return rest, way.place + kind[2]

    def _at(
        self, body: bytes, name: bytes, form: Form, kind: Kind, way: Way, block: bytes, key: bytes
    ) -> Entry | None:
        """The RRsets at a name."""
        wanted = kind[0]
        found = alias = signed = None
        at = 0
        end = len(block)
        while at < end:
            rtype, records, size = BLOCK_ITEM.unpack_from(block, at)
            start = at + BLOCK_ITEM.size
            at = start + size
            if rtype == NSEC3 or (rtype == NS and form.do and way.signed):
                return None  # a hashed owner is no name (RFC 5155 §7.2.8); a signed zone's cuts have proofs
            if rtype == NS:
                return self._refer(body, name, form, kind, way, Cut(name, key, block[start:at]))
            if rtype == wanted:
                found = records, block[start:at]
            elif rtype == CNAME:
                alias = block[start:at]
            elif rtype == RRSIG and form.do:
                signed = block[start:at]
        if form.do and (signed is not None or way.signed):
            return self._signed(body, name, form, kind, way, found, alias, signed)
        if alias is not None:
            return self._alias(body, name, form, kind, way, alias)
        if found is not None:
            return self._positive(body, name, form, kind, way, found)
        return None if name in way.soa_names else self._no_data(body, name, form, kind, way)

    def _signed(
        self,
        body: bytes,
        name: bytes,
        form: Form,
        kind: Kind,
        way: Way,
        found: tuple[int, bytes] | None,
        alias: bytes | None,
        signed: bytes | None,
    ) -> Entry | None:
        """The RRset at a name, and its signatures."""
        wanted, slot, _ = kind
        if found is None or alias is not None or wanted not in SIMPLE:
            return None
        mark = wanted.to_bytes(2, "big")
        signatures = [rr for rr in split(signed or b"") if rr[12:14] == mark]
        records = found[0] + len(signatures)
        if records >= len(form.leads):
            return None
        return self._finished(body, name, form, way, form.leads[records], found[1] + b"".join(signatures), slot)

    def _positive(
        self, body: bytes, name: bytes, form: Form, kind: Kind, way: Way, found: tuple[int, bytes]
    ) -> Entry | None:
        wanted, slot, _ = kind
        records, rrs = found
        if wanted in SIMPLE:
            if records >= len(form.leads):
                return None
            return self._finished(body, name, form, way, form.leads[records], rrs, slot)
        if wanted in LINKS:
            linked = link(self._held, way, name, rrs) if records == 1 else None
            return None if linked is None else self._finished(body, name, form, way, form.leads[1], linked, slot)
        if name[1 + name[0] :] != way.apex:
            return None
        same = shared(self._held, way, name, wanted, rrs, form.edns)
        if same is None:
            return None
        return self._finished(body, name, form, way, form.flags + same.counts, same.records, slot)

    def _alias(self, body: bytes, name: bytes, form: Form, kind: Kind, way: Way, rr: bytes) -> Entry | None:
        wanted, slot, _ = kind
        linked = link(self._held, way, name, rr)
        if linked is None:
            return None
        if wanted == CNAME:
            return self._finished(body, name, form, way, form.leads[1], linked, slot)
        if wanted not in SIMPLE:
            return None
        more = follow(self._held, way, name, rr, wanted)
        if more is None or more[0] + 1 >= len(form.leads):
            return None
        return self._finished(body, name, form, way, form.leads[1 + more[0]], linked + more[1], slot)

    def _no_data(self, body: bytes, name: bytes, form: Form, kind: Kind, way: Way) -> Entry | None:
        counts, records = way.denial(name, form.edns)
        return self._finished(body, name, form, way, form.flags + counts, records, kind[1])

    def _wild(self, body: bytes, name: bytes, form: Form, kind: Kind, way: Way, block: bytes) -> Entry | None:
        """The RRsets of the wildcard for a name, none of whose ends the SOA has."""
        wanted, slot, _ = kind
        found = None
        for rtype, records, rrs in block_items(block):
            if rtype in (CNAME, NS) or (rtype == RRSIG and form.do):
                return None
            if rtype == wanted:
                found = records, rrs
        if found is None:
            return self._no_data(body, name, form, kind, way)
        if wanted not in SIMPLE or found[0] >= len(form.leads):
            return None
        return self._finished(body, name, form, way, form.leads[found[0]], found[1], slot)

    def _refer(self, body: bytes, name: bytes, form: Form, kind: Kind, way: Way, cut: Cut) -> Entry | None:
        made = referral(way, cut, len(name), form.edns)
        return made and self._finished(body, name, form, way, form.referring + made[0], made[1], kind[1])

    def _deep(self, body: bytes, name: bytes, form: Form, kind: Kind) -> Entry | None:
        """The name isn't right below an apex: see what stands on the way to it."""
        zones = self._zones
        starts = []
        at = 0
        zone = zones.get(name)
        while zone is None:
            size = name[at]
            if not 0 < size <= MAX_LABEL:
                return None
            starts.append(at)
            at += 1 + size
            zone = zones.get(name[at:])
        way = zone.way or self._prepare(zone)
        if not at or way.closed or (form.do and way.signed):
            return None
        key = way.prefix
        plain = True
        while starts:
            start = starts.pop()
            above = key
            label = name[start + 1 : start + 1 + name[start]]
            if 1 in label:
                return None
            plain = plain and name[start:] not in way.soa_names
            key = above + label + b"\0"
            if starts:
                step = way.step(key, name[start:])
                if step is not True:
                    return self._refer(body, name, form, kind, way, step) if step else None
        block = way.read(key)
        if block is not None:
            return self._at(body, name, form, kind, way, block, key) if plain else None
        if way.has_below(key):
            return self._no_data(body, name, form, kind, way) if plain else None
        block = way.wild(above)
        if not plain or block == b"":
            return None
        if block is not None:
            return self._wild(body, name, form, kind, way, block)
        counts, records = way.denial(name, form.edns)
        return self._finished(body, name, form, way, form.absent + counts, records, kind[2])

    def _finished(
        self, body: bytes, name: bytes, form: Form, way: Way, head: bytes, records: bytes, slot: int
    ) -> Entry | None:
        rest = b"".join((head, body[10 : 14 + len(name)], records, form.opt))
        if len(rest) > form.room:
            return None
        if not hash(body) & self._packets.unlikely:
            self._packets.offer(way.zone, body, (rest, way.place + slot), name)
        return rest, way.place + slot
