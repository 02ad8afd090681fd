"""What the straight way knows of one version of a zone: how it is read, and what stands on the way to names.

A block comes by one look-up of the served view where the zone has one. All that is kept is bounded and hangs on the
version.
"""

from collections.abc import Callable
from struct import Struct
from typing import Final, NamedTuple, Protocol

from zonegit.dns.bounded import Bounded
from zonegit.dns.budget import ABSENT, BYTE, READ
from zonegit.dns.cache import SecondSight
from zonegit.dns.compress import encode
from zonegit.dns.draft import Draft
from zonegit.dns.gaps import Gap, Gaps
from zonegit.dns.held import Held
from zonegit.dns.message import MAX_MESSAGE
from zonegit.dns.zones import Zone
from zonegit.errors import NotFound
from zonegit.model.names import OwnerKey, WireName
from zonegit.model.rdata import DNAME, NS, NSEC3, A
from zonegit.store.layout import unseal
from zonegit.store.tables import Item
from zonegit.store.views import ViewVersion
from zonegit.tree.version import block_items

CHECKED: Final = 4
"""Bytes of a view's checksum in front of a block."""
HEAD: Final = Struct(">IHII")
"""The checksum, and the block's first item: type, records, size."""
LIMIT: Final = 4096
"""How many of a kind a zone remembers."""
_LENGTHS: Final = 32
"""Referrals that a cut remembers: there could be one for each length of name."""
_END: Final = b"\xff" * 64
"""Behind all keys."""


class Door(Protocol):
    """The table of served views as it lies in the store, at the version that its reader shows."""

    @property
    def get(self) -> Callable[[bytes, None, object], bytes | None]:
        """To be called as `get(key, None, table)`."""
        ...

    @property
    def table(self) -> object: ...

    def gap(self, key: bytes) -> tuple[Item | None, Item | None]:
        """The items in front of and behind a key that isn't there, which they prove. `CorruptStore`."""
        ...


class NoDoor:
    """For who reads through the versions of the zones."""

    table: object = None

    def get(self, key: bytes, default: None, table: object) -> bytes | None:
        raise NotFound("no view can be read")

    def gap(self, key: bytes) -> tuple[Item | None, Item | None]:
        raise NotFound("no view can be read")


class Cut:
    """A delegation on the way to names."""

    __slots__ = ("key", "made", "name", "servers")

    def __init__(self, name: bytes, key: bytes, servers: bytes) -> None:
        self.name = name
        self.key = key
        self.servers = servers
        """The NS records."""
        self.made: Bounded[int, tuple[bytes, bytes]] = Bounded(_LENGTHS)
        """Counts and records of the referral, by length of name and EDNS."""


Step = Cut | bool
"""What stands at an owner above a name: a cut; True where the zone goes on below it; False for anything else."""


def _step(name: bytes, key: bytes, block: bytes) -> Step:
    """What the RRsets at an owner make of it."""
    for rtype, _, rrs in block_items(block):
        if rtype == NS:
            return Cut(name, key, rrs)
        if rtype in (0, DNAME, NSEC3):
            return False
    return True


class Shared(NamedTuple):
    """An answer of all names of one length right below the apex that have the same records."""

    counts: bytes
    records: bytes
    names: frozenset[bytes]
    """Names in it and their ancestors: asked for one of them, it is compressed otherwise."""


class Way:
    """One version of a zone, reached through a door or through the version itself."""

    __slots__ = (
        "_door", "_steps", "_wild", "absent", "apex", "apex_wild", "closed", "denials", "ends", "gaps", "laid",
        "links", "marks", "nested", "place", "prefix", "proofs", "referrals", "shared", "sight", "signed",
        "signed_soa", "soa_keys", "soa_names", "wild_cover", "zone",
    )  # fmt: skip

    def __init__(self, zone: Zone, held: Held, door: Door, place: int = 0) -> None:
        zone.top()
        version = zone.version
        apex = zone.apex
        self.zone = zone
        self.apex: bytes = apex
        self.place = place
        """What is added to a slot for its answers."""
        self.closed = zone.expired or zone.canary is not None or zone.asked_by is not None or zone.bends
        """Whether nothing here is for the straight way."""
        self.signed = zone.signed
        self.soa_names = zone.soa_names
        self.signed_soa: dict[int, tuple[int, bytes]] = {}
        """The SOA of denials with its signatures, by length of name: how many records, and they."""
        self.gaps = Gaps()
        self.proofs: dict[tuple[bytes, int], tuple[bytes, bytes]] = {}
        """Key of the owner in front of a gap, length of a name in it -> counts and records of the denial with
        proofs."""
        self.wild_cover: tuple[bytes, list[bytes]] | None = None
        """Owner, NSEC and signatures that show that there is no wildcard right below the apex."""
        self.nested = held.has_below(apex)
        """Whether zones below this one are held."""
        self.laid = isinstance(version, ViewVersion) and not isinstance(door, NoDoor)
        """Whether blocks can be had through the door."""
        self.prefix = version.prefix if isinstance(version, ViewVersion) else b""
        """What stands in front of its owners' keys there."""
        self.soa_keys = frozenset(
            self.prefix + name[1 : 1 + name[0]] + b"\0" for name in self.soa_names if name[1 + name[0] :] == apex
        )
        """Of those names that are right below the apex."""
        self.links: dict[bytes, int] = {}
        """Names right above targets of aliases -> bytes that they share with the apex; -1 where a zone may know."""
        self.ends: Bounded[tuple[bytes, int], tuple[bytes, ...]] = Bounded(LIMIT)
        """Targets of several aliases, and a type -> what stands there of it: each record behind its owner."""
        self.referrals: Bounded[tuple[bytes, bytes, int, int], tuple[bytes, bytes]] = Bounded(LIMIT)
        """Servers of several cuts, the name above the cuts, how long theirs and that asked for are -> counts and
        records."""
        self.shared: dict[tuple[bytes, int], Shared] = {}
        self.sight = SecondSight(LIMIT)
        self.marks: list[bytes] = []
        """Of the plans that lead here."""
        self._door = door
        self.denials: dict[int, tuple[bytes, bytes]] = {}
        """Counts and records of denials, by length of name and EDNS."""
        self.absent: dict[tuple[bytes, bytes], dict[int, tuple[bytes, bytes]]] = {}
        """The same as plans have them, by flags and OPT of the response."""
        self._steps: Bounded[bytes, Step] = Bounded(LIMIT)
        self._wild: Bounded[bytes, bytes | None] = Bounded(LIMIT)
        self.apex_wild = None if self.closed else self.wild(self.prefix)
        """The block of the wildcard right below the apex."""

    def read(self, key: bytes) -> bytes | None:
        """The block under a key that begins with `prefix`; None where surely nothing stands. `CorruptStore`."""
        if not self.laid:
            block = self.zone.version.at(OwnerKey(key[len(self.prefix) :]))
        else:
            sealed = self._door.get(key, None, self._door.table)
            if sealed is None:
                self._door.gap(key)
                block = None
            else:
                block = unseal(key, sealed)
        self.zone.pay(ABSENT if block is None else READ + BYTE * len(block))
        return block

    def look(self, key: bytes) -> tuple[bytes | None, bool]:
        """The block under a key, or None and whether owners stand below. `CorruptStore`."""
        if not self.laid:
            block = self.read(key)
            return block, block is None and self.has_below(key)
        sealed = self._door.get(key, None, self._door.table)
        if sealed is None:
            return None, self.has_below(key)
        self.zone.pay(READ + BYTE * len(sealed))
        return unseal(key, sealed), False

    def has_below(self, key: bytes) -> bool:
        """Whether owners stand below a key at which none stands."""
        if not self.laid:
            return self.zone.has_below(OwnerKey(key[len(self.prefix) :]))
        high = self._door.gap(key)[1]
        self.zone.pay(ABSENT)
        return high is not None and high[0].startswith(key)

    def before(self, key: bytes) -> tuple[bytes, bytes] | None:
        """The last owner in front of a key at which nothing stands: its key, without `prefix`, and its block."""
        if not self.laid:
            return self.zone.version.before(OwnerKey(key[len(self.prefix) :]))
        return self._own(self._door.gap(key)[0])

    def _own(self, item: Item | None) -> tuple[bytes, bytes] | None:
        """An item that is this view's: its key, without `prefix`, and its block."""
        if item is None or not item[0].startswith(self.prefix):
            return None
        return item[0][len(self.prefix) :], item[1][CHECKED:]

    def gap(self, key: bytes) -> Gap | None:
        """The gap around a key at which nothing stands, learned; None where owners stand below the key."""
        if self.laid:
            low, found = self._door.gap(key)
            before = self._own(low)
            high = None if found is None else found[0]
        else:
            before = self.before(key)
            high = self.zone.version.after(OwnerKey(key[len(self.prefix) :]))
            high = None if high is None else self.prefix + high
        if before is None or (high is not None and high.startswith(key)):
            return None
        gap = Gap(self.prefix + before[0], high or self.prefix + _END, before[1] if self.signed else b"")
        self.gaps.learn(gap)
        return gap

    def step(self, key: bytes, name: bytes) -> Step:
        """What stands at the key of an owner on the way down, whose name this is."""
        known = self._steps.get(key)
        if known is None:
            block, below = self.look(key)
            known = below if block is None else _step(name, key, block)
            self._steps[key] = known
        return known

    def wild(self, parent: bytes) -> bytes | None:
        """The block of the wildcard below the key of an owner that is there; None without one, b"" for an empty
        non-terminal."""
        wild = self._wild
        if parent in wild:
            return wild[parent]
        key = parent + b"*\0"
        block, below = self.look(key)
        if below:
            block = b""
        wild[parent] = block
        return block

    def denial(self, name: bytes, edns: int) -> tuple[bytes, bytes]:
        """Counts and records of a denial of a name that the SOA doesn't have, nor any of its ends but the apex's:
        all of one length are alike."""
        mark = len(name) << 1 | edns
        known = self.denials.get(mark)
        if known is None:
            draft = Draft(WireName(name), A, do=False, client=b"")
            draft.authority += self.zone.negative[:1]
            known = self.denials[mark] = encode(draft, MAX_MESSAGE, edns=bool(edns))
        return known
