"""The errors of a whole zone that another server serves: `check` without its warnings, in a tenth of the time.

Few owners of a large zone can have an error. They are found by their keys and sizes, and only they are checked.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from operator import eq
from typing import Final

from zonegit.model.names import APEX_KEY, OwnerKey, WireName
from zonegit.model.rdata import CNAME, DNAME
from zonegit.model.rrset import RRKey
from zonegit.zonefile.check import check_listed
from zonegit.zonefile.findings import Finding, Severity

_CNAME: Final = CNAME.to_bytes(2, "big")
_DNAME: Final = DNAME.to_bytes(2, "big")
_LARGE: Final = 1000
"""Bytes of an RRset that is looked at for its size."""
_MANY: Final = 8
"""RRsets of an owner that is looked at for its size. Fewer small ones stay far below every limit."""


def errors_in(apex: WireName, entries: Sequence[tuple[RRKey, bytes]]) -> list[Finding]:
    """The findings of a whole zone that are errors. Its entries are in canonical order."""
    owners = sorted({APEX_KEY, *_suspects(entries)})
    return [found for found in check_listed(apex, owners, entries) if found.severity is Severity.ERROR]


def _suspects(entries: Sequence[tuple[RRKey, bytes]]) -> Iterator[OwnerKey]:
    """Every owner that may have an error, besides the apex."""
    owners = [OwnerKey(key[:-3]) for key, _ in entries]
    following = [*owners[1:], OwnerKey(b"\1")]  # no owner's key begins with that
    dname: OwnerKey | None = None
    """The last owner of a DNAME that isn't below another one."""
    for at, (key, rrset) in enumerate(entries):
        if dname is not None and owners[at] != dname and owners[at].startswith(dname):
            yield owners[at]
        elif key[-2:] == _DNAME:
            dname = owners[at]
            yield dname
        if len(rrset) > _LARGE or (
            key[-2:] == _CNAME and (owners[at] in (owners[at - 1], following[at]) or _has_several(key, rrset))
        ):
            yield owners[at]
    for owner, is_same in zip(owners, map(eq, owners, islice(owners, _MANY, None)), strict=False):
        if is_same:
            yield owner


def _has_several(key: RRKey, rrset: bytes) -> bool:
    """Whether a stored RRset has more than one record, or may have."""
    size = len(key) - 3 + 12  # an owner has as many bytes as its key, unless bytes of it are escaped there
    return rrset[size - 2 : size] != (len(rrset) - size).to_bytes(2, "big")
