"""Which signatures of a version are made anew at a look, so that renewal never is much work at a time.

A slice is a run of names in canonical order: these stand in few leaves of the tree, and in few differences of an
IXFR. When the first signature of the zone is due, all are renewed that will be within a day, slice after slice.
"""

from typing import Final, NamedTuple

from zonegit.dnssec.lifetimes import Lifetimes
from zonegit.dnssec.policy import DAY
from zonegit.dnssec.signing.due import SignatureIndex, Signers
from zonegit.model.names import APEX_KEY, OwnerKey
from zonegit.repo.dnssec.zone_facts import Served

_SHARE: Final = 20
"""A slice has at most this part of the signatures."""
_FEW: Final = 100
"""Except that so many are always renewed together."""
_MANY: Final = 2000
"""The most signatures of a slice: they take about half a second."""
_HOUR: Final = 3600
PAUSE: Final = 9
"""Between two slices nothing is renewed for this many times as long as the first one took."""


class Renewal(NamedTuple):
    """What to renew now."""

    owners: list[OwnerKey]
    due: int | None
    """When there is something to renew, in Unix seconds: now, or a time to come. None: nothing is signed."""


def without_apex(due: Renewal, now: int) -> Renewal:
    """The same where nobody can sign the DNSKEY records: their end can't be put off."""
    owners = [owner for owner in due.owners if owner != APEX_KEY]
    return due._replace(owners=owners) if owners or not due.owners else Renewal([], now + _HOUR)


def renewal(served: Served, index: SignatureIndex, wanted: Signers, times: Lifetimes, now: int) -> Renewal:
    """The next slice of a signed version that the `wanted` keys ought to sign."""
    summary = served.summary
    if summary.first_end is None:
        return Renewal([], None)
    start = now + times.renew_before
    is_due = summary.first_end <= start
    if not is_due and not summary.is_due(wanted, 0, now):
        return Renewal([], summary.first_end - times.renew_before)
    ahead = min(DAY, (times.validity - times.renew_before) // 2)
    most = max(_FEW, min(_MANY, summary.signatures // _SHARE))
    return Renewal(index.due(served.tree, wanted, start + ahead if is_due else 0, most), now)
