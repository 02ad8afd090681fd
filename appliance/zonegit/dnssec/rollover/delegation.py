"""DS, CDS and CDNSKEY records of keys, and whether the parent has those that are wanted (RFC 4509, 7344, 8078).

All servers of the parent must have answered, and each of them must have exactly the wanted records of our keys. DS
records of other keys are those of other signers (RFC 8901) and don't count, unless there should be none at all.
"""

from collections.abc import Collection, Iterable
from enum import Enum, auto
from functools import lru_cache
from hashlib import sha1, sha256, sha384
from typing import Final

from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.rollover.values import Parent, ParentAnswer
from zonegit.model.names import WireName

DELETE_CDS: Final = b"\0\0\0\0\0"
DELETE_CDNSKEY: Final = b"\0\0\3\0\0"
"""Both as RFC 8078 §4 writes them."""

_SHA256: Final = 2
_DIGESTS: Final = {1: sha1, _SHA256: sha256, 4: sha384}
"""What a parent may have made a DS with (RFC 8624 §3.3)."""


class Seen(Enum):
    """Whether something is so."""

    YES = auto()
    NO = auto()
    UNKNOWN = auto()
    """What is known doesn't contradict it."""


@lru_cache(maxsize=1024)
def ds_rdata(apex: WireName, dnskey: bytes, digest: int = _SHA256) -> bytes:
    """The RDATA of a key's DS record, which is also that of its CDS record (RFC 4034 §5.1.4)."""
    head = tag_of(dnskey).to_bytes(2, "big") + bytes((dnskey[3], digest))
    return head + _DIGESTS[digest](apex + dnskey).digest()


def keys_of(apex: WireName, ds: Iterable[bytes], dnskeys: Iterable[bytes]) -> frozenset[bytes]:
    """Those keys that any of the DS records names."""
    records = frozenset(ds)
    return frozenset(key for key in dnskeys if any(ds_rdata(apex, key, digest) in records for digest in _DIGESTS))


def parent_has(
    apex: WireName, parent: Parent | None, wanted: Collection[bytes], ours: Collection[bytes], *, adds: bool = False
) -> Seen:
    """Whether every server of the parent has DS records of exactly the wanted keys among ours.

    With no wanted key: whether every server has no DS record at all. `adds`: others of ours may be there, too, or
    none at all.
    """
    if parent is None:
        return Seen.UNKNOWN
    verdicts = {server_has(apex, answer, wanted, ours, adds=adds) for answer in parent.answers}
    if Seen.NO in verdicts:
        return Seen.NO
    return Seen.YES if verdicts == {Seen.YES} and not parent.error else Seen.UNKNOWN


def server_has(
    apex: WireName, answer: ParentAnswer, wanted: Collection[bytes], ours: Collection[bytes], *, adds: bool = False
) -> Seen:
    """The same for one server."""
    if answer.ds is None:
        return Seen.UNKNOWN
    if not wanted:
        return Seen.NO if answer.ds else Seen.YES
    found, needed = keys_of(apex, answer.ds, {*ours, *wanted}), frozenset(wanted)
    is_so = found == needed or (adds and (found >= needed or not answer.ds))
    return Seen.YES if is_so else Seen.NO
