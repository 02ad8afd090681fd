"""The changes to stored RRsets that `set`, `add` and `delete` make."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from zonegit.errors import InvalidRecord, InvalidZone, NotFound
from zonegit.model.names import Owner, owner_text
from zonegit.model.rdata import NS, SOA, canonical, soa_serial
from zonegit.model.rrset import RRKey, RRset
from zonegit.zonefile.rdata.fitting import misfit

Changes = Mapping[RRKey, bytes | None]
"""Stored RRsets to put under their keys; None deletes."""


class Records(Protocol):
    """The records of a zone while it is changed: those of a version, or of one with changes on top."""

    def rrset(self, owner: Owner, rtype: int) -> RRset | None: ...

    def rrsets_at(self, owner: Owner) -> list[RRset]: ...


def put(content: Records, owner: Owner, rtype: int, ttl: int | None, rdatas: Sequence[bytes]) -> Changes:
    """Replace an RRset by these records. Without `ttl` they get the TTL of the RRset that they replace."""
    kept = kept_ttl(content, owner, rtype) if ttl is None else ttl
    return replaced(RRset.of(owner, rtype, kept, readable(rtype, rdatas)))


def replaced(rrset: RRset) -> Changes:
    """The change that stores an RRset under its key."""
    return {rrset.key: rrset.encode()}


def readable(rtype: int, rdatas: Sequence[bytes]) -> Sequence[bytes]:
    """Return these RDATAs. `InvalidRecord` if one doesn't fit its type: its export couldn't be imported again."""
    for rdata in rdatas:
        if reason := misfit(rtype, canonical(rtype, rdata)):
            raise InvalidRecord(reason)
    return rdatas


def one_soa(rdatas: Sequence[bytes]) -> int:
    """The serial of the one given SOA. `InvalidZone` for several, even if only their serials differ."""
    if len(set(rdatas)) > 1:
        raise InvalidZone("more than one SOA record [two-soas]; a zone has exactly one")
    return soa_serial(rdatas[0])


def kept_ttl(content: Records, owner: Owner, rtype: int) -> int:
    """The TTL of an existing RRset. `NotFound` if there is none."""
    old = content.rrset(owner, rtype)
    if old is None:
        raise NotFound(f"{owner_text(owner)} has no RRset of this type yet, so the new record needs a TTL")
    return old.ttl


def added(content: Records, owner: Owner, rtype: int, ttl: int | None, rdatas: Sequence[bytes]) -> Changes:
    """Add records to an RRset. `ttl` becomes the TTL of all its records; None keeps it (a new RRset needs one)."""
    if rtype == SOA and not owner:
        raise InvalidZone("a zone has one SOA record [two-soas]; 'zonegit set @ SOA TTL RDATA' replaces it")
    old = content.rrset(owner, rtype)
    kept = kept_ttl(content, owner, rtype) if ttl is None else ttl
    return replaced(RRset.of(owner, rtype, kept, [*(old.rdatas if old else ()), *readable(rtype, rdatas)]))


def deleted(
    content: Records, owner: Owner, rtype: int | None, rdatas: Sequence[bytes], *, whole: bool = True
) -> Changes:
    """Delete all RRsets at an owner, one of them, or some of its records.

    If the zone must be `whole` afterwards, deleting the SOA or all NS records of the apex is `InvalidZone`.
    """
    if whole and not owner and rtype in (SOA, NS) and not rdatas:
        raise InvalidZone(
            f"the {'SOA' if rtype == SOA else 'NS RRset'} at the apex can't be deleted; 'set' replaces it"
        )
    found = content.rrsets_at(owner) if rtype is None else [content.rrset(owner, rtype)]
    here = [rrset for rrset in found if rrset]
    if not here:
        raise NotFound(f"nothing to delete: {owner_text(owner)} has no such records")
    if whole and rtype is None and not owner:
        raise InvalidZone("the apex as a whole can't be deleted; name a type, or 'zone remove' the zone")
    if rtype is None or not rdatas:
        return {rrset.key: None for rrset in here}
    old = here[0]
    left = set(old.rdatas) - gone(RRset.of(owner, rtype, old.ttl, rdatas), old.rdatas)
    return replaced(RRset.of(owner, rtype, old.ttl, left)) if left else {old.key: None}


def gone(rrset: RRset, here: Collection[bytes]) -> set[bytes]:
    """The RDATAs of `rrset`, which are to be deleted from those `here`. `NotFound` unless all of them are there."""
    wanted = set(rrset.rdatas)
    if missing := wanted.difference(here):
        what = "the record is" if len(wanted) == 1 else f"{len(missing)} of the {len(wanted)} records"
        verb = "" if len(wanted) == 1 else " is" if len(missing) == 1 else " are"
        raise NotFound(f"nothing to delete: {what}{verb} not at {owner_text(rrset.owner)}")
    return wanted
