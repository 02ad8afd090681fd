"""Protects the signatures of a zone that is signed elsewhere when its branch gets a new version.

zonegit signs what it publishes, never a commit. So a signed commit is kept exactly as it came, with its serial,
which the SOA's signature covers. A change that would invalidate signatures is refused, unless the caller gives them
up: `unsign` drops all DNSSEC records, `break` keeps them although they no longer match. A zone is signed if its
apex has RRSIGs.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from zonegit.errors import Refused
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import CDNSKEY, CDS, DNSKEY, NSEC, NSEC3, NSEC3PARAM, RRSIG, ZONEMD
from zonegit.model.rrset import RRKey, rr_key
from zonegit.tree import walk
from zonegit.tree.zone_tree import Tree

Signatures = Literal["keep", "unsign", "break"]
"""What a change does with the signatures of a signed zone."""

SIGNED_APEX: Final = rr_key(APEX_KEY, RRSIG)
DNSSEC_TYPES: Final = frozenset((RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY, CDS, CDNSKEY, ZONEMD))
"""Types that are useless or wrong in an unsigned zone. DS isn't one: it is about the keys of a child zone."""
_DROPPED: Final = frozenset(rtype.to_bytes(2, "big") for rtype in DNSSEC_TYPES)
_WAYS: Final = (
    "--unsign drops all DNSSEC records (first remove the DS from the parent), --break-signatures makes the change "
    "and leaves invalid signatures"
)


def is_dnssec(key: RRKey) -> bool:
    """Whether the RRset under a key is one that `unsign` drops."""
    return key[-2:] in _DROPPED


def is_signed(tree: Tree) -> bool:
    """Whether a version is signed."""
    return tree.payload(SIGNED_APEX) is not None


def are_signed(entries: Sequence[tuple[RRKey, bytes]]) -> bool:
    """Whether a version is signed, given all its entries in canonical order."""
    at = bisect_left(entries, (SIGNED_APEX, b""))
    return at < len(entries) and entries[at][0] == SIGNED_APEX


def unsigned(entries: Sequence[tuple[RRKey, bytes]]) -> list[tuple[RRKey, bytes]]:
    """The entries without the RRsets that `unsign` drops."""
    return [entry for entry in entries if not is_dnssec(entry[0])]


def dnssec_keys(tree: Tree) -> Iterator[RRKey]:
    """The keys of the RRsets that `unsign` drops. Reads the whole tree."""
    return (key for key, _ in walk.entries(tree.nodes, tree.root) if is_dnssec(key))


def refuse_change(zone: str) -> Refused:
    """The error for a change to single records of a signed zone."""
    return Refused(
        f"{zone} is signed elsewhere, and this change would invalidate its signatures: make it there and import "
        f"the whole signed zone; {_WAYS}"
    )


def refuse_serial(zone: str, what: str, serial: int, tip: int) -> Refused:
    """The error for signed content whose own serial isn't ahead of the tip's."""
    return Refused(
        f"{what} is signed with serial {serial}, which isn't ahead of {zone}'s {tip}, and its signatures are valid "
        f"for that serial only: sign it again with a higher one; {_WAYS}"
    )


def refuse_unsigned(zone: str, what: str) -> Refused:
    """The error for replacing a signed zone with unsigned content."""
    return Refused(
        f"{zone} is signed and {what} isn't: as long as the parent has a DS, validating resolvers would reject "
        f"every answer; {_WAYS}"
    )


def refuse_foreign(zone: str, what: str) -> Refused:
    """The error for signed content of a zone that is signed here."""
    return Refused(
        f"{what} is signed, and {zone} is signed by zonegit when it is published: --drop-signatures leaves out "
        "its RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY, CDS, CDNSKEY and ZONEMD records; --keep-signatures commits "
        "them, and nothing is published"
    )
