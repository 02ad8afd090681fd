"""The records of an AXFR (RFC 5936): a zone as it is stored, whole leaves at a time.

The apex SOA is stored with serial 0. It is left out where it is stored, and sent first and last with the version's
serial.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from zonegit.errors import CorruptStore
from zonegit.model.rdata import SOA
from zonegit.model.rrset import APEX_POINTER
from zonegit.tree.change import Run, records

_SOA: Final = SOA.to_bytes(2, "big")


def whole(soa: bytes, runs: Iterable[Run]) -> Iterator[Run]:
    """All records of a zone, with the SOA as served first and last."""
    return chain([(1, soa)], _without_soa(runs), [(1, soa)])


def _without_soa(runs: Iterable[Run]) -> Iterator[Run]:
    """The runs without the apex SOA, which is among the first records."""
    rest = iter(runs)
    for count, rrs in rest:
        for at, after in records(rrs):
            if rrs[at : at + 2] != APEX_POINTER:
                break
            if rrs[at + 2 : at + 4] == _SOA:
                if count > 1:
                    yield count - 1, rrs[:at] + rrs[after:]
                yield from rest
                return
        else:
            yield count, rrs
            continue
        break
    raise CorruptStore("a zone to transfer has no SOA record at its apex")
