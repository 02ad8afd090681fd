"""One version of a zone as the walk asks it.

A `Zone` adds to the `ZoneVersion` port what one version's queries share: the apex, wildcards already looked for,
finished answers. All of it hangs on the commit, so nothing here ever goes stale.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import error as StructError  # noqa: N812 - a class
from typing import TYPE_CHECKING, NamedTuple

from zonegit.dns.acl import Acl, Clients
from zonegit.dns.blocks import Node, Part, node_of, rdata_of, signatures, ttl_of, with_ttl
from zonegit.dns.bounded import Bounded
from zonegit.dns.budget import ABSENT, BYTE, OWNER, READ, RECORD, STEP, UNBOUNDED, Budget
from zonegit.dns.canary import Canary
from zonegit.dns.hashing import chain_of
from zonegit.dns.landmarks import Landmarks
from zonegit.dnssec.hashing import Parameters
from zonegit.errors import CorruptStore, InvalidRecord, OverBudget
from zonegit.model.ids import ObjectId
from zonegit.model.names import APEX_KEY, OwnerKey, WireName, to_text
from zonegit.model.rdata import DNAME, NSEC, RRSIG, SOA, name_spans
from zonegit.tree.version import ZoneVersion

if TYPE_CHECKING:
    from zonegit.dns.ways import Way

_REMEMBERED = 4096
"""How many enclosers, targets of records and hashes of names a zone remembers,"""
_LARGE = 4096
"""Bytes of a block above which its records count, too."""
MISSES = 16
"""Searches for a proof that may end without one, before a version's chain of denial is taken for broken."""
_CUTS = 1024
"""and how many cuts with what is sent there."""

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


OnTrouble = Callable[[Exception], None]
"""Told of each read that failed, and of each query that would take too much work."""
Referral = tuple[list[Part], list[Part], list[Part]]
"""Authority, glue and additional parts."""
Met = dict[OwnerKey, Node | OwnerKey]
"""What a query met at owners: their RRsets; where none stands, the first owner below, or b"" without one."""


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
    """One version of a zone. Methods raise `CorruptStore` only when the fallback does, too, and `OverBudget`."""

    __slots__ = ("_budget", "_dear", "_fallback", "_on_trouble", "_top", "_version", "_wild", "apex", "asked_by",
                 "bends", "canary", "canary_zone", "commit", "expired", "finished", "hashed", "hashes", "landmarks",
                 "misses", "negative", "nsec", "referrals", "signed", "soa_names", "targets", "way",
                 "witness")  # fmt: skip

    def __init__(
        self,
        version: ZoneVersion,
        fallback: ZoneVersion | None,
        on_trouble: OnTrouble,
        expired: bool = False,
        budget: Budget | None = None,
    ) -> None:
        """`budget` is what the query that is being answered may cost; None: whatever it takes."""
        self._budget = budget or Budget(UNBOUNDED)
        self._dear = ""
        """The first owner met that is too large to be answered from: of many, one is told."""
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
        self.hashes: Bounded[OwnerKey, bytes] = Bounded(_REMEMBERED)
        """Of owners that many denials speak of: enclosers and wildcards."""
        self.misses = 0
        """How often a proof was looked for in vain. Beyond `MISSES` little is spent on it: the chain is broken."""
        self.witness: tuple[OwnerKey, Node] | None = None
        """An owner in a chain of NSEC3 records that is too dear to follow, where one was met."""
        self.landmarks = Landmarks()
        """Hashed owners that were met here, or in the version before."""
        self.referrals: Bounded[tuple[OwnerKey, bool], Referral] = Bounded(_CUTS)
        """What is sent at cuts that were asked below lately, without and with DO."""
        self.bends = True
        """Whether a DNAME at the apex leads all names elsewhere. Known once `top` was called, like `signed`."""
        self.signed = False
        self.soa_names: set[bytes] = set()
        """Names that the SOA holds and their ancestors: a denial of one of them is compressed otherwise."""
        self.targets: Bounded[tuple[WireName, bool], Node] = Bounded(_REMEMBERED)
        """What stands at names that records point to, not as glue and as glue: few stand in most records."""
        self.way: Way | None = None
        """What the straight way prepared."""
        self._on_trouble = on_trouble
        self._top: Node | None = None
        self._wild: Bounded[OwnerKey, Node | None] = Bounded(_REMEMBERED)
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
        self._on_trouble(error)
        if self._fallback is None:
            raise error
        self._version, self._fallback = self._fallback, None
        return self._version

    def pay(self, cost: int) -> None:
        """Spend what something costs that was done for a query. `OverBudget`."""
        budget = self._budget
        budget.left -= cost
        if budget.left < 0:
            raise self._overspend()

    def _overspend(self, why: str = "") -> OverBudget:
        zone = to_text(self.apex)
        self._dear = self._dear or why
        cause = self._dear if why else f"zone {zone} takes more work than a query may cost"
        error = OverBudget(f"{cause}: see `zonegit --zone {zone} check`")
        self._on_trouble(error)
        return error

    def node(self, key: OwnerKey) -> Node | None:
        """The RRsets at an owner; None where none stands."""
        block = self._read(key)
        if block is None:
            self.pay(ABSENT)
            return None
        return self._taken(block)

    def _read(self, key: OwnerKey) -> bytes | None:
        """The block at an owner."""
        try:
            return self._version.at(key)
        except CorruptStore as error:
            return self._fall_back(error).at(key)
        except OverBudget as error:
            raise self._overspend(str(error)) from None

    def before(self, key: OwnerKey) -> tuple[OwnerKey, Node] | None:
        """The last owner before this one, and its RRsets."""
        try:
            found = self._version.before(key)
        except CorruptStore as error:
            found = self._fall_back(error).before(key)
        except OverBudget as error:
            raise self._overspend(str(error)) from None
        if found is None:
            self.pay(READ)
            return None
        return found[0], self._taken(found[1])

    def _taken(self, block: bytes) -> Node:
        """The RRsets of a block that was read, which is paid for."""
        node = node_of(block)
        budget = self._budget
        size = len(block)
        budget.left -= READ + BYTE * size
        if size > _LARGE:
            self.pay(RECORD * sum(records for records, _ in node.values()))
        elif budget.left < 0:
            raise self._overspend()
        return node

    def owners_before(self, key: OwnerKey, most: int) -> list[OwnerKey]:
        """The owners before this one, the nearest first, at most so many."""
        try:
            found = self._version.owners_before(key, most)
        except CorruptStore as error:
            found = self._fall_back(error).owners_before(key, most)
        self.pay(READ + OWNER * len(found))
        return found

    def look(self, key: OwnerKey) -> Node | OwnerKey:
        """The RRsets at an owner; where none stands, the first owner below it, b"" without one."""
        try:
            block, after = self._version.look(key)
        except CorruptStore as error:
            block, after = self._fall_back(error).look(key)
        except OverBudget as error:
            raise self._overspend(str(error)) from None
        if block is not None:
            return self._taken(block)
        self.pay(ABSENT)
        return after if after is not None and after.startswith(key) else APEX_KEY

    def down(self, steps: list[tuple[OwnerKey, int]], met: Met) -> Iterator[tuple[OwnerKey, int, Node]]:
        """The steps of a path (`paths.path`) with what stands there: {} at empty non-terminals. Ends where neither
        is. Of a run of empty non-terminals only the last one is given, and little is read, however long it is.

        What was `met` isn't read again, and what is read is put there.
        """
        at = 0
        while at < len(steps):
            key, start = steps[at]
            found = met.get(key)
            if found is None:
                found = met[key] = self.look(key)
            else:
                self.pay(STEP)
            if isinstance(found, dict):
                yield key, start, found
            elif found:
                at = _last_above(steps, at, found)
                key, start = steps[at]
                yield key, start, {}
            else:
                return
            at += 1

    def has_below(self, key: OwnerKey) -> bool:
        """Whether any owner stands below this one: if nothing stands at it, it is an empty non-terminal then."""
        return self.first_below(key) is not None

    def first_below(self, key: OwnerKey) -> OwnerKey | None:
        """The first owner below this one."""
        try:
            found = self._version.after(key)
        except CorruptStore as error:
            found = self._fall_back(error).after(key)
        self.pay(READ)
        return found if found is not None and found.startswith(key) else None

    def top(self) -> Node:
        """The RRsets at the apex: read once for all queries, so on nobody's account."""
        if self._top is None:
            node = node_of(self._read(APEX_KEY) or b"")
            if SOA not in node:
                raise CorruptStore(f"zone {to_text(self.apex)} has no SOA record")
            try:
                self._know(node)
            except (InvalidRecord, IndexError, ValueError, StructError) as error:
                raise CorruptStore(f"zone {to_text(self.apex)} has records that can't be read: {error}") from error
            self._top = node
        return self._top

    def _know(self, top: Node) -> None:
        """Take from the apex what answers of the whole zone depend on."""
        self.negative = _negative(self.apex, top)
        self.nsec = NSEC in top
        self.hashed = None if self.nsec else chain_of(top)
        self.signed = RRSIG in top
        self.bends = DNAME in top
        self.soa_names = _soa_names(top[SOA][1])

    def wildcard(self, encloser: OwnerKey) -> Node | None:
        """The RRsets at the wildcard below an encloser ({} where it is an empty non-terminal); None without one."""
        wild = self._wild
        if encloser in wild:
            return wild[encloser]
        found = self.look(OwnerKey(encloser + b"*\0"))
        node = found if isinstance(found, dict) else {} if found else None
        wild[encloser] = node
        return node


def _last_above(steps: list[tuple[OwnerKey, int]], at: int, owner: OwnerKey) -> int:
    """The last step that `owner` stands below, as it does below the one at `at`."""
    last = bisect_left(steps, True, at, key=lambda step: not owner.startswith(step[0])) - 1
    return last - 1 if steps[last][0] == owner else last


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
