"""One version of a zone as the slow path reads it.

A `ZoneState` adds to the `ZoneVersion` port what the queries to one version share: the apex, wildcards already
looked for, cached_answers answers. All of it belongs to one commit, so nothing here ever goes stale.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from struct import error as StructError  # noqa: N812 - a class
from typing import NamedTuple, Protocol

from zonegit.dns.access.acl import Acl, Clients
from zonegit.dns.wire.bounded_dict import BoundedDict
from zonegit.dns.wire.message import Sender
from zonegit.dns.wire.response import Draft
from zonegit.dns.wire.rrsets import Node, Part, node_of, rdata_of, signatures, ttl_of, with_ttl
from zonegit.dns.zone.canary import Canary
from zonegit.dns.zone.nsec3_chain import KnownHashes
from zonegit.dns.zone.nsec3_hash import chain_parameters
from zonegit.dns.zone.query_budget import ABSENT, BYTE, OWNER, READ, RECORD, STEP, UNBOUNDED, Budget
from zonegit.dns.zone.routed import Routes
from zonegit.dnssec.hashing import Parameters
from zonegit.errors import CorruptStore, InvalidRecord, OverBudget
from zonegit.model.ids import ObjectId
from zonegit.model.names import APEX_KEY, OwnerKey, WireName, suffixes, to_text
from zonegit.model.rdata import DNAME, NSEC, RRSIG, SOA, name_spans
from zonegit.tree.version import ZoneVersion

_REMEMBERED = 4096
"""The most enclosers, targets of records and hashes of names that a zone remembers."""
_LARGE = 4096
"""The size of a block, in bytes, above which its records cost, too."""
MAX_FAILED_PROOFS = 16
"""Searches for an NSEC or NSEC3 that may be cut off before a version's chain counts as broken."""
_CUTS = 1024
"""The most cuts whose referrals a zone remembers."""

CacheKey = tuple[bytes, int]
"""The lowercase name and the type; what else the bytes depend on, as `Responder` packs it."""


class CachedAnswer(NamedTuple):
    """An answer without what differs by client: id, case of the question, OPT."""

    flags: bytes
    counts: bytes
    tail: bytes
    """What follows the question."""
    slot: int
    """The slot that counts it."""
    spans_zones: bool
    """Whether it contains data of several zones."""


OnTrouble = Callable[[Exception], None]
"""Called with the error of each read that failed, and of each query that exceeds its budget."""
Referral = tuple[list[Part], list[Part], list[Part]]
"""Authority, glue and additional parts."""
Visited = dict[OwnerKey, Node | OwnerKey]
"""What a query has read at owners: their RRsets; where there are none, the first owner below, or b""."""


class ServedZone(NamedTuple):
    """What a zone is answered from."""

    version: ZoneVersion
    canary: Canary | None = None
    fallback: ZoneVersion | None = None
    """The same commit from another source, used if `version` raises `CorruptStore`."""
    expired: bool = False
    """Whether it is a copy too old to answer from (RFC 1035 §3.3.13, EXPIRE)."""
    allow_query: Acl | None = None
    """Which clients may query it; None: all."""
    routes: Routes | None = None


class Choosing(Protocol):
    """Chooses among the versions of a zone, by client: `zone.choice.Choice`, which says more."""

    @property
    def canary_zone(self) -> "ZoneState | None": ...

    @property
    def routed(self) -> Sequence["ZoneState | None"]: ...

    @property
    def others(self) -> Iterator["ZoneState"]: ...

    def of(self, own: "ZoneState", sender: Sender) -> "ZoneState": ...

    def decide(self, sender: Sender) -> int: ...


class Prover(Protocol):
    """Adds to a draft the NSEC or NSEC3 records of a negative or wildcard answer: one method for each case of
    RFC 4035 §3.1.3 and RFC 5155 §7.2. `lookup/negative` chooses a prover by how the zone is signed.
    """

    def no_data(self, zone: "ZoneState", key: OwnerKey, node: Node, draft: Draft) -> None:
        """No Data: the owner exists without the type. `node` is {} at an empty non-terminal."""
        ...

    def nxdomain(self, zone: "ZoneState", key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
        """Name Error: neither the owner nor the wildcard below its closest encloser exists."""
        ...

    def wildcard_no_data(
        self, zone: "ZoneState", key: OwnerKey, encloser: OwnerKey, node: Node, draft: Draft
    ) -> None:
        """Wildcard No Data: the owner doesn't exist, and the wildcard below its closest encloser, which has `node`,
        lacks the type."""
        ...

    def wildcard_answer(self, zone: "ZoneState", key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
        """Wildcard Answer: the owner doesn't exist, and the answer comes from the wildcard below its closest
        encloser."""
        ...


def wildcard_key(encloser: OwnerKey) -> OwnerKey:
    """The key of the wildcard right below an owner."""
    return OwnerKey(encloser + b"*\0")


class ZoneState:
    """One version of a zone. Methods raise `CorruptStore` only when the fallback does, too, and `OverBudget`."""

    __slots__ = (
        "_apex_node",
        "_budget",
        "_fallback",
        "_on_trouble",
        "_oversized",
        "_version",
        "allow_query",
        "apex",
        "apex_dname",
        "cached_answers",
        "choice",
        "commit",
        "expired",
        "failed_proofs",
        "hashes",
        "index",
        "known_hashes",
        "negative",
        "nsec",
        "nsec3",
        "prover",
        "referrals",
        "sample_nsec3",
        "signed",
        "soa_names",
        "targets",
        "wildcards",
    )  # fmt: skip

    def __init__(
        self,
        version: ZoneVersion,
        fallback: ZoneVersion | None,
        on_trouble: OnTrouble,
        expired: bool = False,
        budget: Budget | None = None,
    ) -> None:
        """`budget` is that of the query being answered; None: unlimited."""
        self._budget = budget or Budget(UNBOUNDED)
        self._oversized = ""
        """The message about the first owner that was too large to answer from: only that one is reported."""
        self.expired = expired
        """Whether nothing may be answered from it."""
        self.apex: WireName = version.apex
        self.commit: ObjectId = version.commit
        self.allow_query: Clients | None = None
        """Which clients may query it; None: all."""
        self.choice: Choosing | None = None
        """Chooses another version for some clients; None: all are answered from this one."""
        self.cached_answers: dict[CacheKey, CachedAnswer] = {}
        """Second level of the response cache."""
        self.negative: list[Part] = []
        """The SOA of negative answers and its signatures, with TTL min(SOA TTL, minimum) (RFC 2308 §5). Known once
        `apex_node` was called."""
        self.nsec = False
        """Whether the zone is signed with NSEC. Known once `apex_node` was called."""
        self.nsec3: Parameters | None = None
        """The parameters of the zone's NSEC3 chain; None if it has none. Known once `apex_node` was called."""
        self.prover: Prover | None = None
        """What adds proofs; chosen at the first answer that needs one."""
        self.hashes: BoundedDict[OwnerKey, bytes] = BoundedDict(_REMEMBERED)
        """NSEC3 hashes of owners that many denials need: enclosers and wildcards."""
        self.failed_proofs = 0
        """Searches for an NSEC or NSEC3 that failed: one that was cut off counts 1, one that found none
        `MAX_FAILED_PROOFS`. At that number the chain counts as broken, and no more long searches are made."""
        self.sample_nsec3: tuple[OwnerKey, Node] | None = None
        """Any owner of an NSEC3 chain with too many iterations, once one was found."""
        self.known_hashes = KnownHashes()
        """Hashes of owners that were found in this version or the one before."""
        self.referrals: BoundedDict[tuple[OwnerKey, bool], Referral] = BoundedDict(_CUTS)
        """Referrals at cuts that were queried lately, without and with DO."""
        self.apex_dname = True
        """Whether a DNAME at the apex redirects all names below it. Known once `apex_node` was called."""
        self.signed = False
        """Whether the apex has RRSIGs. Known once `apex_node` was called."""
        self.soa_names: set[bytes] = set()
        """Names in the SOA and their ancestors: denials of these are compressed differently."""
        self.targets: BoundedDict[tuple[WireName, bool], Node] = BoundedDict(_REMEMBERED)
        """RRsets at names that records point to, by name and whether as glue: most records point to few names."""
        self.index: object | None = None
        """What the fast path keeps for this version; opaque here."""
        self._on_trouble = on_trouble
        self._apex_node: Node | None = None
        self.wildcards: BoundedDict[OwnerKey, Node | None] = BoundedDict(_REMEMBERED)
        self._version = version
        self._fallback = fallback

    @property
    def version(self) -> ZoneVersion:
        return self._version

    def renew(self, version: ZoneVersion, fallback: ZoneVersion | None) -> None:
        """Read the same commit through other objects from now on. What is known of it stays valid."""
        self._version = version
        self._fallback = fallback

    def _fall_back(self, error: CorruptStore) -> ZoneVersion:
        """Report a corrupt read and continue with the fallback; raises the error if there is none."""
        self._on_trouble(error)
        if self._fallback is None:
            raise error
        self._version, self._fallback = self._fallback, None
        return self._version

    def pay(self, cost: int) -> None:
        """Charge the query for work; `OverBudget` if that exceeds its budget."""
        budget = self._budget
        budget.left -= cost
        if budget.left < 0:
            raise self._overspend()

    def _overspend(self, why: str = "") -> OverBudget:
        zone = to_text(self.apex)
        self._oversized = self._oversized or why
        cause = self._oversized if why else f"zone {zone} takes more work than a query may cost"
        error = OverBudget(f"{cause}: see `zonegit --zone {zone} check`")
        self._on_trouble(error)
        return error

    def node(self, key: OwnerKey) -> Node | None:
        """The RRsets at an owner; None if there are none."""
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
        """The RRsets of a block that was read; charges the query for it."""
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
        """The owners before this one, the nearest first, `most` at most."""
        try:
            found = self._version.owners_before(key, most)
        except CorruptStore as error:
            found = self._fall_back(error).owners_before(key, most)
        self.pay(READ + OWNER * len(found))
        return found

    def look(self, key: OwnerKey) -> Node | OwnerKey:
        """The RRsets at an owner; if there are none, the first owner below it, or b""."""
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

    def down(self, steps: list[tuple[OwnerKey, int]], visited: Visited) -> Iterator[tuple[OwnerKey, int, Node]]:
        """The steps of a path (`descent.path`) with the RRsets there, {} at empty non-terminals. Ends at the first
        step that doesn't exist. Of a run of empty non-terminals only the last is given: one read finds it.

        What is in `visited` isn't read again, and what is read is added to it.
        """
        at = 0
        while at < len(steps):
            key, start = steps[at]
            found = visited.get(key)
            if found is None:
                found = visited[key] = self.look(key)
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
        """Whether there is an owner below this one. If so, and it has no RRsets, it is an empty non-terminal."""
        return self.first_below(key) is not None

    def first_below(self, key: OwnerKey) -> OwnerKey | None:
        """The first owner below this one."""
        try:
            found = self._version.after(key)
        except CorruptStore as error:
            found = self._fall_back(error).after(key)
        self.pay(READ)
        return found if found is not None and found.startswith(key) else None

    def apex_node(self) -> Node:
        """The RRsets at the apex: read once for all queries, so none is charged."""
        if self._apex_node is None:
            node = node_of(self._read(APEX_KEY) or b"")
            if SOA not in node:
                raise CorruptStore(f"zone {to_text(self.apex)} has no SOA record")
            try:
                self._know(node)
            except (InvalidRecord, IndexError, ValueError, StructError) as error:
                raise CorruptStore(f"zone {to_text(self.apex)} has records that can't be read: {error}") from error
            self._apex_node = node
        return self._apex_node

    def _know(self, top: Node) -> None:
        """Take from the apex what answers of the whole zone depend on."""
        self.negative = _negative(self.apex, top)
        self.nsec = NSEC in top
        self.nsec3 = None if self.nsec else chain_parameters(top)
        self.signed = RRSIG in top
        self.apex_dname = DNAME in top
        self.soa_names = _soa_names(top[SOA][1])

    def wildcard(self, encloser: OwnerKey) -> Node | None:
        """The RRsets at the wildcard below an encloser, {} at an empty non-terminal; None if there is none."""
        wild = self.wildcards
        if encloser in wild:
            return wild[encloser]
        found = self.look(wildcard_key(encloser))
        node = found if isinstance(found, dict) else {} if found else None
        wild[encloser] = node
        return node


def _last_above(steps: list[tuple[OwnerKey, int]], at: int, owner: OwnerKey) -> int:
    """The last step that is above `owner`, as the one at `at` is."""
    last = bisect_left(steps, True, at, key=lambda step: not owner.startswith(step[0])) - 1
    return last - 1 if steps[last][0] == owner else last


def _soa_names(rrs: bytes) -> set[bytes]:
    rdata = rdata_of(rrs)
    return {suffix for start, end in name_spans(SOA, rdata) for suffix in suffixes(rdata[start:end])}


def _negative(apex: WireName, top: Node) -> list[Part]:
    soa = top[SOA][1]
    ttl = min(ttl_of(soa), int.from_bytes(soa[-4:], "big"))
    parts: list[Part] = [(apex, SOA, 1, with_ttl(soa, ttl))]
    signed = signatures(top, SOA)
    if signed:
        parts.append((apex, RRSIG, signed[0], with_ttl(signed[1], ttl)))
    return parts
