"""What the fast path knows of one version of a zone: how to read it, and which cuts are above which names.

Where the zone has a served view, one look-up in it finds a block. All that is remembered is bounded and belongs to
the version.
"""

from typing import Final, NamedTuple

from zonegit.dns.access.requestor import NOBODY
from zonegit.dns.fastpath.blocks import Blocks, NoViewTable, VersionBlocks, ViewBlocks, ViewTable
from zonegit.dns.fastpath.gap_cache import Gap, Gaps
from zonegit.dns.wire.bounded_dict import BoundedDict
from zonegit.dns.wire.encode import encode
from zonegit.dns.wire.message import MAX_MESSAGE
from zonegit.dns.wire.response import Draft
from zonegit.dns.wire.seen_before import SeenBefore
from zonegit.dns.zone.served_zones import ServedZones
from zonegit.dns.zone.zone_state import ZoneState
from zonegit.model.names import WireName
from zonegit.model.rdata import DNAME, NS, NSEC3, A
from zonegit.store.views import ViewVersion
from zonegit.tree.version import block_items

LIMIT: Final = 4096
"""Entries of each kind that a zone remembers."""
_LENGTHS: Final = 32
"""Referrals that a cut remembers. There could be one for each length of name."""
_END: Final = b"\xff" * 64
"""Sorts after all keys."""


class Cut:
    """A delegation above names."""

    __slots__ = ("key", "made", "name", "servers")

    def __init__(self, name: bytes, key: bytes, servers: bytes) -> None:
        self.name = name
        self.key = key
        self.servers = servers
        """The NS records."""
        self.made: BoundedDict[int, tuple[bytes, bytes]] = BoundedDict(_LENGTHS)
        """Counts and records of the referral, by length of name and EDNS."""


Step = Cut | bool
"""What an owner above a name is: a cut; True if the zone continues below it; False for anything else."""


def _step(name: bytes, key: bytes, block: bytes) -> Step:
    """What an owner with these RRsets is."""
    for rtype, _, rrs in block_items(block):
        if rtype == NS:
            return Cut(name, key, rrs)
        if rtype in (0, DNAME, NSEC3):
            return False
    return True


class Shared(NamedTuple):
    """The answer for all names of one length right below the apex that have the same records."""

    counts: bytes
    records: bytes
    names: frozenset[bytes]
    """Names in it and their ancestors. A query for one of these gets other pointers."""


class ZoneIndex:
    """One version of a zone, read through the table of views or through the version itself."""

    __slots__ = (
        "_steps",
        "_views",
        "_wildcards",
        "absent",
        "apex",
        "apex_wildcard",
        "blocks",
        "common_suffixes",
        "denials",
        "gaps",
        "has_child_zones",
        "has_view",
        "left_to_slow_path",
        "prefix",
        "proofs",
        "referrals",
        "seen_before",
        "shared",
        "signed",
        "signed_soa",
        "slot_base",
        "soa_keys",
        "soa_names",
        "target_records",
        "template_keys",
        "wildcard_nsec",
        "zone",
    )  # fmt: skip

    def __init__(self, zone: ZoneState, zones: ServedZones, views: ViewTable, slot_base: int = 0) -> None:
        zone.apex_node()
        version = zone.version
        apex = zone.apex
        self.zone = zone
        self.apex: bytes = apex
        self.slot_base = slot_base
        """What is added to the slots of its answers."""
        self.left_to_slow_path = (
            zone.expired or zone.choice is not None or zone.allow_query is not None or zone.apex_dname
        )
        """Whether the slow path answers all queries for this zone."""
        self.signed = zone.signed
        self.soa_names = zone.soa_names
        self.signed_soa: dict[int, tuple[int, bytes]] = {}
        """Length of a name -> records in the signed SOA of its denial: their number, and the records."""
        self.gaps = Gaps()
        self.proofs: dict[tuple[bytes, int], tuple[bytes, bytes]] = {}
        """Key of the owner before a gap, length of a name in the gap -> counts and records of the proven denial."""
        self.wildcard_nsec: tuple[bytes, list[bytes]] | None = None
        """Owner, NSEC and signatures that prove that there is no wildcard right below the apex."""
        self.has_child_zones = zones.has_below(apex)
        """Whether zones below this one are served."""
        self.has_view = isinstance(version, ViewVersion) and not isinstance(views, NoViewTable)
        """Whether its blocks can be read from the table of views."""
        self.blocks: Blocks = VersionBlocks(zone)
        if isinstance(version, ViewVersion) and self.has_view:
            self.blocks = ViewBlocks(zone, views, version.prefix)
        self.prefix = self.blocks.prefix
        """What keys of its owners begin with."""
        self.soa_keys = frozenset(
            self.prefix + name[1 : 1 + name[0]] + b"\0" for name in self.soa_names if name[1 + name[0] :] == apex
        )
        """Keys of the `soa_names` right below the apex."""
        self.common_suffixes: dict[bytes, int] = {}
        """Parents of aliases' targets -> bytes that they share with the apex, as from `targets._common_suffix`."""
        self.target_records: BoundedDict[tuple[bytes, int], tuple[bytes, ...]] = BoundedDict(LIMIT)
        """Target of several aliases, and a type -> the target's records of it, each without its owner."""
        self.referrals: BoundedDict[tuple[bytes, bytes, int, int], tuple[bytes, bytes]] = BoundedDict(LIMIT)
        """Servers of several cuts, the cuts' parent, lengths of the cuts and of the name asked for -> counts and
        records."""
        self.shared: dict[tuple[bytes, int], Shared] = {}
        self.seen_before = SeenBefore(LIMIT)
        self.template_keys: list[bytes] = []
        """Keys of the templates that refer to this."""
        self.denials: dict[int, tuple[bytes, bytes]] = {}
        """Counts and records of denials, by length of name and EDNS (`length << 1 | edns`)."""
        self.absent: dict[tuple[bytes, bytes], dict[int, tuple[bytes, bytes]]] = {}
        """The same as templates have them, by flags and OPT of the response."""
        self._steps: BoundedDict[bytes, Step] = BoundedDict(LIMIT)
        self._wildcards: BoundedDict[bytes, bytes | None] = BoundedDict(LIMIT)
        self.apex_wildcard = None if self.left_to_slow_path else self.wildcard(self.prefix)
        """The block of the wildcard right below the apex."""

    def gap(self, key: bytes) -> Gap | None:
        """The gap around a key at which nothing is, remembered; None if owners are below the key."""
        before, high = self.blocks.around(key)
        if before is None or (high is not None and high.startswith(key)):
            return None
        gap = Gap(self.prefix + before[0], high or self.prefix + _END, before[1] if self.signed else b"")
        self.gaps.learn(gap)
        return gap

    def step(self, key: bytes, name: bytes) -> Step:
        """What an owner above the name in question is, by its key and name."""
        known = self._steps.get(key)
        if known is None:
            block, below = self.blocks.look(key)
            known = below if block is None else _step(name, key, block)
            self._steps[key] = known
        return known

    def wildcard(self, parent: bytes) -> bytes | None:
        """The block of the wildcard below an owner; None if there is none, b"" for an empty non-terminal."""
        wildcards = self._wildcards
        if parent in wildcards:
            return wildcards[parent]
        key = parent + b"*\0"
        block, below = self.blocks.look(key)
        if below:
            block = b""
        wildcards[parent] = block
        return block

    def denial(self, name: bytes, edns: int) -> tuple[bytes, bytes]:
        """Counts and records of a denial: the same for all names of one length that share nothing but the apex with
        the names in the SOA."""
        shape = len(name) << 1 | edns
        known = self.denials.get(shape)
        if known is None:
            draft = Draft(WireName(name), A, do=False, sender=NOBODY)
            draft.authority += self.zone.negative[:1]
            known = self.denials[shape] = encode(draft, MAX_MESSAGE, edns=bool(edns))
        return known
