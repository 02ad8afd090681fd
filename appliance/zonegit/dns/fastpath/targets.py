"""Records that refer to names: aliases, referrals, and answers that many names share.

The bytes are those of `wire.encode`, with pointers to the question, to the apex or the cut inside it, and to names
that were written before.
"""

from itertools import islice
from typing import Final

from zonegit.dns.access.requestor import NOBODY
from zonegit.dns.cache import LARGEST
from zonegit.dns.fastpath.zone_index import LIMIT, Cut, Shared, ZoneIndex
from zonegit.dns.lookup.descent import path
from zonegit.dns.lookup.resolve import resolve
from zonegit.dns.wire.encode import COUNTS, encode
from zonegit.dns.wire.message import HEADER_SIZE, MAX_MESSAGE
from zonegit.dns.wire.name_table import POINTER, NameTable
from zonegit.dns.wire.response import Draft
from zonegit.dns.wire.rrsets import RR_FIXED, rdata_of, split
from zonegit.dns.zone.served_zones import ServedZones
from zonegit.model.names import WireName, is_at_or_below, lower, suffixes
from zonegit.model.rdata import AAAA, CNAME, NS, RRSIG, A, name_spans
from zonegit.tree.version import BLOCK_ITEM, block_items

_SERVERS: Final = 16
"""Most servers of a cut that are handled here. Glue of more seldom fits, and the slow path remembers it by cut."""


def with_target_compressed(zones: ServedZones, index: ZoneIndex, name: bytes, rr: bytes) -> bytes | None:
    """A record at the question's name, with the name in its RDATA compressed. None where the two names have more in
    common than the zone."""
    target = rr[RR_FIXED:]
    if name.endswith(target) or target.endswith(name):
        return None
    above = target[1 + target[0] :]
    common = index.common_suffixes.get(above)
    if common is None:
        common = _common_suffix(zones, index, above)
    if common < 0:
        common = -1 - common
        if above != index.apex and name[1 + name[0] :] != index.apex:
            return None
    if common:
        target = target[:-common] + (POINTER | HEADER_SIZE + len(name) - common).to_bytes(2, "big")
    return rr[:10] + len(target).to_bytes(2, "big") + target


def records_at_target(
    zones: ServedZones, index: ZoneIndex, name: bytes, rr: bytes, qtype: int
) -> tuple[int, bytes] | None:
    """The number of records of `qtype` at an alias's target, and the records, to be put behind the alias.

    `(0, b"")` where the target is in no zone that is served. Otherwise it must be right below this zone's apex and
    have such records. None for anything else.
    """
    target = rr[RR_FIXED:]
    if target in zones.by_apex:
        return None
    above = target[1 + target[0] :]
    if above != index.apex:
        return (0, b"") if index.common_suffixes[above] >= 0 else None
    records = index.target_records.get((target, qtype))
    if records is None:
        records = _records_at_target(index, target, qtype)
        if records is None:
            return None
    owner = (POINTER | HEADER_SIZE + len(name) + 4 + RR_FIXED).to_bytes(2, "big")
    return len(records), owner + owner.join(records)


def _records_at_target(index: ZoneIndex, target: bytes, qtype: int) -> tuple[bytes, ...] | None:
    """The records of a type at a name right below the apex, each without its owner. Kept when it comes again.

    None where there are none, or the name is an alias or a cut.
    """
    label = target[1 : 1 + target[0]]
    block = None if 0 in label or 1 in label else index.blocks.read(index.prefix + label + b"\0")
    if block is None:
        return None
    found = None
    for rtype, _, rrs in block_items(block):
        if rtype == qtype:
            found = tuple(each[2:] for each in split(rrs))
        elif rtype in (0, CNAME, NS) or _is_stray(index, rtype):
            return None
    key = (target, qtype)
    if found is not None and len(block) <= LARGEST and index.seen_before(key):
        index.target_records[key] = found
    return found


def _common_suffix(zones: ServedZones, index: ZoneIndex, above: bytes) -> int:
    """How many bytes at its end a name shares with the apex: n, or -1 - n if it is in a zone that is served."""
    at = common = 0
    inside = False
    while True:
        end = above[at:]
        inside = inside or end in zones.by_apex
        if not above[at]:
            break
        if not common and is_at_or_below(index.apex, end):
            common = len(end)
        at += 1 + above[at]
    if len(index.common_suffixes) >= LIMIT:
        index.common_suffixes.clear()
    index.common_suffixes[above] = found = -1 - common if inside else common
    return found


def referral(index: ZoneIndex, cut: Cut, size: int, edns: int) -> tuple[bytes, bytes] | None:
    """Counts and records of a referral for a name of `size` bytes; None where a server is the apex itself."""
    if cut.servers.find(cut.name) < 0:
        return _refer_shared(index, cut, size, edns)
    key = size << 1 | edns
    made = cut.made.get(key)
    if made is None:
        made = _refer(index, cut, size, edns)
        if made is not None:
            cut.made[key] = made
    return made


def _refer_shared(index: ZoneIndex, cut: Cut, size: int, edns: int) -> tuple[bytes, bytes] | None:
    """The same where no server is below the cut, shared by all cuts of one length with these servers."""
    name = cut.name
    key = (cut.servers, name[1 + name[0] :], len(name), size << 1 | edns)
    made = index.referrals.get(key)
    if made is None:
        made = _refer(index, cut, size, edns)
        if made is not None and index.seen_before(key):
            index.referrals[key] = made
    return made


def _refer(index: ZoneIndex, cut: Cut, size: int, edns: int) -> tuple[bytes, bytes] | None:
    # 1. Names point to the cut inside the question, and to names that were written before.
    servers = list(islice(split(cut.servers), _SERVERS + 1))
    if len(servers) > _SERVERS:
        return None
    name = cut.name
    start = HEADER_SIZE + size - len(name)
    names = NameTable(name, start)
    base = HEADER_SIZE + size + 4
    owner = names.short(name, base)
    glue: list[tuple[bytes, bytes]] = []
    others: list[tuple[bytes, bytes]] = []
    out = b""
    # 2. Write the NS records, and collect addresses: of servers below the cut first, then of others in the zone.
    for rr in servers:
        server = rr[RR_FIXED:]
        short = names.short(server, base + len(out) + RR_FIXED)
        out += owner + rr[2:10] + len(short).to_bytes(2, "big") + short
        label = server[0]
        if server[1 + label :] == name and 0 not in server[1 : 1 + label] and 1 not in server[1 : 1 + label]:
            known = _put_addresses(index, glue, server, index.blocks.read(cut.key + server[1 : 1 + label] + b"\0"))
        elif is_at_or_below(server, index.apex):
            steps = path(WireName(server), WireName(index.apex))
            if not steps:
                return None
            section = glue if is_at_or_below(server, name) else others
            known = _put_addresses(index, section, server, index.blocks.read(index.prefix + steps[-1][0]))
        else:
            known = True
        if not known:
            return None
    # 3. Write the addresses.
    count = edns
    for server, rrs in glue + others:
        for rr in split(rrs):
            out += names.short(server, base + len(out)) + rr[2:]
            count += 1
    return COUNTS.pack(0, len(servers), count), out


def _put_addresses(
    index: ZoneIndex, section: list[tuple[bytes, bytes]], server: bytes, block: bytes | None
) -> bool:
    """Collect the addresses at a server's name; False where the referral is for the slow path."""
    at = 0
    end = len(block or b"")
    while block is not None and at < end:
        rtype, _, size = BLOCK_ITEM.unpack_from(block, at)
        start = at + BLOCK_ITEM.size
        at = start + size
        if rtype in (A, AAAA):
            section.append((server, block[start:at]))
        elif _is_stray(index, rtype):
            return False
    return True


def _is_stray(index: ZoneIndex, rtype: int) -> bool:
    """Whether these are signatures in a zone that isn't signed, which DO queries get all the same, or stand for a
    large block, which isn't in the view.
    """
    return not rtype or (rtype == RRSIG and not index.signed)


def shared(zones: ServedZones, index: ZoneIndex, name: bytes, qtype: int, rrs: bytes, edns: int) -> Shared | None:
    """The answer with these records of `qtype`, for a name right below the apex."""
    if len(rrs) > LARGEST:
        return None
    key = (rrs, len(name) << 1 | edns)
    found = index.shared.get(key)
    if found is None:
        if not index.seen_before(key):
            return None
        found = _share(zones, index, name, qtype, edns)
        if found is None or len(found.records) > LARGEST:
            return None
        if len(index.shared) >= LIMIT:
            index.shared.clear()
        index.shared[key] = found
    return None if name in found.names else found


def _share(zones: ServedZones, index: ZoneIndex, name: bytes, qtype: int, edns: int) -> Shared | None:
    """As the slow path makes it; None where other names of this length would get something else."""
    draft = Draft(WireName(name), qtype, do=not index.signed, sender=NOBODY)  # to meet stray signatures
    resolve(zones, index.zone, draft)
    if draft.spans_zones or draft.delegation is not None or draft.rcode or not draft.name_exists:
        return None
    names: set[bytes] = set()
    for owner, rtype, _, rrs in draft.answer + draft.authority + draft.glue + draft.additional:
        if _is_stray(index, rtype):
            return None
        if owner != name:
            names.update(suffixes(owner))
        for rr in split(rrs):
            rdata = rdata_of(rr)
            for start, end in name_spans(rtype, rdata):
                names.update(suffixes(lower(rdata[start:end])))
    if name in names:
        return None
    counts, records = encode(draft, MAX_MESSAGE, edns=bool(edns))
    return Shared(counts, records, frozenset(names))
