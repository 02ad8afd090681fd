"""How long signatures are valid, and how long before their end they are renewed (RFC 6781 §4.4.2).

A secondary that can't reach its primary serves the last version until the SOA's expire has passed, and caches keep
its answers for their TTL. No signature may end until then: so at least these two together have to be left of it
when it is renewed.
"""

from typing import Final, NamedTuple

from zonegit.dnssec.policy import DAY, DnssecPolicy
from zonegit.errors import DnssecError

_VALIDITY: Final = 14 * DAY
_RENEW_BEFORE: Final = 5 * DAY
_LONGEST: Final = (1 << 31) - DAY
"""Times in signatures are compared modulo 2^32 seconds (RFC 4034 §3.1.5)."""


class Lifetimes(NamedTuple):
    """Both in seconds."""

    validity: int
    renew_before: int


def lifetimes(policy: DnssecPolicy, expire: int, max_ttl: int) -> Lifetimes:
    """Those of a zone with this SOA expire and largest TTL, as far as the policy leaves them open.

    `DnssecError` if the policy's are too short for the zone, or no signature can last as long as that needs.
    """
    needed = expire + max_ttl
    renew_before = policy.renew_before
    if renew_before is None:
        renew_before = max(_RENEW_BEFORE, needed)
        if policy.validity is not None:
            renew_before = min(renew_before, policy.validity - 2 * DAY)
    validity = policy.validity
    if validity is None:
        validity = max(_VALIDITY, renew_before + _VALIDITY - _RENEW_BEFORE)
    if renew_before < needed:
        raise DnssecError(
            f"signatures would be renewed {_days(renew_before)} before they end, and have to be valid for at least "
            f"the SOA's expire and the largest TTL, {_days(needed)}: lower the SOA's expire, or raise validity and "
            "renew_before"
        )
    if validity > _LONGEST:
        raise DnssecError(
            f"signatures would have to be valid for {_days(validity)}, because of the SOA's expire and the largest "
            f"TTL, {_days(needed)}; they can't be for more than {_days(_LONGEST)}: lower these two"
        )
    return Lifetimes(validity, renew_before)


def _days(seconds: int) -> str:
    return f"{seconds / DAY:.1f} days" if seconds >= DAY else f"{seconds} s"
