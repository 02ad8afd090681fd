"""What is proven before a version is published: every field of everything that signing makes, wrong, is found."""

import os
import time
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from itertools import islice
from pathlib import Path

import dns.rdata
import dns.zone
import pytest

from corruptkit import Maker, Mistake, Zone, damaged, out_of_place, wrong_records, wrong_signatures
from signedzonekit import CHAINS, Find, ed25519_key, edited, make_keys, read, sign_with_bind, tree_of
from treekit import Objects
from zonegit.dnssec.private_key import generate, tag_of
from zonegit.dnssec.proof import faults
from zonegit.errors import InvalidObject
from zonegit.model.names import APEX_KEY, Owner, OwnerKey, parse_apex, to_text
from zonegit.model.rdata import DNSKEY, RRSIG, SOA, ZONEMD, A
from zonegit.model.rrset import RRset, key_parts, rdatas, record_spans, rr_key, served_soa

ALL = bool(os.environ.get("ZONEGIT_DNSSEC"))
NOW = int(time.time())
APEX = "example.org."
SERIAL = 7
TEXT = f"""\
$ORIGIN {APEX}
$TTL 300
@      SOA    ns host {SERIAL} 3600 600 86400 60
@      NS     ns
ns     A      192.0.2.9
www    A      192.0.2.1
www    A      192.0.2.2
*.w    TXT    wild
x.ent  TXT    deep
sub    NS     ns.sub
ns.sub A      192.0.2.3
signed NS     ns.sub
signed DS     1 15 2 {"00" * 32}
old    DNAME  new
"""
WITH_DIGEST = TEXT + f"@ ZONEMD {SERIAL} 1 1 {'00' * 48}\n"


class Signed:
    """A right zone, and what makes wrong ones of it."""

    def __init__(self, zone: Zone, maker: Maker) -> None:
        self.zone = zone
        self.maker = maker
        self.keys = zone[rr_key(APEX_KEY, DNSKEY)]
        self.objects = Objects()
        self.tree = tree_of(sorted(zone.items()), self.objects)

    @classmethod
    def by_bind(cls, find: Find, directory: Path, chain: str, text: str = TEXT) -> "Signed":
        keys = make_keys(find, directory, APEX, 15, split=True)
        ksk = ed25519_key(keys, keys.ksk)
        maker = Maker(parse_apex(APEX), SERIAL, NOW, ksk, ed25519_key(keys, keys.zsk), generate(15))
        dnskey = ksk.dnskey(257)
        text += f"@ CDS {tag_of(dnskey)} 15 2 {sha256(maker.apex + dnskey).hexdigest()}\n"
        text += f"@ CDNSKEY 257 3 15 {b64encode(dnskey[4:]).decode()}\n"
        return cls(dict(read(sign_with_bind(find, keys, text, APEX, chain, NOW)).entries), maker)

    def with_digest(self) -> "Signed":
        """The same zone with the digest that dnspython makes of it."""
        zone = dns.zone.Zone(APEX, relativize=False)
        for key, payload in self.zone.items():
            owner, rtype = key_parts(key)
            stored = served_soa(payload, SERIAL) if rtype == SOA else payload
            for start, end in record_spans(stored):
                rdata = dns.rdata.from_wire(1, rtype, stored, start, end - start)
                ttl = int.from_bytes(stored[start - 6 : start - 2], "big")
                name = to_text(owner + self.maker.apex)
                zone.find_rdataset(name, rtype, rdata.covers(), create=True).add(rdata, ttl)
        digest = zone.compute_digest(dns.zone.DigestHashAlgorithm.SHA384).to_wire() or b""
        payload = RRset.of(Owner(b""), ZONEMD, 300, [digest]).encode()
        return Signed(self.maker.signed(self.zone, rr_key(APEX_KEY, ZONEMD), payload), self.maker)

    def faults(self, zone: Zone, *, whole: bool = False) -> list[str]:
        """What is found after the right zone, or in this zone alone."""
        try:
            tree = edited(self.tree, self.zone, zone, self.objects)
        except InvalidObject as reason:
            return [str(reason)]
        return faults(None if whole else self.tree, tree, self.maker.apex, SERIAL, NOW, [self.keys])

    def assert_found(self, mistakes: Iterable[Mistake], chain: str = "") -> int:
        """How many mistakes there were; all are found among the changes, and each tenth in the whole zone.

        With a chain, another third for each, unless all are asked for.
        """
        missed = []
        count = 0
        some = islice(mistakes, CHAINS.index(chain), None, len(CHAINS)) if chain and not ALL else mistakes
        for what, zone in some:
            if zone != self.zone:
                count += 1
                if not self.faults(zone) or (not count % 10 and not self.faults(zone, whole=True)):
                    missed.append(what)
        assert missed == []
        return count


@pytest.mark.parametrize("chain", CHAINS)
def test_signatures(chain: str, needs_program: Find, tmp_path: Path) -> None:
    signed = Signed.by_bind(needs_program, tmp_path, chain)
    assert signed.faults(signed.zone, whole=True) == []
    assert signed.assert_found(wrong_signatures(signed.zone, signed.maker), chain) > 200


@pytest.mark.parametrize("chain", CHAINS)
def test_records_that_signing_makes(chain: str, needs_program: Find, tmp_path: Path) -> None:
    signed = Signed.by_bind(needs_program, tmp_path, chain)
    assert signed.assert_found(wrong_records(signed.zone, signed.maker)) > 100


@pytest.mark.parametrize("chain", CHAINS)
def test_signatures_of_what_must_not_be_signed(chain: str, needs_program: Find, tmp_path: Path) -> None:
    signed = Signed.by_bind(needs_program, tmp_path, chain)
    assert signed.assert_found(out_of_place(signed.zone, signed.maker)) > 3


@pytest.mark.parametrize("chain", CHAINS)
def test_each_byte_of_what_is_signed(chain: str, needs_program: Find, tmp_path: Path) -> None:
    signed = Signed.by_bind(needs_program, tmp_path, chain)
    glue = {b"sub\0ns\0\0\0\1", b"sub\0\0\0\2", b"signed\0\0\0\2"}
    mistakes = (mistake for key in sorted(signed.zone.keys() - glue) for mistake in damaged(signed.zone, key))
    assert signed.assert_found(mistakes, chain) > 800


@pytest.mark.parametrize(("algorithm", "step"), [(8, 7), (13, 1), (14, 3), (15, 1)])
def test_each_bit_of_a_signature(algorithm: int, step: int, needs_program: Find, tmp_path: Path) -> None:
    keys = make_keys(needs_program, tmp_path, APEX, algorithm)
    zone = dict(read(sign_with_bind(needs_program, keys, TEXT, APEX, "nsec", NOW)).entries)
    objects = Objects()
    old = tree_of(zone.items(), objects)
    key = rr_key(OwnerKey(b"ns\0"), RRSIG)
    dnskeys = [zone[rr_key(APEX_KEY, DNSKEY)]]
    first = rdatas(zone[key])[0]
    size = len(first) - 18 - len(parse_apex(APEX))
    for bit in range(0, 8 * size, step):
        flipped = bytearray(zone[key])
        at = flipped.index(first) + len(first) - 1 - bit // 8
        flipped[at] ^= 1 << bit % 8
        new = edited(old, zone, {**zone, key: bytes(flipped)}, objects)
        assert faults(old, new, parse_apex(APEX), SERIAL, NOW, dnskeys), f"bit {bit}"


@pytest.mark.parametrize("chain", CHAINS)
def test_the_digest(chain: str, needs_program: Find, tmp_path: Path) -> None:
    signed = Signed.by_bind(needs_program, tmp_path, chain, WITH_DIGEST)
    assert signed.faults(signed.zone, whole=True) == ["example.org. ZONEMD: not the digest of the zone"]
    signed = signed.with_digest()
    assert signed.faults(signed.zone, whole=True) == []
    key = rr_key(APEX_KEY, ZONEMD)
    only = (each for each in wrong_records(signed.zone, signed.maker) if each[0].startswith(repr(key)))
    assert signed.assert_found(only) > 50
    glue = rr_key(OwnerKey(b"sub\0ns\0"), A)
    other = signed.zone | {glue: signed.zone[glue][:-1] + b"\7"}
    assert signed.faults(other) == ["example.org. ZONEMD: not the digest of the zone"], "else nothing tells of glue"
