"""Records gathered into stored RRsets: duplicates merged, one TTL each (RFC 2181 §5), in canonical order."""

from collections.abc import Iterable
from typing import Final

from zonegit.model.rdata import RRSIG, SOA
from zonegit.model.rrset import RRKey, key_parts, owner_size
from zonegit.zonefile.findings import Findings
from zonegit.zonefile.types import type_text

_REPEATED: Final = SOA.to_bytes(2, "big")  # at the end of a transfer (RFC 5936 §2.2)
_SHOWN: Final = 9
"""TTLs of an RRset that are named beside the greatest."""
_TTL_AT: Final = -6  # counted from the RDATA: TTL u32, rdlength u16


class Entries:
    """Stored RRs by key, as they come. `first` holds each key's first record, `more` what else came under it."""

    def __init__(self) -> None:
        self.first: dict[RRKey, bytes] = {}
        self.more: dict[RRKey, list[bytes]] = {}
        self.warnings = Findings()

    def add(self, key: RRKey, rr: bytes) -> None:
        """Take one stored RR."""
        if self.first.setdefault(key, rr) is not rr:
            self.more.setdefault(key, []).append(rr)

    def count(self) -> int:
        """How many records were taken, duplicates among them."""
        return len(self.first) + sum(map(len, self.more.values()))

    def finish(self) -> tuple[list[tuple[RRKey, bytes]], int]:
        """All entries in canonical order, and how many records they hold. Nothing can be added afterwards."""
        first = self.first
        records = len(first)
        for key, others in self.more.items():
            rrs = self.merged(key, [first[key], *others])
            records += len(rrs) - 1
            first[key] = b"".join(rrs)
        self.more.clear()
        return [(key, first[key]) for key in sorted(first)], records

    def merged(self, key: RRKey, rrs: list[bytes]) -> list[bytes]:
        """The stored RRs under one key as an RRset: one TTL, in order, without duplicates. Warns of changes."""
        at = owner_size(rrs[0]) + 12
        if _is_merged(rrs, at):
            return rrs
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


def _is_merged(rrs: list[bytes], at: int) -> bool:
    """Whether RRs of one key are an RRset already; the RDATA of each begins at `at`."""
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
