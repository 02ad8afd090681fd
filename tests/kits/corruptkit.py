"""Mistakes that a signer could make: each field of each record that signing makes, wrong, and signed all the same.

Zones here are `{key: stored RRset}`, with one Ed25519 key for each role.
"""

from collections.abc import Iterator
from struct import pack, unpack_from
from typing import NamedTuple

from zonegit.dnssec.private_key import PrivateKey
from zonegit.model.names import Owner, OwnerKey, WireName, labels, owner_key
from zonegit.model.rdata import CDNSKEY, CDS, DNSKEY, NS, NSEC, NSEC3, NSEC3PARAM, RRSIG, SOA, ZONEMD, name_end
from zonegit.model.rrset import RRKey, RRset, key_parts, rdatas, rr_key, served_soa

Zone = dict[RRKey, bytes]


class Fields(NamedTuple):
    """The fields of an RRSIG record, as a signer may set them."""

    covered: int
    algorithm: int
    labels: int
    ttl: int
    expiration: int
    inception: int
    tag: int
    signer: bytes

    def head(self) -> bytes:
        return pack(">HBBIIIH", *self[:7]) + self.signer


class Maker(NamedTuple):
    """Makes signatures of a zone, right ones and wrong ones."""

    apex: WireName
    serial: int
    now: int
    ksk: PrivateKey
    zsk: PrivateKey
    stranger: PrivateKey

    def key_for(self, rtype: int) -> tuple[PrivateKey, int]:
        return (self.ksk, 257) if rtype in (DNSKEY, CDS, CDNSKEY) else (self.zsk, 256)

    def fields(self, owner: Owner, rtype: int, payload: bytes) -> Fields:
        """What is right."""
        key, flags = self.key_for(rtype)
        ttl = unpack_from(">I", payload, len(owner) + 6)[0]
        count = len(labels(owner + self.apex)) - owner.startswith(b"\1*")
        times = self.now + 10 * 86_400, self.now - 86_400
        return Fields(rtype, 15, count, ttl, *times, tag_of(key.dnskey(flags)), self.apex)

    def rrsig(
        self, payload: bytes, fields: Fields, *, by: PrivateKey | None = None, owner: Owner | None = None
    ) -> bytes:
        """RDATA. `owner`: the one that the signature is made for, instead of the RRset's."""
        own = RRset.decode(payload)
        if own.rtype == SOA:
            payload = served_soa(payload, self.serial)
        name = (own.owner if owner is None else owner) + self.apex
        records = (
            name + pack(">HHIH", own.rtype, 1, fields.ttl, len(rdata)) + rdata for rdata in sorted(rdatas(payload))
        )
        key = by or self.key_for(own.rtype)[0]
        return fields.head() + key.material.sign(fields.head() + b"".join(records))  # type: ignore[union-attr,call-arg]

    def signed(self, zone: Zone, key: RRKey, payload: bytes | None) -> Zone:
        """The zone with an RRset replaced or gone, and rightly signed."""
        owner, rtype = key_parts(key)
        made = dict(zone)
        kept = [rdata for rdata in _rrsigs(zone, key) if rdata[:2] != key[-2:]]
        if payload is None:
            made.pop(key, None)
        else:
            made[key] = payload
            kept.append(self.rrsig(payload, self.fields(owner, rtype, payload)))
        return with_rrset(made, owner, RRSIG, 0, kept)


def tag_of(dnskey: bytes) -> int:
    """RFC 4034 appendix B."""
    total = sum(byte if at & 1 else byte << 8 for at, byte in enumerate(dnskey))
    return (total + (total >> 16)) & 0xFFFF


def with_rrset(zone: Zone, owner: Owner, rtype: int, ttl: int, records: list[bytes]) -> Zone:
    made = dict(zone)
    key = rr_key(owner_key(owner), rtype)
    made.pop(key, None)
    if records:
        made[key] = RRset.of(owner, rtype, ttl, records).encode()
    return made


def _rrsigs(zone: Zone, key: RRKey) -> list[bytes]:
    payload = zone.get(rr_key(OwnerKey(key[:-3]), RRSIG))
    return list(rdatas(payload)) if payload else []


Mistake = tuple[str, Zone]
"""What is wrong, and a zone that has it."""


def wrong_signatures(zone: Zone, maker: Maker) -> Iterator[Mistake]:
    """Each signature of the zone with each of its fields wrong, or made of something else, or by another key."""
    for key, payload in zone.items():
        owner, rtype = key_parts(key)
        others = [rdata for rdata in _rrsigs(zone, key) if rdata[:2] != key[-2:]]
        if rtype == RRSIG or len(others) == len(_rrsigs(zone, key)):
            continue
        right = maker.fields(owner, rtype, payload)

        def put(
            what: str, *records: bytes, key: RRKey = key, owner: Owner = owner, others: list[bytes] = others
        ) -> Mistake:
            return f"{key!r}: {what}", with_rrset(zone, owner, RRSIG, 0, [*others, *records])

        good = maker.rrsig(payload, right)
        yield put("no signature")
        for name, fields in _wrong_fields(right, maker.now):
            yield put(f"{name}, signed so", maker.rrsig(payload, fields))
            yield put(f"{name}, changed afterwards", fields.head() + good[-64:])
        yield put("by a key that isn't published", maker.rrsig(payload, right, by=maker.stranger))
        stranger = right._replace(tag=tag_of(maker.stranger.dnskey(256)))
        yield put("by such a key, with its tag", maker.rrsig(payload, stranger, by=maker.stranger))
        yield put("and another one by such a key", good, maker.rrsig(payload, stranger, by=maker.stranger))
        yield put("made for another name", maker.rrsig(payload, right, owner=Owner(b"\1x" + owner)))
        yield put("twice by one key", good, maker.rrsig(payload, right._replace(inception=right.inception - 1)))
        yield put("too short", good[:-1])
        yield put("too long", good + b"\0")
        yield put("empty", good[:-64])
        yield put("of zeros", good[:-64] + bytes(64))


def _wrong_fields(right: Fields, now: int) -> Iterator[tuple[str, Fields]]:
    for name, values in {
        "covered": (1, 2, 65280, RRSIG),
        "algorithm": (0, 8, 13, 14, 16, 253),
        "labels": (right.labels + 1, max(right.labels - 1, 0), 255),
        "ttl": (0, right.ttl + 1, right.ttl - 1),
        "expiration": (now - 1, now, now + 60, right.inception, 0),
        "inception": (now + 1, now + 86_400, right.expiration),
        "tag": (0, right.tag ^ 1, right.tag ^ 0x8000),
        "signer": (b"\0", b"\3org\0", b"\1x" + right.signer),
    }.items():
        for value in values:
            if value != getattr(right, name) and value != -1:
                yield f"{name} {value!r}", right._replace(**{name: value})


def wrong_records(zone: Zone, maker: Maker) -> Iterator[Mistake]:
    """Each record that signing makes with each of its fields wrong, and signed as if it were right."""
    makers = {NSEC: _nsecs, NSEC3: _nsec3s, NSEC3PARAM: _nsec3params, ZONEMD: _zonemds, DNSKEY: _keys, CDS: _cds}
    for key, payload in zone.items():
        owner, rtype = key_parts(key)
        if rtype not in makers:
            continue
        records = list(rdatas(payload))
        ttl = RRset.decode(payload).ttl
        wrong: list[tuple[str, list[bytes]]] = [("missing", []), ("damaged", [records[0][:-1], *records[1:]])]
        wrong += [("doubled", [records[0] + b"\0", *records])] if rtype != NSEC else []
        wrong += makers[rtype](records, zone)
        for what, made in wrong:
            form = RRset.of(owner, rtype, ttl, made).encode() if made else None
            yield f"{key!r}: {what}", maker.signed(zone, key, form)
        if rtype in (NSEC, NSEC3):
            for value in (0, ttl + 1):
                form = RRset.of(owner, rtype, value, records).encode()
                yield f"{key!r}: TTL {value}", maker.signed(zone, key, form)
            yield f"{key!r}: another owner", _moved(zone, maker, key, payload)


def _moved(zone: Zone, maker: Maker, key: RRKey, payload: bytes) -> Zone:
    owner, rtype = key_parts(key)
    there = Owner(bytes((owner[0],)) + bytes(byte ^ 1 for byte in owner[1:2]) + owner[2:] if owner else b"\1x")
    rrset = RRset.decode(payload)
    moved = RRset.of(there, rtype, rrset.ttl, rrset.rdatas)
    return maker.signed(maker.signed(zone, key, None), moved.key, moved.encode())


def _nsecs(records: list[bytes], zone: Zone) -> Iterator[tuple[str, list[bytes]]]:
    (rdata,) = records
    end = name_end(rdata, 0)
    following, bitmap = rdata[:end], rdata[end:]
    for name in (b"\0", b"\1x" + following, following[1 + following[0] :], b"\3zzz" + following):
        yield f"next {name!r}", [name + bitmap]
    yield "two of them", [rdata, b"\1x" + rdata]
    yield from ((what, [following + each]) for what, each in _bitmaps(bitmap))


def _nsec3s(records: list[bytes], zone: Zone) -> Iterator[tuple[str, list[bytes]]]:
    (rdata,) = records
    at = 6 + rdata[4]
    head, digest, bitmap = rdata[:at], rdata[at : at + 20], rdata[at + 20 :]
    for place, name in enumerate(("algorithm", "flags", "iterations", "iterations", "salt length")):
        for value in (rdata[place] ^ 1, rdata[place] ^ 2, 255):
            if name != "flags" or value > 1:
                yield f"{name} {value}", [rdata[:place] + bytes((value,)) + rdata[place + 1 :]]
    yield "salt", [head[:4] + b"\1x\x14" + digest + bitmap]
    yield "hash length", [head[:-1] + b"\x13" + digest + bitmap]
    yield "a shorter hash", [head[:-1] + b"\x13" + digest[:-1] + bitmap]
    for place in (0, 19):
        other = bytearray(digest)
        other[place] ^= 1
        yield f"next hash, byte {place}", [head + bytes(other) + bitmap]
    yield from ((what, [head + digest + each]) for what, each in _bitmaps(bitmap))


def _bitmaps(bitmap: bytes) -> Iterator[tuple[str, bytes]]:
    """With each bit of the first window's bytes turned over, and in forms that are no bitmap."""
    size = bitmap[1] if bitmap else 0
    for bit in range(8 * size):
        turned = bytearray(bitmap)
        turned[2 + bit // 8] ^= 0x80 >> bit % 8
        yield f"type {bit}", bytes(turned)
    yield "another window", bitmap + b"\5\1\x80"
    yield "an empty window", bitmap + b"\5\0"
    yield "a window of zeros", bitmap + b"\5\1\0"
    yield "a window that is cut short", bitmap + b"\5\2\x80"
    if bitmap:
        yield "nothing", b""
        yield "a window twice", bitmap + bitmap
        yield "another window's number", b"\1" + bitmap[1:]
        yield "a byte more", bytes((0, size + 1)) + bitmap[2 : 2 + size] + b"\0" + bitmap[2 + size :]


def _nsec3params(records: list[bytes], zone: Zone) -> Iterator[tuple[str, list[bytes]]]:
    (rdata,) = records
    for place, name in enumerate(("algorithm", "flags", "iterations", "iterations", "salt length")):
        for value in (rdata[place] ^ 1, 255):
            yield f"{name} {value}", [rdata[:place] + bytes((value,)) + rdata[place + 1 :]]
    yield "salt", [rdata[:4] + b"\1x"]
    yield "two of them", [rdata, rdata[:4] + b"\1x"]


def _zonemds(records: list[bytes], zone: Zone) -> Iterator[tuple[str, list[bytes]]]:
    (rdata,) = records
    for place in range(len(rdata)):
        yield f"byte {place}", [rdata[:place] + bytes((rdata[place] ^ 1,)) + rdata[place + 1 :]]
    yield "two of them", [rdata, rdata[:6] + bytes(len(rdata) - 6)]
    yield "cut short", [rdata[:8]]


def _keys(records: list[bytes], zone: Zone) -> Iterator[tuple[str, list[bytes]]]:
    for number, rdata in enumerate(records):
        others = records[:number] + records[number + 1 :]
        if others:
            yield f"without key {number}", others
        for place in (0, 1, 2, 3, 4, len(rdata) - 1):
            changed = rdata[:place] + bytes((rdata[place] ^ 1,)) + rdata[place + 1 :]
            yield f"key {number}, byte {place}", [changed, *others]


def _cds(records: list[bytes], zone: Zone) -> Iterator[tuple[str, list[bytes]]]:
    (rdata,) = records
    for place in (0, 1, 2, 4, len(rdata) - 1):
        yield f"byte {place}", [rdata[:place] + bytes((rdata[place] ^ 1,)) + rdata[place + 1 :]]
    yield "a deletion beside it", [rdata, b"\0\0\0\0\0"]


def out_of_place(zone: Zone, maker: Maker) -> Iterator[Mistake]:
    """Signatures of what mustn't be signed, and of what isn't there."""
    for key, payload in zone.items():
        owner, rtype = key_parts(key)
        signed = any(rdata[:2] == key[-2:] for rdata in _rrsigs(zone, key))
        if not signed and rtype != RRSIG:
            yield f"{key!r}: signed", maker.signed(zone, key, payload)
        if rtype == NS or not signed:
            absent = RRset.of(owner, 65280, 60, [b"x"]).encode()
            record = maker.rrsig(absent, maker.fields(owner, 65280, absent))
            made = with_rrset(zone, owner, RRSIG, 0, [*_rrsigs(zone, key), record])
            yield f"{key!r}: a signature of a type that isn't there", made


def damaged(zone: Zone, key: RRKey) -> Iterator[Mistake]:
    """One RRset with each byte of its TTLs and RDATA changed, one record missing or doubled, or all of them."""
    payload = zone[key]
    owner, rtype = key_parts(key)
    records = RRset.decode(payload)
    skip = len(owner) + 2 + 4
    for place in range(skip, len(payload)):
        made = bytearray(payload)
        made[place] ^= 1 << place % 8
        yield f"{key!r}: byte {place}", {**zone, key: bytes(made)}
    for number in range(len(records.rdatas)):
        fewer = list(records.rdatas[:number] + records.rdatas[number + 1 :])
        yield f"{key!r}: without record {number}", with_rrset(zone, owner, rtype, records.ttl, fewer)
    if len(records.rdatas) > 1:
        one = len(payload) // len(records.rdatas)
        yield f"{key!r}: swapped", {**zone, key: payload[one:] + payload[:one]}
    yield f"{key!r}: doubled", {**zone, key: payload + payload}
