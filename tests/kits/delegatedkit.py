"""Random zones with all that decides what is signed: zone cuts, glue, DNAMEs, wildcards, names without records."""

from random import Random

from zonegit.model.names import APEX, Owner, join, owner_key
from zonegit.model.rdata import AAAA, CDS, CNAME, DNAME, DNSKEY, DS, MX, NS, SOA, TXT, A
from zonegit.model.rrset import SOA_KEY, RRKey, RRset, key_parts, rr_key

Content = dict[RRKey, bytes]
Changes = dict[RRKey, bytes | None]

_LABELS = [b"a", b"b", b"c", b"*", b"\0", b"\1", b"\1\2z", b"a.\xff", b"x" * 63]
_AUTHORITY = [NS, NS, DS, DNAME]
_DATA = [A, A, AAAA, TXT, MX, CNAME, CDS]
_TTLS = [0, 60, 300, 3600]


def soa(rng: Random) -> bytes:
    minimum = rng.choice([60, 300, 3600])
    rdata = b"\2ns\0\1h\0" + bytes(16) + minimum.to_bytes(4, "big")
    return RRset.of(APEX, SOA, rng.choice([300, 900]), [rdata]).encode()


def random_zone(rng: Random) -> Content:
    """A zone of some dozens of owners at most, with its SOA and NS."""
    content = {SOA_KEY: soa(rng), rr_key(owner_key(APEX), NS): rrset_of(rng, APEX, NS)}
    for _ in range(rng.choice([0, 3, 12, 30])):
        key, payload = random_rrset(rng)
        content[key] = payload
    return dict(sorted(content.items()))


def random_changes(rng: Random, content: Content) -> Changes:
    """A few edits: RRsets put, changed and deleted, subtrees deleted, another SOA."""
    changes: Changes = {}
    for _ in range(rng.choice([0, 1, 1, 2, 8])):
        key, payload = random_rrset(rng)
        kind = rng.random()
        if kind < 0.5:
            changes[key] = payload
        elif kind < 0.85:
            gone = rng.choice(sorted(content))
            owner, rtype = key_parts(gone)
            changes[gone] = None if rng.random() < 0.7 else rrset_of(rng, owner, rtype)
        else:
            top = rng.choice(sorted(content))[:-3]
            changes |= {each: None for each in content if top and each.startswith(top)}
    if rng.random() < 0.1:
        changes[SOA_KEY] = soa(rng)
    changes.pop(SOA_KEY) if changes.get(SOA_KEY, b"") is None else None
    return {key: payload for key, payload in changes.items() if key in content or payload is not None}


def applied(content: Content, changes: Changes) -> Content:
    after = {**content, **changes}
    return {key: payload for key, payload in sorted(after.items()) if payload is not None}


def random_rrset(rng: Random) -> tuple[RRKey, bytes]:
    """Any RRset but the SOA; near the apex the names meet often."""
    owner = join([rng.choice(_LABELS[: rng.choice([3, 3, 9])]) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4]))])
    types = _AUTHORITY if rng.random() < 0.4 else _DATA
    rtype = rng.choice(types if owner or rng.random() < 0.7 else [DNSKEY, CDS])
    return rr_key(owner_key(owner), rtype), rrset_of(rng, owner, rtype)


def rrset_of(rng: Random, owner: Owner, rtype: int) -> bytes:
    """Random records of a type."""
    if rtype == SOA:
        return soa(rng)
    count = 1 if rtype in (CNAME, DNAME) else rng.choice([1, 1, 2, 3])
    return RRset.of(owner, rtype, rng.choice(_TTLS), [_rdata(rng, rtype) for _ in range(count)]).encode()


def _rdata(rng: Random, rtype: int) -> bytes:
    target = b"\3ns%d" % rng.randint(0, 9) + b"\0"
    return {
        A: rng.randbytes(4),
        AAAA: rng.randbytes(16),
        TXT: b"\2" + rng.randbytes(2),
        MX: b"\0\1" + target,
        DS: rng.randbytes(2) + b"\x0f\2" + rng.randbytes(32),
        CDS: rng.randbytes(2) + b"\x0f\2" + rng.randbytes(32),
        DNSKEY: b"\1\0\3\x0f" + rng.randbytes(32),
    }.get(rtype, target)
