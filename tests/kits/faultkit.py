"""A zone in which every record's data is random, so that it costs what it weighs."""

import random

from zonegit.model.names import join, parse_apex
from zonegit.model.rdata import NS, SOA, TXT
from zonegit.model.rrset import RRset
from zonegit.zonefile.reader import ParsedZone


def random_zone(name: str, records: int, rng: random.Random) -> ParsedZone:
    """Records of about 220 bytes each."""
    apex = parse_apex(name)
    soa = apex + apex + b"".join(number.to_bytes(4, "big") for number in (1, 7200, 900, 1209600, 300))
    rrsets = [
        RRset.of(join([]), NS, 3600, [parse_apex("ns.example.org.")]),
        RRset.of(join([]), SOA, 3600, [soa]),
        *(RRset.of(join([b"h%06d" % at]), TXT, 300, [b"\xc8" + rng.randbytes(200)]) for at in range(records)),
    ]
    entries = sorted((rrset.key, rrset.encode()) for rrset in rrsets)
    return ParsedZone(apex, 1, entries, len(entries), [])
