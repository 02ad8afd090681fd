"""What becomes of the signatures of a zone that is signed elsewhere when its branch gets a new version.

Nobody can make signatures here. So a version with signatures is kept as it came, serial included (the SOA's
signature covers it). A change that its signatures wouldn't fit is refused, unless the caller gives them up:
`unsign` drops all DNSSEC records, `break` leaves them as they are. A zone is signed when its apex has RRSIGs.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from zonegit.errors import Refused
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import CDNSKEY, CDS, DNSKEY, NSEC, NSEC3, NSEC3PARAM, RRSIG, ZONEMD
from zonegit.model.rrset import RRKey, rr_key
from zonegit.repo.content import Tree
from zonegit.tree import walk

Signatures = Literal["keep", "unsign", "break"]
"""What may happen to a signed zone's signatures."""

SIGNED_APEX: Final = rr_key(APEX_KEY, RRSIG)
DNSSEC_TYPES: Final = frozenset((RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY, CDS, CDNSKEY, ZONEMD))
_DROPPED: Final = frozenset(rtype.to_bytes(2, "big") for rtype in DNSSEC_TYPES)
"""Types that mean nothing in an unsigned zone, or something wrong (a ZONEMD digest of other content).

DS records stay: they are about the keys of child zones.
"""
_WAYS: Final = "--unsign drops all DNSSEC records (first remove the parent's DS), --break-signatures does it anyway"


def is_dnssec(key: RRKey) -> bool:
    """Whether the RRset under a key is one that `unsign` drops."""
    return key[-2:] in _DROPPED


def is_signed(tree: Tree) -> bool:
    """Whether a version is signed."""
    return tree.payload(SIGNED_APEX) is not None


def are_signed(entries: Sequence[tuple[RRKey, bytes]]) -> bool:
    """Whether a zone's entries, in canonical order, are a signed version."""
    at = bisect_left(entries, (SIGNED_APEX, b""))
    return at < len(entries) and entries[at][0] == SIGNED_APEX


def unsigned(entries: list[tuple[RRKey, bytes]]) -> list[tuple[RRKey, bytes]]:
    """The entries that aren't DNSSEC's."""
    return [entry for entry in entries if not is_dnssec(entry[0])]


def dnssec_keys(tree: Tree) -> Iterator[RRKey]:
    """The keys of the RRsets that `unsign` drops. Reads the whole tree."""
    return (key for key, _ in walk.entries(tree.nodes, tree.root) if is_dnssec(key))


def refuse_change(zone: str) -> Refused:
    """Why records of a signed zone aren't changed one by one."""
    return Refused(
        f"{zone} is signed elsewhere, and the signatures wouldn't fit this change: make it there and import the "
        f"whole signed zone; {_WAYS}"
    )


def refuse_serial(zone: str, what: str, serial: int, tip: int) -> Refused:
    """Why signed content isn't taken under another serial than its own."""
    return Refused(
        f"{what} is signed with serial {serial}, which isn't ahead of {zone}'s {tip}, and its signatures fit no "
        f"other serial: sign it again with a higher one; {_WAYS}"
    )


def refuse_unsigned(zone: str, what: str) -> Refused:
    """Why a signed zone isn't replaced by an unsigned one."""
    return Refused(
        f"{zone} is signed and {what} isn't: while the parent has a DS, resolvers would refuse every answer; "
        f"{_WAYS}"
    )
