"""Hostile zones by their chain of denial: NSEC and NSEC3 records that are missing, broken, endless or too many."""

from base64 import b32hexencode
from hashlib import sha1
from itertools import pairwise

from hostile_zones import DELEGATED, Sketch, address, deep, deep_names, kind, label, signature
from zonegit.model.rdata import DS, NS, NSEC, NSEC3, NSEC3PARAM, RRSIG, SOA, TXT, A

LONG = 3000
"""Records of a long chain: many more than a query may read."""
HEX = b"0123456789abcdefghijklmnopqrstuv"


def digest(name: bytes, salt: bytes = b"", iterations: int = 0) -> bytes:
    """The hash of a lowercase wire name (RFC 5155 §5)."""
    found = sha1(name + salt).digest()
    for _ in range(iterations):
        found = sha1(found + salt).digest()
    return found


def hashed(found: bytes) -> bytes:
    """The owner that a hash makes."""
    return label(b32hexencode(found).lower())


def nsec3(after: bytes, salt: bytes = b"", iterations: int = 0, flags: int = 0) -> bytes:
    """NSEC3 RDATA that denies most types."""
    return parameters(salt, iterations, flags) + label(after) + b"\0\1\x40"


def parameters(salt: bytes = b"", iterations: int = 0, flags: int = 0) -> bytes:
    """NSEC3PARAM RDATA."""
    return bytes((1, flags)) + iterations.to_bytes(2, "big") + label(salt)


def put_chain(
    sketch: Sketch, hashes: list[bytes], salt: bytes = b"", iterations: int = 0, flags: int = 0
) -> list[bytes]:
    """Add a chain over these hashes and that of the apex; all of it in order."""
    ring = sorted({*hashes, digest(sketch.apex, salt, min(iterations, 3000))})
    for at, after in pairwise([*ring, ring[0]]):
        sketch.put(hashed(at), NSEC3, nsec3(after, salt, iterations, flags))
    return ring


def sign(sketch: Sketch, salt: bytes = b"", iterations: int = 0) -> None:
    """Say at the apex that the zone is hashed, and have it look signed; add some names to ask below."""
    sketch.put(b"", NSEC3PARAM, parameters(salt, iterations))
    sketch.put(b"", RRSIG, signature(SOA, sketch.apex))
    sketch.put(label("cut"), NS, label("ns") + label("cut") + sketch.apex)
    sketch.put(label("safe"), NS, label("ns") + label("cut") + sketch.apex)
    sketch.put(label("safe"), DS, DELEGATED)
    sketch.put(label("*") + label("w"), TXT, label("x"))
    sketch.put(deep(110, "e"), A, address(sketch.rng))
    sketch.traps += [label("x"), label("x") + label("w"), label("x") + label("cut"), label("none") + deep(100, "e")]
    sketch.traps += [deep(depth, "e") for depth in (1, 50, 100)] + [deep(120, "e"), label("cut"), label("safe")]


def plain_names(sketch: Sketch, count: int = 2500) -> None:
    """Names all over the order of the hashed ones."""
    for number in range(count):
        sketch.put(label(f"{chr(sketch.rng.choice(HEX))}{number}"), A, address(sketch.rng))


def random_hashes(sketch: Sketch, count: int) -> list[bytes]:
    return [sketch.rng.randbytes(20) for _ in range(count)]


@kind
def nsec3_broken(sketch: Sketch) -> None:
    """A third of the chain is gone."""
    sign(sketch)
    for at in sketch.rng.sample(put_chain(sketch, random_hashes(sketch, 900)), 300):
        sketch.rrsets.pop((hashed(at), NSEC3), None)


@kind
def nsec3_sliver(sketch: Sketch) -> None:
    """A long chain through a sliver of the hashes that ends at nothing, and plain names everywhere else."""
    sign(sketch)
    at = digest(sketch.apex)
    for _ in range(LONG):
        after = (int.from_bytes(at, "big") + sketch.rng.randrange(1, 1 << 90)).to_bytes(21, "big")[-20:]
        sketch.put(hashed(at), NSEC3, nsec3(after))
        at = after
    plain_names(sketch)


@kind
def nsec3_loops(sketch: Sketch) -> None:
    """Next hashes lead backwards, to themselves, or anywhere; few of them to where none stands."""
    sign(sketch)
    rng = sketch.rng
    ring = put_chain(sketch, random_hashes(sketch, 900))
    for number, at in enumerate(ring):
        where = rng.random()
        after = at if where < 0.2 else ring[number // 2] if where < 0.5 else rng.choice(ring)
        if rng.random() < 0.7:
            step = (int.from_bytes(at, "big") + 1) % (1 << 160)
            after = step.to_bytes(20, "big") if where < 0.05 else after
            sketch.rrsets[hashed(at), NSEC3] = (nsec3(after),)


@kind
def nsec3_endless(sketch: Sketch) -> None:
    """A ring through slivers that begins at the apex and comes back to its second link, never to its first."""
    sign(sketch)
    at = first = digest(sketch.apex)
    second = b""
    for _ in range(LONG):
        after = (int.from_bytes(at, "big") + sketch.rng.randrange(1, 1 << 60)).to_bytes(21, "big")[-20:]
        second = second or after
        sketch.put(hashed(at), NSEC3, nsec3(after))
        at = after
    sketch.put(hashed(at), NSEC3, nsec3(second))
    plain_names(sketch)
    sketch.traps.append(hashed(first))


@kind
def nsec3_without_apex(sketch: Sketch) -> None:
    """The chain's first record is missing, or it is the only one and leads nowhere."""
    sign(sketch)
    if sketch.rng.random() < 0.5:
        put_chain(sketch, random_hashes(sketch, 300))
        sketch.rrsets.pop((hashed(digest(sketch.apex)), NSEC3))
    else:
        sketch.put(hashed(digest(sketch.apex)), NSEC3, nsec3(sketch.rng.randbytes(20)))


@kind
def nsec3_none(sketch: Sketch) -> None:
    """A zone that says it is hashed, and has no NSEC3 but thousands of plain names."""
    sign(sketch)
    deep_names(sketch)
    plain_names(sketch)


@kind
def nsec3_other_chains(sketch: Sketch) -> None:
    """Hashed owners of chains that the apex doesn't name, beside some of the one that it does."""
    sign(sketch, b"\xaa")
    for salt in (b"", b"\xbb", b"\xcc" * 255):
        put_chain(sketch, random_hashes(sketch, 700), salt)
    for at in sketch.rng.sample(put_chain(sketch, random_hashes(sketch, 300), b"\xaa"), 280):
        sketch.rrsets.pop((hashed(at), NSEC3))


@kind
def nsec3_fat(sketch: Sketch) -> None:
    """Hundreds of NSEC3 records of other chains at each hashed owner, and signatures over them."""
    sign(sketch)
    for at in put_chain(sketch, random_hashes(sketch, 60)):
        others = [nsec3(sketch.rng.randbytes(20), n.to_bytes(2, "big") * 60) for n in range(200)]
        sketch.put(hashed(at), NSEC3, *others)
        sketch.put(hashed(at), RRSIG, *(signature(NSEC3, sketch.apex, 3, tag=n) for n in range(200)))


@kind
def nsec3_names_between(sketch: Sketch) -> None:
    """Plain names by the thousand between the hashed ones of a chain that is in order, then broken in one place."""
    sign(sketch)
    ring = put_chain(sketch, random_hashes(sketch, 300))
    for at in ring[::30]:
        for number in range(250):
            sketch.put(label(hashed(at)[1:20] + b"w%d" % number), A, address(sketch.rng))
    for at in ring[::50]:
        sketch.rrsets.pop((hashed(at), NSEC3), None)


@kind
def nsec3_opt_out(sketch: Sketch) -> None:
    """Opt-out, where enclosers a hundred labels deep have no NSEC3."""
    sign(sketch)
    put_chain(sketch, random_hashes(sketch, 200), flags=1)
    for text in "fg":
        sketch.put(deep(118, text), NS, label("ns") + sketch.apex)
        sketch.traps += [
            label("x") + deep(118, text),
            deep(118, text),
            deep(117, text),
            label("x") + deep(60, text),
        ]


@kind
def nsec3_iterations(sketch: Sketch) -> None:
    """Hashes that take up to 65,535 rounds, with salts as long as there are; the names are deep as well."""
    rounds = sketch.rng.choice((1, 10, 50, 99, 100, 101, 150, 500, 2500, 2501, 65535))
    salt = sketch.rng.randbytes(sketch.rng.choice((0, 1, 8, 40, 255)))
    sign(sketch, salt, rounds)
    put_chain(sketch, random_hashes(sketch, 200), salt, rounds)
    deep_names(sketch)


@kind
def nsec3_many_parameters(sketch: Sketch) -> None:
    """Parameters that are cut short, too long, unknown, and too many."""
    rng = sketch.rng
    sketch.whole = False
    sign(sketch)
    put_chain(sketch, random_hashes(sketch, 100))
    odd = (
        b"",
        b"\1",
        b"\1\0",
        b"\1\0\0",
        b"\1\0\0\0",
        b"\1\0\0\0\5",
        b"\1\0\xff\xff\0",
        b"\2\0\0\0\0",
        b"\1\1\0\0\0",
    )
    if rng.random() < 0.5:
        sketch.rrsets[b"", NSEC3PARAM] = (rng.choice(odd),)
    else:
        many = [parameters(n.to_bytes(2, "big") * 100, 65535) for n in range(1000)]
        sketch.rrsets[b"", NSEC3PARAM] = (*odd, *many, b"\1\0\0\0\0\0\0")


@kind
def nsec_none(sketch: Sketch) -> None:
    """An NSEC at the apex and at none of thousands of names."""
    sketch.put(b"", NSEC, label("zzz") + sketch.apex + b"\0\1\x40")
    sketch.put(b"", RRSIG, signature(SOA, sketch.apex), signature(NSEC, sketch.apex))
    for number in range(2500):
        sketch.put(label(f"n{number}"), A, address(sketch.rng))
    sketch.traps += [label("zzzz"), label("n1x"), label("x") + label("n7")]


@kind
def nsec_deep(sketch: Sketch) -> None:
    """The same where each name is a hundred labels deep, and no cut is above it."""
    sketch.put(b"", NSEC, label("zzz") + sketch.apex + b"\0\1\x40")
    for number in range(500):
        sketch.put(label(f"n{number}") + deep(110, "d"), A, address(sketch.rng))
    sketch.traps += [
        label("zz") + deep(110, "d"),
        label("e"),
        deep(111, "d"),
        label("*"),
        label("nz") + deep(110, "d"),
    ]


@kind
def nsec_holes(sketch: Sketch) -> None:
    """NSECs with holes, in rings, at cuts and DNAMEs, and below them."""
    rng = sketch.rng
    for number in range(800):
        owner = label(f"h{number}")
        sketch.put(
            owner, NS if number % 5 == 0 else A, label("ns") + sketch.apex if number % 5 == 0 else address(rng)
        )
        if number % 5 == 0:
            for below in range(8):
                sketch.put(label(f"g{below}") + deep(60, "g") + owner, A, address(rng))
        if rng.random() < 0.4:
            sketch.put(owner, NSEC, label(f"h{rng.randrange(800)}") + sketch.apex + b"\0\1\x40")
            sketch.put(
                owner, RRSIG, *(signature(NSEC, sketch.apex, tag=n) for n in range(rng.choice((0, 1, 300)) + 1))
            )
    sketch.put(b"", NSEC, label("h0") + sketch.apex + b"\0\1\x40")
    sketch.traps += [label(f"h{number}x") for number in range(0, 800, 50)] + [label("hz"), label("g") + label("h5")]
