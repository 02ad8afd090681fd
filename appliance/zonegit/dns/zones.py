"""The zones that are served: which one a name belongs to, and one version of a zone as the walk asks it.

A `Zone` adds to the `ZoneVersion` port what one version's queries share: the apex, wildcards already looked for,
finished answers. All of it hangs on the commit, so nothing here ever goes stale.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from zonegit.dns.acl import Acl, Clients
from zonegit.dns.blocks import Node, Part, node_of, rdata_of, signatures, ttl_of, with_ttl
from zonegit.dns.canary import Canary
from zonegit.dns.hashing import Parameters, parameters
from zonegit.dns.landmarks import Landmarks
from zonegit.errors import CorruptStore
from zonegit.model.ids import ObjectId
from zonegit.model.names import APEX_KEY, OwnerKey, WireName, to_text
from zonegit.model.rdata import DNAME, DS, NSEC, RRSIG, SOA, name_spans
from zonegit.tree.version import ZoneVersion

if TYPE_CHECKING:
    from zonegit.dns.ways import Way

_WILD_LIMIT = 4096
"""Enclosers of which a zone remembers whether they have a wildcard."""

Key = tuple[bytes, int]
"""Lowercase name and type; room, RD, EDNS and DO."""


class Body(NamedTuple):
    """A finished answer, but for what each client has of its own: id, the question's case, OPT."""

    flags: bytes
    counts: bytes
    tail: bytes
    """What follows the question."""
    slot: int
    """Where it is counted."""
    mixed: bool
    """More than one zone went into it."""


OnCorrupt = Callable[[CorruptStore], None]
Referral = tuple[list[Part], list[Part], list[Part]]
"""Authority, glue and additional parts."""


@dataclass(frozen=True, slots=True)
class ServedZone:
    """What a zone is answered from."""

    version: ZoneVersion
    canary: Canary | None = None
    fallback: ZoneVersion | None = None
    """The same commit read another way, for when `version` raises `CorruptStore`."""
    expired: bool = False
    """Whether it is a copy too old to be answered from (RFC 1035 §3.3.13, EXPIRE)."""
    asked_by: Acl | None = None
    """Who may ask it; None: everybody."""


class Zone:
    """One version of a zone. Methods raise `CorruptStore` only when the fallback does, too."""

    __slots__ = ("_fallback", "_on_corrupt", "_top", "_version", "_wild", "apex", "asked_by", "bends", "canary",
                 "canary_zone", "commit", "expired", "finished", "hashed", "hashes", "landmarks",
                 "negative", "nsec", "referrals", "signed", "soa_names", "targets", "way")  # fmt: skip

    def __init__(
        self,
        version: ZoneVersion,
        fallback: ZoneVersion | None,
        on_corrupt: OnCorrupt,
        expired: bool = False,
    ) -> None:
        self.expired = expired
        """Whether nothing may be answered from it."""
        self.apex: WireName = version.apex
        self.commit: ObjectId = version.commit
        self.asked_by: Clients | None = None
        """Which clients may ask it; None: all."""
        self.canary: Canary | None = None
        self.canary_zone: Zone | None = None
        self.finished: dict[Key, Body] = {}
        """Second level of the response cache."""
        self.negative: list[Part] = []
        """The SOA of negative answers and its signatures, with TTL min(SOA TTL, minimum) (RFC 2308 §5). Known once
        `top` was called."""
        self.nsec = False
        """Whether the zone is signed with NSEC. Known once `top` was called."""
        self.hashed: Parameters | None = None
        """How the zone is signed with NSEC3. Known once `top` was called."""
        self.hashes: dict[OwnerKey, bytes] = {}
        """Of owners that many denials speak of."""
        self.landmarks = Landmarks()
        """Hashed owners that were met here, or in the version before."""
        self.referrals: dict[tuple[OwnerKey, bool], Referral] = {}
        """What is sent at cuts that were asked below lately, without and with DO."""
        self.bends = True
        """Whether a DNAME at the apex leads all names elsewhere. Known once `top` was called, like `signed`."""
        self.signed = False
        self.soa_names: set[bytes] = set()
        """Names that the SOA holds and their ancestors: a denial of one of them is compressed otherwise."""
        self.targets: dict[tuple[WireName, bool], Node] = {}
        """What stands at names that records point to, not as glue and as glue."""
        self.way: Way | None = None
        """What the straight way prepared."""
        self._on_corrupt = on_corrupt
        self._top: Node | None = None
        self._wild: dict[OwnerKey, Node | None] = {}
        self._version = version
        self._fallback = fallback

    @property
    def version(self) -> ZoneVersion:
        return self._version

    def renew(self, version: ZoneVersion, fallback: ZoneVersion | None) -> None:
        """Read the same commit through other objects from now on; what is known of it stays."""
        self._version = version
        self._fallback = fallback

    def _fall_back(self, error: CorruptStore) -> ZoneVersion:
        """Count a corrupt read and go on with the fallback; raises the error when there is none."""
        self._on_corrupt(error)
        if self._fallback is None:
            raise error
        self._version, self._fallback = self._fallback, None
        return self._version

    def node(self, key: OwnerKey) -> Node | None:
        """The RRsets at an owner; None where none stands."""
        try:
            block = self._version.at(key)
        except CorruptStore as error:
            block = self._fall_back(error).at(key)
        return None if block is None else node_of(block)

    def before(self, key: OwnerKey) -> tuple[OwnerKey, Node] | None:
        """The last owner before this one, and its RRsets."""
        try:
            found = self._version.before(key)
        except CorruptStore as error:
            found = self._fall_back(error).before(key)
        return None if found is None else (found[0], node_of(found[1]))

    def has_below(self, key: OwnerKey) -> bool:
        """Whether any owner stands below this one: if nothing stands at it, it is an empty non-terminal then."""
        try:
            found = self._version.after(key)
        except CorruptStore as error:
            found = self._fall_back(error).after(key)
        return found is not None and found.startswith(key)

    def top(self) -> Node:
        """The RRsets at the apex."""
        if self._top is None:
            node = self.node(APEX_KEY)
            if node is None or SOA not in node:
                raise CorruptStore(f"zone {to_text(self.apex)} has no SOA record")
            self.negative = _negative(self.apex, node)
            self.nsec = NSEC in node
            self.hashed = None if self.nsec else parameters(node)
            self.signed = RRSIG in node
            self.bends = DNAME in node
            self.soa_names = _soa_names(node[SOA][1])
            self._top = node
        return self._top

    def wildcard(self, encloser: OwnerKey) -> Node | None:
        """The RRsets at the wildcard below an encloser ({} where it is an empty non-terminal); None without one."""
        wild = self._wild
        if encloser in wild:
            return wild[encloser]
        key = OwnerKey(encloser + b"*\0")
        node = self.node(key)
        if node is None and self.has_below(key):
            node = {}
        if len(wild) >= _WILD_LIMIT:
            wild.clear()
        wild[encloser] = node
        return node


class Held:
    """All served zones by apex."""

    __slots__ = ("_on_corrupt", "_parents", "_served", "by_client", "zones")

    def __init__(self, on_corrupt: OnCorrupt) -> None:
        self.zones: dict[WireName, Zone] = {}
        self.by_client = False
        """Whether answers depend on who asks: some zone has a canary, or may not be asked by everybody."""
        self._on_corrupt = on_corrupt
        self._parents: frozenset[bytes] | None = None
        self._served: Mapping[WireName, ServedZone] = {}

    @property
    def by_name(self) -> dict[bytes, Zone]:
        """The zones, for who has names as plain bytes."""
        return cast(dict[bytes, Zone], self.zones)

    def has_below(self, apex: WireName) -> bool:
        """Whether zones below this one are held."""
        if self._parents is None:
            self._parents = frozenset(end for name in self.zones for end in _above(name))
        return apex in self._parents

    def route(self, name: WireName, qtype: int, client: bytes) -> Zone | None:
        """The zone with the longest apex that is `name` or above it (lowercase), as this client sees it: None for
        one that it may not ask.

        A DS belongs to the parent's side of a cut (RFC 4035 §3.1.4.1), if that is held as well.
        """
        zones = self.zones
        at = 0
        found = zones.get(name)
        while found is None:
            label = name[at]
            if not label:
                return None
            at += 1 + label
            found = zones.get(WireName(name[at:]))
        if qtype == DS and not at and len(name) > 1:
            above = self.route(WireName(name[1 + name[0] :]), 0, client)
            if above is not None:
                return above
        if found.asked_by is not None and not found.asked_by(client):
            return None
        return found if found.canary is None else _shown(found, client)

    def covers(self, name: WireName) -> bool:
        """Whether any zone is held that a name (lowercase) is in, whoever may ask it."""
        return name in self.zones or any(end in self.by_name for end in _above(name))

    def exact(self, name: WireName, client: bytes) -> Zone | None:
        """The zone with this very apex (lowercase), as this client sees it."""
        found = self.zones.get(name)
        return None if found is None else _shown(found, client)

    def replace(self, served: Mapping[WireName, ServedZone]) -> set[Zone] | None:
        """Serve these zones from now on; the zones whose answers changed, or None if any answer may have."""
        old = self.zones
        moved: set[Zone] = set()
        new: dict[WireName, Zone] = {}
        for apex, item in served.items():
            was = old.get(apex)
            if was is not None and self._served.get(apex) is item and was.version is item.version:
                new[apex] = was  # nothing about it is new: there may be 10,000 of these beside one that moved
                continue
            before = None if was is None else was.canary_zone
            zone = new[apex] = self._zone(was, item.version, item.fallback, moved, item.expired)
            canary = item.canary
            if canary is not None:
                zone.canary_zone = self._zone(before, canary.version, canary.fallback, moved, item.expired)
            elif before is not None:
                zone.canary_zone = None
                moved.add(before)
            zone.canary = canary
            if (zone.asked_by is None) != (item.asked_by is None):
                moved.add(zone)
            zone.asked_by = None if item.asked_by is None else Clients(item.asked_by)
        was_by_client = self.by_client
        self._served = served
        self.zones = new
        self._parents = None
        self.by_client = any(zone.canary is not None or zone.asked_by is not None for zone in new.values())
        return None if new.keys() != old.keys() or was_by_client != self.by_client else moved

    def _zone(
        self,
        old: Zone | None,
        version: ZoneVersion,
        fallback: ZoneVersion | None,
        moved: set[Zone],
        expired: bool,
    ) -> Zone:
        if old is not None and old.commit == version.commit and old.expired == expired:
            old.renew(version, fallback)
            return old
        zone = Zone(version, fallback, self._on_corrupt, expired)
        if old is not None:
            moved.add(old)
            zone.landmarks = old.landmarks
        return zone


def _shown(zone: Zone, client: bytes) -> Zone:
    """The zone, or its canary for those clients that see it."""
    canary = zone.canary
    if canary is not None and zone.canary_zone is not None and canary.takes(client):
        return zone.canary_zone
    return zone


def _above(name: bytes) -> Iterator[bytes]:
    while len(name) > 1:
        name = name[1 + name[0] :]
        yield name


def _soa_names(rrs: bytes) -> set[bytes]:
    found = set()
    rdata = rdata_of(rrs)
    for start, end in name_spans(SOA, rdata):
        name = rdata[start:end]
        while len(name) > 1:
            found.add(name)
            name = name[1 + name[0] :]
    return found


def _negative(apex: WireName, top: Node) -> list[Part]:
    soa = top[SOA][1]
    ttl = min(ttl_of(soa), int.from_bytes(soa[-4:], "big"))
    parts: list[Part] = [(apex, SOA, 1, with_ttl(soa, ttl))]
    signed = signatures(top, SOA)
    if signed:
        parts.append((apex, RRSIG, signed[0], with_ttl(signed[1], ttl)))
    return parts
