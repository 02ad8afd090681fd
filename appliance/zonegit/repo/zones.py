"""Creates zones."""

from collections.abc import Sequence
from typing import Final

from zonegit.errors import Conflict, InvalidZone, OutOfZone
from zonegit.model.names import (
    APEX,
    WireName,
    from_text,
    parse_apex,
    relative,
    to_text,
)
from zonegit.model.rdata import NS, SOA
from zonegit.model.refs import RefKind
from zonegit.model.rrset import RRset
from zonegit.repo.context import Context
from zonegit.repo.importing import commit_records
from zonegit.repo.listing import named
from zonegit.repo.results import Committed
from zonegit.repo.writing import Intent
from zonegit.zonefile.canonical_entries import CanonicalEntries

_TIMERS: Final = (7200, 900, 1209600, 300)
"""SOA refresh, retry, expire, minimum in seconds, within the ranges that RFC 1912 §2.2 advises."""
_TTL: Final = 3600
PLACEHOLDER: Final = WireName(b"\x09localhost\x00")
"""The name server of a zone that is created without one: harmless, and accepted by every checker."""


def first_rrsets(apex: WireName, nameservers: Sequence[str], mail: str | None) -> list[RRset]:
    """The SOA and NS RRsets of a new zone."""
    targets = [from_text(name, apex) for name in nameservers] or [PLACEHOLDER]
    for target in targets:
        if _is_in(target, apex):
            raise InvalidZone(
                f"the name server {to_text(target)} is in {to_text(apex)} itself and needs an address there: "
                "create the zone with 'zonegit import FILE'"
            )
    mailbox = _mailbox(mail, apex) if mail else b"\x0ahostmaster" + apex
    timers = b"".join(value.to_bytes(4, "big") for value in (0, *_TIMERS))
    return [
        RRset.of(APEX, NS, _TTL, targets),
        RRset.of(APEX, SOA, _TTL, [targets[0] + mailbox + timers]),
    ]


def _is_in(name: WireName, apex: WireName) -> bool:
    try:
        relative(name, apex)
    except OutOfZone:
        return False
    return True


def _mailbox(mail: str, apex: WireName) -> WireName:
    """A mail address as a name (RFC 1035 §8): the part before the `@` is one label, even if it contains dots."""
    local, at, domain = mail.rpartition("@")
    if not at:
        return from_text(mail, apex)
    label = local.replace("\\.", ".").replace(".", "\\.")
    return from_text(f"{label}.{domain.removesuffix('.')}.")


def add_zone(
    context: Context,
    zone: str,
    nameservers: Sequence[str],
    mail: str | None,
    who: str | None,
    dry_run: bool,
    sign: bool | None = False,
) -> Committed:
    """Create a zone with an SOA and its name servers, with serial 1. `Conflict` if it exists."""
    apex = parse_apex(zone)
    name = to_text(apex)
    if named(context, RefKind.HEAD, name):
        raise Conflict(f"there is already a zone {name}; 'zonegit zone switch {name}' makes it the current one")
    rrsets = first_rrsets(apex, nameservers, mail)
    entries = CanonicalEntries.checked([(rrset.key, rrset.encode()) for rrset in rrsets])
    return commit_records(context, apex, None, entries, Intent(f"Begin {name}", who, dry_run, serial=1, sign=sign))
