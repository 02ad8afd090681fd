"""RRSIG records: the bytes that a signature signs, and the RRset of all signatures at an owner (RFC 4034 §3.1).

All messages of a call are signed with one call of each key's signer. A signer that doesn't return one signature for
each message is refused.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.signing.plan import SIGNED_BY_DNSKEY_KEYS, SigningKey, SigningPlan
from zonegit.errors import DnssecError
from zonegit.model.names import Owner, OwnerKey, WireName, key_owner, labels
from zonegit.model.rdata import CLASS_IN, RRSIG, SOA
from zonegit.model.rrset import APEX_POINTER, record_spans, served_soa

CHUNK: Final = 10_000
"""About as many signatures are made at once: that bounds the memory that they need before they are stored."""

_T = TypeVar("_T")
_BEGIN: Final = APEX_POINTER + RRSIG.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")
_WILDCARD: Final = b"\1*"
_SOA: Final = SOA.to_bytes(2, "big")


class ToSign(NamedTuple):
    """What is signed at one owner."""

    owner: OwnerKey
    rrsets: Sequence[bytes]
    """Stored RRsets that get new signatures."""
    kept: Sequence[bytes] = ()
    """RDATA of signatures that stay as they are."""


class _Queue:
    """What one key has to sign."""

    def __init__(self, key: SigningKey, apex: WireName) -> None:
        self.key = key
        self.algorithm = bytes((key.algorithm,))
        self.tail = tag_of(key.dnskey).to_bytes(2, "big") + apex
        self.messages: list[bytes] = []
        self.heads: list[bytes] = []
        """For each message the RDATA in front of the signature, which is signed too."""
        self.places: list[list[bytes]] = []
        """For each message the list that its RRSIG goes to."""

    def sign(self) -> None:
        if not self.messages:
            return
        signatures = self.key.signer.sign(self.messages)
        if len(signatures) != len(self.messages):
            raise DnssecError(f"the signer returned {len(signatures)} of {len(self.messages)} signatures")
        for place, head, signature in zip(self.places, self.heads, signatures, strict=True):
            place.append(head + signature)


def rrsig_rrsets(owners: Sequence[ToSign], plan: SigningPlan) -> list[bytes | None]:
    """The stored RRSIG RRset of each owner, in the same order; None where nothing is signed."""
    apex = plan.apex
    queues = {key.dnskey: _Queue(key, apex) for key in (*plan.zone_keys, *plan.dnskey_keys)}
    of_zone = [queues[key.dnskey] for key in plan.zone_keys]
    at_apex = {
        rtype: [queues[key.dnskey] for key in plan.signers_at_apex(rtype)] for rtype in SIGNED_BY_DNSKEY_KEYS
    }
    above = len(labels(apex))
    inception = _seconds(plan.times.inception)
    made: list[tuple[Owner, list[bytes]]] = []
    for key, rrsets, kept in owners:
        owner = key_owner(key)
        size = len(owner)
        name = owner + apex
        count = bytes((above + key.count(b"\0") - owner.startswith(_WILDCARD),))
        times = _seconds(plan.times.expiration(key)) + inception
        found = list(kept)
        made.append((owner, found))
        for rrset in rrsets:
            covered = rrset[size + 2 : size + 4]
            middle = count + rrset[size + 6 : size + 10] + times
            records = _records(name, size, rrset, plan.serial)
            for queue in of_zone if key else at_apex.get(int.from_bytes(covered, "big"), of_zone):
                head = covered + queue.algorithm + middle + queue.tail
                queue.places.append(found)
                queue.heads.append(head)
                queue.messages.append(head + records)
    for queue in queues.values():
        queue.sign()
    return [_stored(owner, found) for owner, found in made]


def _seconds(moment: int) -> bytes:
    return (moment & 0xFFFFFFFF).to_bytes(4, "big")


def _records(name: bytes, size: int, rrset: bytes, serial: int) -> bytes:
    """The records of a stored RRset as they are signed: under their whole name, the SOA with its served serial.

    `size`: bytes of the owner. Stored RDATA is in canonical form and order (RFC 4034 §6.2, §6.3).
    """
    rdata = size + 12
    if rdata + int.from_bytes(rrset[rdata - 2 : rdata], "big") == len(rrset):
        if not size and rrset[2:4] == _SOA:
            rrset = served_soa(rrset, serial)
        return name + rrset[size + 2 :]
    return b"".join([name + rrset[start - 10 : end] for start, end in record_spans(rrset)])


def _stored(owner: Owner, found: list[bytes]) -> bytes | None:
    """The stored RRset of these RDATAs. The TTL of each record is its Original TTL (RFC 4034 §3)."""
    begin = owner + _BEGIN
    found.sort()
    return b"".join([begin + rdata[4:8] + len(rdata).to_bytes(2, "big") + rdata for rdata in found]) or None


def chunks(items: Iterable[_T], weight: Callable[[_T], int]) -> Iterator[list[_T]]:
    """The same items in lists with a weight of about `CHUNK` each: the number of RRsets to sign."""
    chunk: list[_T] = []
    size = 0
    for item in items:
        chunk.append(item)
        size += weight(item)
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


class MadeBy(NamedTuple):
    """What identifies a signature and its key."""

    covered: int
    algorithm: int
    tag: int


def made_by(rdata: bytes) -> MadeBy:
    """What RRSIG RDATA covers, and the key that it names."""
    return MadeBy(int.from_bytes(rdata[:2], "big"), rdata[2], int.from_bytes(rdata[16:18], "big"))
