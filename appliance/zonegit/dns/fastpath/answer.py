"""The fast path for common queries: from the packet's bytes to the response's bytes, without a draft.

It takes addresses, texts and the like, mail and service records, aliases, referrals and negative answers, where
nothing has to be proved, all clients see one version, and the response fits. It leaves everything else to the slow
path (`lookup`), whose bytes it sends: `tests/unit/dns/fastpath/test_fastpath.py` compares the two.

A packet costs here what a flood of invented names costs. So this works on bytes and tuples, with one look-up for
all of a packet but its first label (`template`) and one in the view. What depends on a zone's version alone is
prepared in its `ZoneIndex`.
"""

from collections.abc import Callable, Collection
from typing import Final
from zlib import crc32

from zonegit.dns.fastpath.blocks import NoViewTable, ViewTable
from zonegit.dns.fastpath.compose import RECORDS, Parts, at_owner, from_wildcard, no_data, nxdomain, refer
from zonegit.dns.fastpath.gap_cache import Gap
from zonegit.dns.fastpath.nsec_denial import proven_denial
from zonegit.dns.fastpath.packet_cache import Entry, PacketCache
from zonegit.dns.fastpath.query_shape import QueryShapes
from zonegit.dns.fastpath.template import KINDS, LIMIT, QUESTION, AnswerTemplate
from zonegit.dns.fastpath.zone_index import ZoneIndex
from zonegit.dns.zone.served_zones import ServedZones
from zonegit.dns.zone.zone_state import ZoneState
from zonegit.model.names import MAX_LABEL, MAX_NAME
from zonegit.store.layout import SEAL, VIEW_ENTRY, head_of_entry

SlotBase = Callable[[bytes], int]
"""A zone's apex -> what is added to the slots of its answers."""
_LABEL: Final = QUESTION + 1
"""Where the first label's text starts."""
_DEEPEST: Final = 40
"""Labels below an apex that this goes down: enough for `ip6.arpa.`"""


class FastPath:
    """Answers from the zones that are served, or leaves a packet to the slow path."""

    def __init__(
        self,
        zones: ServedZones,
        packets: PacketCache,
        udp_size: int,
        views: ViewTable | None = None,
        slot_base: SlotBase = lambda _: 0,
        *,
        streams: bool = False,
    ) -> None:
        """`udp_size` bounds responses over UDP, in bytes; with `streams` they go over connections. `views` is None
        where no view can be read."""
        self._served_zones = zones
        self._slot_base = slot_base
        self._zones = zones.by_apex
        self._budget = zones.budget
        """Pays for what is read besides a packet's own name, and for the slow path where that goes on."""
        self._packets = packets
        self.shape = QueryShapes(udp_size, streams=streams).find
        """`(flags and counts, what comes after the question)` -> the packet's shape, if it has one."""
        self._templates: dict[bytes, AnswerTemplate] = {}
        """A packet without id and first label, in lowercase -> how it is answered."""
        self._indexes: dict[bytes, ZoneIndex] = {}
        """By apex."""
        self._views = views or NoViewTable()
        self._table = self._views.table
        self._crc = crc32
        """Not looked up each time."""

    def forget(self, apexes: Collection[bytes] | None = None) -> None:
        """Read these zones (None: all) anew: their versions may have changed, or where their views are."""
        if apexes is None:
            self._templates.clear()
            apexes = list(self._indexes)
        for apex in apexes:
            index = self._indexes.pop(apex, None)
            if index is not None:
                index.zone.index = None
                for key in index.template_keys:
                    self._templates.pop(key, None)

    def answer(self, body: bytes) -> Entry | None:
        """The response to a packet, both without the id, and the slot to count; None: for the slow path."""
        try:
            # 1. All of the packet but its first label finds the template: zone, type and shape in one look-up.
            at = _LABEL + body[QUESTION]
            template = self._templates.get(body[:QUESTION] + body[at:])
            if template is None:
                return self._without_template(body, at)
            # 2. The label makes the owner's key, unless it needs escapes there or the name is another zone's apex.
            label = body[_LABEL:at].lower()
            if (
                not _LABEL < at <= template.label_limit
                or 0 in label
                or 1 in label
                or (template.has_child_zones and template.name(body) in self._zones)
            ):
                return None
            index = template.index
            key = template.prefix + label + b"\0"
            # 3. Where the last name was in a known gap, this one is looked for in the gaps before the store.
            if index.gaps.first and (gap := index.gaps.find(key)) is not None:
                return self._no_name(body, at, template, key, gap)
            # 4. One look-up in the view finds the block, or nothing.
            if not index.has_view:
                return self._without_view(body, at, template, key)
            sealed = self._views.get(key, None, self._table)
            if sealed is None:
                return self._no_name(body, at, template, key, None)
            # 5. Check the seal. This is `layout.unseal`, which would cost a call; the slow path reports the damage.
            check, rtype, records, size = head_of_entry(sealed)
            block = sealed[SEAL:]
            crc = self._crc
            if crc(block, crc(key)) != check:
                return None
            # 6. One RRset, of the type that was asked for: its bytes are the answer. Else look closer.
            if rtype != template.simple_type or len(sealed) != VIEW_ENTRY + size or records >= RECORDS:
                return self._finish(body, template, at_owner(self._served_zones, body, template, key, block))
            rest = (
                template.headers[records]
                + body[QUESTION : template.question_end]
                + sealed[VIEW_ENTRY:]
                + template.opt
            )
            if len(rest) > template.room:
                return None
            # 7. Offer the response to the cache. The checksum serves as the packet's hash: it is there already.
            if not check & self._packets.skip_mask:
                self._offer(body, template, (rest, template.positive))
            return rest, template.positive
        except Exception:
            return None  # the slow path will meet it, too: it has a second source, and reports the error

    def _without_template(self, body: bytes, at: int) -> Entry | None:
        """A packet that no template fits yet: the first of its kind, in another case, or with a longer name."""
        template = self._template(body)
        if template is None:
            return None
        if at + template.tail_size != len(body):
            return self._finish(body, template, self._several_labels(body, template))
        # One label in front of the apex: answer it in lowercase, and give the question its case back.
        lowered = body[:QUESTION] + template.name(body) + body[template.name_end :]
        found = self.answer(lowered)
        if found is None or lowered == body:
            return found
        question = body[QUESTION : template.question_end]
        return found[0][:QUESTION] + question + found[0][QUESTION + len(question) :], found[1]

    def _template(self, body: bytes) -> AnswerTemplate | None:
        """The template for a packet with any name below an apex, in any case; None: it is for the slow path."""
        # 1. Type, class and shape must be known ones.
        end = body.find(0, QUESTION) + 1
        kind = KINDS.get(body[end : end + 4])
        shape = self.shape(body[:QUESTION], body[end + 4 :])
        if kind is None or shape is None or not end <= QUESTION + MAX_NAME:
            return None
        # 2. Find the zone, label by label.
        name = body[QUESTION:end].lower()
        zones = self._zones
        at = 0
        while (zone := zones.get(name[at:])) is None:
            size = name[at]
            if not 0 < size <= MAX_LABEL:
                return None
            at += 1 + size
        index = zone.index
        if not isinstance(index, ZoneIndex):
            index = self._prepare(zone)
        if not at or index.left_to_slow_path:
            return None
        # 3. Keep the template under what all such packets share.
        key = body[:QUESTION] + name[at:] + body[end:]
        template = self._templates.get(key)
        if template is None:
            if len(self._templates) >= LIMIT:
                self._make_room()
            template = self._templates[key] = AnswerTemplate(index, shape, kind)
            index.template_keys.append(key)
        return template

    def _make_room(self) -> None:
        self._templates.clear()
        for index in self._indexes.values():
            index.template_keys.clear()

    def _prepare(self, zone: ZoneState) -> ZoneIndex:
        index = zone.index = ZoneIndex(zone, self._served_zones, self._views, self._slot_base(zone.apex))
        self._indexes[index.apex] = index
        self._budget.restore()
        return index

    def _without_view(self, body: bytes, at: int, template: AnswerTemplate, key: bytes) -> Entry | None:
        """Answer for a name right below the apex from the zone's version, as it has no view."""
        block = template.index.blocks.read(key)
        if block is None:
            return self._no_name(body, at, template, key, None)
        return self._finish(body, template, at_owner(self._served_zones, body, template, key, block))

    def _no_name(self, body: bytes, at: int, template: AnswerTemplate, key: bytes, gap: Gap | None) -> Entry | None:
        """Answer for a name right below the apex at which nothing is. `gap` is the gap around it, if known."""
        # 1. The name must not be an empty non-terminal. Where gaps rarely help, most names don't learn one.
        index = template.index
        if key in index.soa_keys:
            return None
        if gap is None:
            if hash(key) & index.gaps.skip_mask:
                if index.blocks.has_below(key):
                    return None
                self._budget.restore()
            else:
                gap = index.gaps.find(key) or index.gap(key)
                if gap is None:
                    return None
        # 2. A wildcard may stand in for it; a denial may need proofs.
        if not template.denied_by_soa:
            return self._finish(body, template, self._wildcard_or_proof(body, template, key, gap))
        # 3. Else the SOA denies it, with bytes that depend on the name's length alone.
        before, behind = template.denials.get(at) or template.denial(body, at)
        rest = before + body[QUESTION : template.question_end] + behind
        if len(rest) > template.room:
            return None
        if not hash(body) & self._packets.skip_mask:
            self._offer(body, template, (rest, template.negative))
        return rest, template.negative

    def _wildcard_or_proof(
        self, body: bytes, template: AnswerTemplate, key: bytes, gap: Gap | None
    ) -> Parts | None:
        index = template.index
        block = index.apex_wildcard
        if block is not None:
            return from_wildcard(body, template, block) if block and not template.needs_proof else None
        made = proven_denial(index, template.name(body), key, gap) if index.zone.nsec else None
        return None if made is None else (template.shape.absent + made[0], made[1], template.negative)

    def _several_labels(self, body: bytes, template: AnswerTemplate) -> Parts | None:
        """Answer for a name several labels below the apex: the descent of RFC 1034 §4.3.2, remembered by owner.

        `lookup.descent.locate` says the same of any name, but remembers nothing between queries.
        """
        if template.needs_proof:
            return None
        # 1. Split the name into labels.
        index = template.index
        name = template.name(body)
        starts: list[int] = []
        at = 0
        while at < len(name) - len(index.apex):
            starts.append(at)
            at += 1 + name[at]
        if len(starts) > _DEEPEST:
            return None
        # 2. Go down to the name. A cut above it answers; anything else that isn't plain is for the slow path.
        key = template.prefix
        plain = True
        while starts:
            start = starts.pop()
            above = key
            label = name[start + 1 : start + 1 + name[start]]
            if 1 in label:
                return None
            plain = plain and name[start:] not in index.soa_names
            key = above + label + b"\0"
            if starts:
                step = index.step(key, name[start:])
                if step is not True:
                    return refer(body, template, step) if step else None
        # 3. The name itself: its RRsets, an empty non-terminal, the wildcard above it, or nothing.
        block, below = index.blocks.look(key)
        if block is not None:
            return at_owner(self._served_zones, body, template, key, block) if plain else None
        if below:
            return no_data(body, template) if plain else None
        block = index.wildcard(above)
        if not plain or block == b"":
            return None
        return nxdomain(body, template) if block is None else from_wildcard(body, template, block)

    def _finish(self, body: bytes, template: AnswerTemplate, parts: Parts | None) -> Entry | None:
        """The response that has these parts, if it fits."""
        if parts is None:
            return None
        self._budget.restore()
        head, records, slot = parts
        rest = head + body[QUESTION : template.question_end] + records + template.opt
        if len(rest) > template.room:
            return None
        if not hash(body) & self._packets.skip_mask:
            self._offer(body, template, (rest, slot))
        return rest, slot

    def _offer(self, body: bytes, template: AnswerTemplate, entry: Entry) -> None:
        """Have the response kept if its packet comes again."""
        self._packets.offer(template.index.zone, body, entry, template.name(body))
