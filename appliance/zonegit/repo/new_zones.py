"""Which new zones may begin: not below a zone with a policy, unless they have one, too.

A name is answered from the closest zone above it (RFC 1034 §4.3.2), so a new zone takes over names. If those belong
to a zone that is published by a policy of this node, whoever may create zones could get around that policy: an
operator, somebody who pushes, or a peer that this node follows.
"""

from collections.abc import Iterable
from typing import Final

from zonegit.errors import Refused
from zonegit.model.names import canonical_apex, suffixes, to_text
from zonegit.model.refs import RefKind, parse
from zonegit.repo.context import Context
from zonegit.repo.mirrors import zones_with_own_policy
from zonegit.store.port import Reader

_TAKES: Final = "it would take over names of "


def taking_over(reader: Reader, zones: Iterable[str]) -> dict[str, str]:
    """Those of these zones that may not begin here, with the reason. A zone that is here already began."""
    guarded = zones_with_own_policy(reader)
    if not guarded:
        return {}
    found = {zone: _guarded(reader, guarded, zone) for zone in zones if zone not in guarded}
    return {
        zone: f'{_TAKES}{above}, which has a policy here; [zone."{zone}".publish] gives it one, too'
        for zone, above in found.items()
        if above is not None
    }


def is_taking_over(reason: str) -> bool:
    """Whether this is such a reason. It holds only as long as no policy comes or goes."""
    return reason.startswith(_TAKES)


def check_may_begin(context: Context, zone: str) -> None:
    """`Refused` for a zone that may not begin."""
    with context.store.read() as reader:
        for name, reason in taking_over(reader, [zone]).items():
            raise Refused(f"{name} may not begin: {reason}")


def _guarded(reader: Reader, guarded: frozenset[str], zone: str) -> str | None:
    """The zone with a policy that answers for the names of a new one; None if there is none, or if it isn't new."""
    for suffix in suffixes(canonical_apex(zone)):
        above = to_text(suffix)
        if above in guarded:
            return above
        if _is_here(reader, above):
            return None
    return "." if "." in guarded else None


def _is_here(reader: Reader, zone: str) -> bool:
    return any(parse(name).zone == zone for name, _ in reader.live_refs(f"refs/{RefKind.HEAD}/{zone}/"))
