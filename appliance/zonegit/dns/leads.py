"""Records that lead to names, written for the straight way: aliases, referrals, and answers that many names share.

The bytes are those of `compress`: pointers to the question, to the apex or the cut inside it, and to what was
written before.
"""

from itertools import islice
from typing import Final

from zonegit.dns.answer import resolve
from zonegit.dns.blocks import rdata_of, split
from zonegit.dns.cache import LARGEST
from zonegit.dns.compress import COUNTS, encode
from zonegit.dns.draft import Draft
from zonegit.dns.held import Held
from zonegit.dns.message import MAX_MESSAGE
from zonegit.dns.name_table import NameTable
from zonegit.dns.paths import is_below, path
from zonegit.dns.ways import LIMIT, Cut, Shared, Way
from zonegit.model.names import WireName, lower
from zonegit.model.rdata import AAAA, CNAME, NS, RRSIG, A, name_spans
from zonegit.tree.version import BLOCK_ITEM, block_items

_QUESTION: Final = 12
"""Where the question's name starts in a message."""
_RDATA: Final = 12
"""Where RDATA starts in an RR of a block."""
_POINTER: Final = 0xC000
_SERVERS: Final = 16
"""Servers of a cut that are looked at here. Glue of more seldom fits, and the walk keeps what it found by cut."""


def link(held: Held, way: Way, name: bytes, rr: bytes) -> bytes | None:
    """A record at the question's name that is nothing but a name; None where that has more in common with it."""
    target = rr[_RDATA:]
    if name.endswith(target) or target.endswith(name):
        return None
    above = target[1 + target[0] :]
    common = way.links.get(above)
    if common is None:
        common = _common(held, way, above)
    if common < 0:
        common = -1 - common
        if above != way.apex and name[1 + name[0] :] != way.apex:
            return None
    if common:
        target = target[:-common] + (_POINTER | _QUESTION + len(name) - common).to_bytes(2, "big")
    return rr[:10] + len(target).to_bytes(2, "big") + target


def follow(held: Held, way: Way, name: bytes, rr: bytes, wanted: int) -> tuple[int, bytes] | None:
    """What stands at the end of an alias, for behind its record: how many records, and they.

    None where that is anything but such records in this zone, or nothing because no zone that is held knows it.
    """
    target = rr[_RDATA:]
    if target in held.zones:
        return None
    above = target[1 + target[0] :]
    if above != way.apex:
        return (0, b"") if way.links[above] >= 0 else None
    ends = way.ends.get((target, wanted))
    if ends is None:
        ends = _ends(way, target, wanted)
        if ends is None:
            return None
    owner = (_POINTER | _QUESTION + len(name) + 4 + _RDATA).to_bytes(2, "big")
    return len(ends), owner + owner.join(ends)


def _ends(way: Way, target: bytes, wanted: int) -> tuple[bytes, ...] | None:
    """The records of a type at a name right below the apex, each behind its owner; kept at second sight.

    None where there are none, or the name leads elsewhere.
    """
    label = target[1 : 1 + target[0]]
    block = None if 0 in label or 1 in label else way.read(way.prefix + label + b"\0")
    if block is None:
        return None
    found = None
    for rtype, _, rrs in block_items(block):
        if rtype == wanted:
            found = tuple(each[2:] for each in split(rrs))
        elif rtype in (0, CNAME, NS) or _is_stray(way, rtype):
            return None
    mark = (target, wanted)
    if found is not None and len(block) <= LARGEST and way.sight(mark):
        way.ends[mark] = found
    return found


def _common(held: Held, way: Way, above: bytes) -> int:
    """How many bytes at its end a name shares with the apex; n as -1 - n where it is in a zone that is held."""
    at = common = 0
    inside = False
    while True:
        end = above[at:]
        inside = inside or end in held.zones
        if not above[at]:
            break
        if not common and is_below(way.apex, end):
            common = len(end)
        at += 1 + above[at]
    if len(way.links) >= LIMIT:
        way.links.clear()
    way.links[above] = found = -1 - common if inside else common
    return found


def referral(way: Way, cut: Cut, size: int, edns: int) -> tuple[bytes, bytes] | None:
    """Counts and records of a referral for a name of so many bytes; None where a server is the apex itself."""
    if cut.servers.find(cut.name) < 0:
        return _refer_shared(way, cut, size, edns)
    mark = size << 1 | edns
    made = cut.made.get(mark)
    if made is None:
        made = _refer(way, cut, size, edns)
        if made is not None:
            cut.made[mark] = made
    return made


def _refer_shared(way: Way, cut: Cut, size: int, edns: int) -> tuple[bytes, bytes] | None:
    """The same where no server is below the cut, shared by all cuts with these servers and as long a name."""
    name = cut.name
    mark = (cut.servers, name[1 + name[0] :], len(name), size << 1 | edns)
    made = way.referrals.get(mark)
    if made is None:
        made = _refer(way, cut, size, edns)
        if made is not None and way.sight(mark):
            way.referrals[mark] = made
    return made


def _refer(way: Way, cut: Cut, size: int, edns: int) -> tuple[bytes, bytes] | None:
    servers = list(islice(split(cut.servers), _SERVERS + 1))
    if len(servers) > _SERVERS:
        return None
    name = cut.name
    start = _QUESTION + size - len(name)
    names = NameTable(name, start)
    base = _QUESTION + size + 4
    owner = names.short(name, base)
    glue: list[tuple[bytes, bytes]] = []
    others: list[tuple[bytes, bytes]] = []
    out = b""
    for rr in servers:
        server = rr[_RDATA:]
        short = names.short(server, base + len(out) + _RDATA)
        out += owner + rr[2:10] + len(short).to_bytes(2, "big") + short
        label = server[0]
        if server[1 + label :] == name and 0 not in server[1 : 1 + label] and 1 not in server[1 : 1 + label]:
            known = _put_addresses(way, glue, server, way.read(cut.key + server[1 : 1 + label] + b"\0"))
        elif is_below(server, way.apex):
            steps = path(WireName(server), WireName(way.apex))
            if not steps:
                return None
            section = glue if is_below(server, name) else others
            known = _put_addresses(way, section, server, way.read(way.prefix + steps[-1][0]))
        else:
            known = True
        if not known:
            return None
    count = edns
    for server, rrs in glue + others:
        for rr in split(rrs):
            out += names.short(server, base + len(out)) + rr[2:]
            count += 1
    return COUNTS.pack(0, len(servers), count), out


def _put_addresses(way: Way, section: list[tuple[bytes, bytes]], server: bytes, block: bytes | None) -> bool:
    """Put in what stands at a server's name; False where the walk has more to look at."""
    at = 0
    end = len(block or b"")
    while block is not None and at < end:
        rtype, _, size = BLOCK_ITEM.unpack_from(block, at)
        start = at + BLOCK_ITEM.size
        at = start + size
        if rtype in (A, AAAA):
            section.append((server, block[start:at]))
        elif _is_stray(way, rtype):
            return False
    return True


def _is_stray(way: Way, rtype: int) -> bool:
    """Whether these are signatures in a zone that isn't signed: with DO they are given along all the same. Or they
    are what a view doesn't hold.
    """
    return not rtype or (rtype == RRSIG and not way.signed)


def shared(held: Held, way: Way, name: bytes, wanted: int, rrs: bytes, edns: int) -> Shared | None:
    """The answer with these records of the type that was asked for, for a name right below the apex."""
    if len(rrs) > LARGEST:
        return None
    mark = (rrs, len(name) << 1 | edns)
    found = way.shared.get(mark)
    if found is None:
        if not way.sight(mark):
            return None
        found = _share(held, way, name, wanted, edns)
        if found is None or len(found.records) > LARGEST:
            return None
        if len(way.shared) >= LIMIT:
            way.shared.clear()
        way.shared[mark] = found
    return None if name in found.names else found


def _share(held: Held, way: Way, name: bytes, wanted: int, edns: int) -> Shared | None:
    """As the walk makes it; None where another name of this length wouldn't get the same."""
    draft = Draft(WireName(name), wanted, do=not way.signed, client=b"")  # to meet stray signatures
    resolve(held, way.zone, draft)
    if draft.mixed or draft.cut is not None or draft.rcode or not draft.exact:
        return None
    names: set[bytes] = set()
    for owner, rtype, _, rrs in draft.answer + draft.authority + draft.glue + draft.additional:
        if _is_stray(way, rtype):
            return None
        if owner != name:
            _add_ends(names, owner)
        for rr in split(rrs):
            rdata = rdata_of(rr)
            for start, end in name_spans(rtype, rdata):
                _add_ends(names, lower(rdata[start:end]))
    if name in names:
        return None
    counts, records = encode(draft, MAX_MESSAGE, edns=bool(edns))
    return Shared(counts, records, frozenset(names))


def _add_ends(names: set[bytes], name: bytes) -> None:
    while len(name) > 1:
        names.add(name)
        name = name[1 + name[0] :]
