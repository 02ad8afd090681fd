"""Records gathered into stored RRsets: duplicates merged, one TTL each (RFC 2181 §5), in canonical order."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from operator import eq, itemgetter, le
from typing import Final

from zonegit.model.rdata import RRSIG, SOA
from zonegit.model.rrset import RRKey, key_parts, owner_size
from zonegit.zonefile.findings import Findings
from zonegit.zonefile.types import type_text

Entry = tuple[RRKey, bytes]
_KEY: Final = itemgetter(0)
_REPEATED: Final = SOA.to_bytes(2, "big")  # at the end of a transfer (RFC 5936 §2.2)
_SHOWN: Final = 9
"""TTLs of an RRset that are named beside the greatest."""
_TTL_AT: Final = -6  # counted from the RDATA: TTL u32, rdlength u16


class Entries:
    """Stored RRs and their keys, as they come."""

    def __init__(self) -> None:
        self.keys: list[RRKey] = []
        self.rrs: list[bytes] = []
        self.warnings = Findings()

    def add(self, key: RRKey, rr: bytes) -> None:
        """Take one stored RR."""
        self.keys.append(key)
        self.rrs.append(rr)

    def count(self) -> int:
        """How many records were taken, duplicates among them."""
        return len(self.keys)

    def finish(self) -> tuple[list[Entry], int]:
        """All entries in canonical order, and how many records they hold. Nothing can be added afterwards."""
        keys = self.keys
        found = list(zip(keys, self.rrs, strict=True))
        self.rrs = []
        if not all(map(le, keys, islice(keys, 1, None))):
            found.sort(key=_KEY)
        self.keys = []
        return self.gathered(found, keys)

    def gathered(self, found: list[Entry], came: Sequence[RRKey] | None = None) -> tuple[list[Entry], int]:
        """Records in canonical order, in which one key may come several times, as RRsets; and their number.

        `came` are the keys in the order in which changes are warned of: that of the records, unless it is given.
        """
        keys = [key for key, _ in found]
        again = [at for at, is_same in enumerate(map(eq, keys, islice(keys, 1, None))) if is_same]
        """Where the next one has the same key."""
        if not again:
            return found, len(found)
        runs = {keys[start]: (start, end) for start, end in _runs(again)}
        changed = {key: span for key, span in runs.items() if not _is_merged(_rrs(found, span))}
        kept = {key: self.merged(key, _rrs(found, runs[key])) for key in _second(came or keys, changed.keys())}
        rrsets: list[Entry] = []
        records = len(found)
        done = 0
        for key, span in runs.items():
            start, end = span
            rrs = kept.get(key) or _rrs(found, span)
            records -= end - start - len(rrs)
            rrsets += found[done:start]
            rrsets.append((key, b"".join(rrs)))
            done = end
        return [*rrsets, *found[done:]], records

    def merged(self, key: RRKey, rrs: list[bytes]) -> list[bytes]:
        """The stored RRs under one key as an RRset: one TTL, in order, without duplicates. Warns of changes."""
        if _is_merged(rrs):
            return rrs
        at = owner_size(rrs[0]) + 12
        ttls = {rr[at + _TTL_AT : at - 2] for rr in rrs}
        if len(ttls) > 1 and not key.endswith(RRSIG.to_bytes(2, "big")):
            ttl = min(ttls)
            rrs = [rr[: at + _TTL_AT] + ttl + rr[at - 2 :] for rr in rrs]
            message = f"TTLs {_seconds(ttls)} in the RRset {_type(key)}; {int.from_bytes(ttl, 'big')} taken"
            self._warn("mixed-ttl", key, message)
        unique = {rr[at:]: rr for rr in rrs}
        if len(unique) < len(rrs) and not key.endswith(_REPEATED):
            what = f"duplicate {_type(key)} record"
            self._warn("duplicate-record", key, f"{_count(len(rrs) - len(unique), what)} merged")
        return [unique[rdata] for rdata in sorted(unique)]

    def _warn(self, check: str, key: RRKey, message: str) -> None:
        self.warnings.add(check, key_parts(key)[0], message)


def _runs(again: list[int]) -> Iterator[tuple[int, int]]:
    """`(start, end)` of the records under each key that has several."""
    start = again[0]
    for before, at in pairwise([*again, -1]):
        if at != before + 1:
            yield start, before + 2
            start = at


def _rrs(found: list[Entry], span: tuple[int, int]) -> list[bytes]:
    return [rr for _, rr in found[span[0] : span[1]]]


def _second(came: Sequence[RRKey], wanted: Collection[RRKey]) -> list[RRKey]:
    """These keys, each of which came at least twice, in the order in which they came again."""
    if not wanted:
        return []
    again: dict[RRKey, int] = dict.fromkeys(wanted, 0)
    found: list[RRKey] = []
    for key in came:
        if key in again:
            again[key] += 1
            if again[key] == 2:
                found.append(key)
    return found


def _is_merged(rrs: list[bytes]) -> bool:
    """Whether RRs of one key are an RRset already."""
    at = owner_size(rrs[0]) + 12
    fixed = rrs[0][: at - 2]
    before = rrs[0][at:]
    for rr in rrs[1:]:
        rdata = rr[at:]
        if rdata <= before or not rr.startswith(fixed):
            return False
        before = rdata
    return True


def _type(key: RRKey) -> str:
    return type_text(key_parts(key)[1])


def _seconds(ttls: Iterable[bytes]) -> str:
    *shown, last = [str(int.from_bytes(ttl, "big")) for ttl in sorted(ttls)]
    return ", ".join([*shown[:_SHOWN], *(["..."] if len(shown) > _SHOWN else []), last])


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
