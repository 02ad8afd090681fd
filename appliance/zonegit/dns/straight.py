"""The straight way for the commonest questions of UDP: from a packet's bytes to the answer's, without a draft.

Taken for addresses, texts and the like, mail and service records, aliases, referrals and denials, where nothing has
to be proved, one version is shown to everybody and all fits. Everything else is left to the walk (`answer`), whose
bytes these are to the last: `tests/unit/dns/test_straight.py` holds one to the other.

What a packet costs here is what an attack with invented names costs, so this is written for speed: bytes and
tuples, one look-up for all of a packet but its first label (`plans`), one of the view, what hangs on a zone's
version prepared in its `Way`.
"""

from collections.abc import Callable, Collection
from typing import Final
from zlib import crc32

from zonegit.dns.additional import ALIAS_MODE, SERVICES, leads_to_owner
from zonegit.dns.blocks import RR_FIXED, split
from zonegit.dns.cache import Entry, PacketCache
from zonegit.dns.compress import COUNTS
from zonegit.dns.denials import proven_denial
from zonegit.dns.forms import Forms
from zonegit.dns.gaps import Gap
from zonegit.dns.held import Held
from zonegit.dns.leads import follow, link, referral, shared
from zonegit.dns.plans import KINDS, LIMIT, LINKS, QUESTION, SIMPLE, Plan
from zonegit.dns.ways import CHECKED, HEAD, Cut, Door, NoDoor, Way
from zonegit.dns.zones import Zone
from zonegit.model.names import MAX_LABEL, MAX_NAME
from zonegit.model.rdata import AAAA, CNAME, NS, NSEC3, RRSIG, A
from zonegit.tree.version import BLOCK_ITEM, block_items

Place = Callable[[bytes], int]
"""A zone's apex -> what is added to a slot for its answers."""
_LABEL: Final = QUESTION + 1
_FIRST: Final = CHECKED + BLOCK_ITEM.size
"""Where the first RRset of a block in a view begins."""
_RECORDS: Final = 32
"""Below so many records an answer's counts stand ready."""
_DEEPEST: Final = 40
"""Labels below an apex that are gone down here: enough for `ip6.arpa.`"""


class Straight:
    """Answers from the zones that are held, or leaves a packet to the walk."""

    def __init__(
        self, held: Held, packets: PacketCache, udp_size: int, door: Door | None = None, place: Place = lambda _: 0
    ) -> None:
        self._held = held
        self._place = place
        self._zones = held.zones
        self._budget = held.budget
        """Spent by what is read beside a packet's own name; by the walk, too, where it has to go on."""
        self._packets = packets
        self.form = Forms(udp_size).find
        """The form of a packet, by what is in front of its question and behind it."""
        self._plans: dict[bytes, Plan] = {}
        """A packet without id and first label, lowercase -> how it is answered."""
        self._prepared: dict[bytes, Way] = {}
        """By apex."""
        self._door = door or NoDoor()
        self._table = self._door.table

    def forget(self, apexes: Collection[bytes] | None = None) -> None:
        """Look at these zones again (None: all): their versions, or where their views stand, may have changed."""
        if apexes is None:
            self._plans.clear()
            apexes = list(self._prepared)
        for apex in apexes:
            way = self._prepared.pop(apex, None)
            if way is not None:
                way.zone.way = None
                for mark in way.marks:
                    self._plans.pop(mark, None)

    def answer(self, body: bytes) -> Entry | None:
        """The response to a UDP packet, both behind the id, and the slot to count. None: it is for the walk."""
        try:
            at = _LABEL + body[QUESTION]
            plan = self._plans.get(body[:QUESTION] + body[at:])
            if plan is None:
                return self._elsewhere(body, at)
            label = body[_LABEL:at].lower()
            if (
                not _LABEL < at <= plan.last
                or 0 in label
                or 1 in label
                or (plan.nested and self._is_apex(body, plan))
            ):
                return None
            way = plan.way
            key = plan.prefix + label + b"\0"
            if way.gaps.first and (gap := way.gaps.find(key)) is not None:
                return self._absent(body, at, plan, key, gap)
            if not way.laid:
                return self._unlaid(body, at, plan, key)
            sealed = self._door.get(key, None, self._table)
            if sealed is None:
                return self._absent(body, at, plan, key, None)
            check, rtype, records, size = HEAD.unpack_from(sealed)
            block = sealed[CHECKED:]
            if crc32(block, crc32(key)) != check:
                return None
            if rtype != plan.plain or len(sealed) != _FIRST + size or records >= _RECORDS:
                return self._at(body, plan, key, block)
            rest = plan.leads[records] + body[QUESTION : plan.question_end] + sealed[_FIRST:] + plan.opt
            if len(rest) > plan.room:
                return None
            if not check & self._packets.unlikely:  # the checksum is as good as a hash, and at hand
                self._offer(body, plan, (rest, plan.positive))
            return rest, plan.positive
        except Exception:
            return None  # the walk meets it again, has a second source, and tells

    def _elsewhere(self, body: bytes, at: int) -> Entry | None:
        """A packet for which no plan stands ready: the first one, in another case, or with a longer name."""
        plan = self._plan(body)
        if plan is None:
            return None
        if at + plan.behind != len(body):
            return self._deep(body, plan)
        lowered = body[:QUESTION] + plan.name(body) + body[plan.name_end :]
        found = self.answer(lowered)
        if found is None or lowered == body:
            return found
        question = body[QUESTION : plan.question_end]
        return found[0][:QUESTION] + question + found[0][QUESTION + len(question) :], found[1]

    def _is_apex(self, body: bytes, plan: Plan) -> bool:
        return plan.name(body) in self._zones

    def _plan(self, body: bytes) -> Plan | None:
        """The plan for a packet with any name below an apex, in any case; None: it is for the walk."""
        end = body.find(0, QUESTION) + 1
        kind = KINDS.get(body[end : end + 4])
        form = self.form(body[:QUESTION], body[end + 4 :])
        if kind is None or form is None or not end <= QUESTION + MAX_NAME:
            return None
        name = body[QUESTION:end].lower()
        zones = self._zones
        at = 0
        while (zone := zones.get(name[at:])) is None:
            size = name[at]
            if not 0 < size <= MAX_LABEL:
                return None
            at += 1 + size
        way = zone.way or self._prepare(zone)
        if not at or way.closed:
            return None
        mark = body[:QUESTION] + name[at:] + body[end:]
        plan = self._plans.get(mark)
        if plan is None:
            if len(self._plans) >= LIMIT:
                self._make_room()
            plan = self._plans[mark] = Plan(way, form, kind)
            way.marks.append(mark)
        return plan

    def _make_room(self) -> None:
        self._plans.clear()
        for way in self._prepared.values():
            way.marks.clear()

    def _prepare(self, zone: Zone) -> Way:
        way = zone.way = Way(zone, self._held, self._door, self._place(zone.apex))
        self._prepared[way.apex] = way
        self._budget.restore()
        return way

    def _unlaid(self, body: bytes, at: int, plan: Plan, key: bytes) -> Entry | None:
        """What stands at a name right below the apex, or nothing, read through the zone's version."""
        block = plan.way.read(key)
        return self._absent(body, at, plan, key, None) if block is None else self._at(body, plan, key, block)

    def _absent(self, body: bytes, at: int, plan: Plan, key: bytes, gap: Gap | None) -> Entry | None:
        """Nothing stands at a name right below the apex."""
        way = plan.way
        if key in way.soa_keys:
            return None
        if gap is None:
            if hash(key) & way.gaps.unlikely:
                if way.has_below(key):
                    return None
                self._budget.restore()
            else:
                gap = way.gaps.find(key) or way.gap(key)
                if gap is None:
                    return None
        if not plan.denies:
            return self._wild_or_proven(body, plan, key, gap)
        before, behind = plan.denials.get(at) or plan.denial(body, at)
        rest = before + body[QUESTION : plan.question_end] + behind
        if len(rest) > plan.room:
            return None
        if not hash(body) & self._packets.unlikely:
            self._offer(body, plan, (rest, plan.negative))
        return rest, plan.negative

    def _wild_or_proven(self, body: bytes, plan: Plan, key: bytes, gap: Gap | None) -> Entry | None:
        """The same where there is a wildcard right below the apex, or a denial needs proofs."""
        way = plan.way
        block = way.apex_wild
        if block is not None:
            return self._wild(body, plan, block) if block and not plan.proving else None
        made = proven_denial(way, plan.name(body), key, gap) if way.zone.nsec else None
        return made and self._finished(body, plan, plan.form.absent + made[0], made[1], plan.negative)

    def _at(self, body: bytes, plan: Plan, key: bytes, block: bytes) -> Entry | None:
        """The RRsets at a name."""
        wanted = plan.wanted
        found = alias = signed = None
        at = 0
        end = len(block)
        while at < end:
            rtype, records, size = BLOCK_ITEM.unpack_from(block, at)
            start = at + BLOCK_ITEM.size
            at = start + size
            if rtype == NSEC3 or not rtype or (rtype == NS and plan.proving):
                return None  # a hashed owner is no name (RFC 5155 §7.2.8); a signed zone's cuts have proofs
            if rtype == NS:
                return self._refer(body, plan, Cut(plan.name(body), key, block[start:at]))
            if rtype == wanted:
                found = records, block[start:at]
            elif rtype == CNAME:
                if records != 1:
                    return None  # no zone may have more: the walk leads on from the first
                alias = block[start:at]
            elif rtype == RRSIG and plan.do:
                signed = block[start:at]
        if signed is not None or plan.proving:
            return self._signed(body, plan, found, alias, signed)
        if alias is not None:
            return self._alias(body, plan, alias)
        if found is not None:
            return self._positive(body, plan, block, *found)
        return None if plan.name(body) in plan.way.soa_names else self._no_data(body, plan)

    def _signed(
        self, body: bytes, plan: Plan, found: tuple[int, bytes] | None, alias: bytes | None, signed: bytes | None
    ) -> Entry | None:
        """The RRset at a name, and its signatures."""
        wanted = plan.wanted
        if found is None or alias is not None or wanted not in SIMPLE:
            return None
        mark = wanted.to_bytes(2, "big")
        signatures = [rr for rr in split(signed or b"") if rr[12:14] == mark]
        records = found[0] + len(signatures)
        if records >= _RECORDS:
            return None
        return self._finished(body, plan, plan.leads[records], found[1] + b"".join(signatures), plan.positive)

    def _positive(self, body: bytes, plan: Plan, block: bytes, records: int, rrs: bytes) -> Entry | None:
        wanted, way = plan.wanted, plan.way
        if wanted in SIMPLE:
            if records >= _RECORDS:
                return None
            return self._finished(body, plan, plan.leads[records], rrs, plan.positive)
        name = plan.name(body)
        if wanted in LINKS:
            linked = link(self._held, way, name, rrs) if records == 1 else None
            return None if linked is None else self._finished(body, plan, plan.leads[1], linked, plan.positive)
        if wanted in SERVICES and leads_to_owner(rrs):
            return self._own_service(body, plan, block, rrs) if records == 1 else None
        if name[1 + name[0] :] != way.apex:
            return None
        same = shared(self._held, way, name, wanted, rrs, plan.form.edns)
        if same is None:
            return None
        return self._finished(body, plan, plan.form.flags + same.counts, same.records, plan.positive)

    def _own_service(self, body: bytes, plan: Plan, block: bytes, rr: bytes) -> Entry | None:
        """An SVCB or HTTPS record whose target is its owner, and the addresses that stand there."""
        found = rr
        records = plan.form.edns
        if rr[RR_FIXED : RR_FIXED + 2] != ALIAS_MODE:
            for rtype, number, rrs in block_items(block):
                if rtype in (A, AAAA):
                    found += rrs
                    records += number
        return self._finished(body, plan, plan.form.flags + COUNTS.pack(1, 0, records), found, plan.positive)

    def _alias(self, body: bytes, plan: Plan, rr: bytes) -> Entry | None:
        wanted, way, name = plan.wanted, plan.way, plan.name(body)
        linked = link(self._held, way, name, rr)
        if linked is None:
            return None
        if wanted == CNAME:
            return self._finished(body, plan, plan.leads[1], linked, plan.positive)
        if wanted not in SIMPLE:
            return None
        more = follow(self._held, way, name, rr, wanted)
        if more is None or more[0] + 1 >= _RECORDS:
            return None
        return self._finished(body, plan, plan.leads[1 + more[0]], linked + more[1], plan.positive)

    def _no_data(self, body: bytes, plan: Plan) -> Entry | None:
        counts, records = plan.way.denial(plan.name(body), plan.form.edns)
        return self._finished(body, plan, plan.form.flags + counts, records, plan.positive)

    def _wild(self, body: bytes, plan: Plan, block: bytes) -> Entry | None:
        """The RRsets of the wildcard for a name, none of whose ends the SOA has."""
        found = None
        for rtype, records, rrs in block_items(block):
            if rtype in (0, CNAME, NS) or (rtype == RRSIG and plan.do):
                return None
            if rtype == plan.wanted:
                found = records, rrs
        if found is None:
            return self._no_data(body, plan)
        if plan.plain < 0 or found[0] >= _RECORDS:
            return None
        return self._finished(body, plan, plan.leads[found[0]], found[1], plan.positive)

    def _refer(self, body: bytes, plan: Plan, cut: Cut) -> Entry | None:
        made = referral(plan.way, cut, len(plan.name(body)), plan.form.edns)
        return made and self._finished(body, plan, plan.form.referring + made[0], made[1], plan.positive)

    def _deep(self, body: bytes, plan: Plan) -> Entry | None:
        """The name is further below the apex: see what stands on the way to it."""
        if plan.proving:
            return None
        way = plan.way
        name = plan.name(body)
        starts: list[int] = []
        at = 0
        while at < len(name) - len(way.apex):
            starts.append(at)
            at += 1 + name[at]
        if len(starts) > _DEEPEST:
            return None
        key = plan.prefix
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
                    return self._refer(body, plan, step) if step else None
        block, below = way.look(key)
        if block is not None:
            return self._at(body, plan, key, block) if plain else None
        if below:
            return self._no_data(body, plan) if plain else None
        block = way.wild(above)
        if not plain or block == b"":
            return None
        if block is not None:
            return self._wild(body, plan, block)
        counts, records = way.denial(name, plan.form.edns)
        return self._finished(body, plan, plan.form.absent + counts, records, plan.negative)

    def _finished(self, body: bytes, plan: Plan, head: bytes, records: bytes, slot: int) -> Entry | None:
        self._budget.restore()
        rest = head + body[QUESTION : plan.question_end] + records + plan.opt
        if len(rest) > plan.room:
            return None
        if not hash(body) & self._packets.unlikely:
            self._offer(body, plan, (rest, slot))
        return rest, slot

    def _offer(self, body: bytes, plan: Plan, entry: Entry) -> None:
        """Have the response kept if its packet comes again."""
        self._packets.offer(plan.way.zone, body, entry, plan.name(body))
