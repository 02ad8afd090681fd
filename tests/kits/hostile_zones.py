"""Zones as a tenant or a hostile primary could have them served: built below all checks, each around a few traps.

A kind is a function that fills a `Sketch` from a seeded random source; `make` gives a zone of any kind. More kinds
are in `hostile_chains`, `hostile_piles` and `hostile_aliases`. `hostile_queries` asks for the traps, `costkit`
serves and counts.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from zonegit.errors import InvalidRecord
from zonegit.model.names import MAX_LABEL, MAX_NAME, Owner, WireName, from_text, owner_key
from zonegit.model.rdata import (
    CNAME,
    DNAME,
    DS,
    HTTPS,
    MX,
    NS,
    NSEC,
    NSEC3,
    NSEC3PARAM,
    PTR,
    RRSIG,
    SOA,
    SRV,
    SVCB,
    TXT,
    A,
    is_canonical,
)
from zonegit.model.rrset import RRKey, RRset, rr_key

HONEST = from_text("honest.test.")
BESIDE = from_text("beside.test.")
BAD = from_text("bad.test.")
CHILD = from_text("child.bad.test.")
"""The zones of a world: an honest one that leads into the hostile one, one that the hostile one leads into and that
leads back, the hostile one, and an honest one below it."""
SERIAL = 7
DELEGATED = b"\0\1\17\2" + bytes(32)
"""DS RDATA."""


@dataclass
class Sketch:
    """A zone in the making."""

    kind: str
    apex: WireName
    rng: Random
    rrsets: dict[tuple[bytes, int], tuple[bytes, ...]] = field(default_factory=dict)
    """Owner and type -> RDATA, of which nothing was checked."""
    traps: list[bytes] = field(default_factory=list)
    """Owners, there or not, that queries are aimed at; there are more in `rrsets`."""
    whole: bool = True
    """Whether its RDATA can be read, so that every response can be, too."""

    def put(self, owner: bytes, rtype: int, *rdatas: bytes) -> None:
        """Add records. Owners are wire labels relative to the apex, without the root."""
        if len(owner) + len(self.apex) <= MAX_NAME:
            self.rrsets[owner, rtype] = self.rrsets.get((owner, rtype), ()) + rdatas

    def name(self, owner: bytes) -> bytes:
        """The wire name of an owner, cut to what is allowed from its left."""
        while len(owner) + len(self.apex) > MAX_NAME:
            owner = owner[1 + owner[0] :]
        return owner + self.apex

    @property
    def largest(self) -> int:
        """Bytes of all records at the owner that has most."""
        sizes: Counter[bytes] = Counter()
        for (owner, _), rdatas in self.rrsets.items():
            sizes[owner] += sum(12 + len(rdata) for rdata in rdatas)
        return max(sizes.values())

    def entries(self) -> list[tuple[RRKey, bytes]]:
        """Stored RRsets under their keys, in canonical order."""
        found = [
            (
                rr_key(owner_key(Owner(owner)), rtype),
                RRset(Owner(owner), rtype, 300, tuple(sorted(set(rdatas)))).encode(),
            )
            for (owner, rtype), rdatas in self.rrsets.items()
        ]
        return sorted(found)


Kind = Callable[[Sketch], None]
KINDS: dict[str, Kind] = {}
"""Each kind of hostile zone by its name."""


def kind(function: Kind) -> Kind:
    """Note a kind of zone under its function's name."""
    KINDS[function.__name__] = function
    return function


def make(name: str, apex: WireName, seed: int) -> Sketch:
    """The zone that a kind, an apex and a seed make: always the same."""
    sketch = Sketch(name, apex, Random(f"{name} {seed}"))
    begin(sketch)
    KINDS[name](sketch)
    return sketch


def begin(sketch: Sketch) -> None:
    """What a zone needs to be one."""
    sketch.put(b"", SOA, soa(sketch.apex))
    sketch.put(b"", NS, label("ns") + sketch.apex)
    sketch.put(label("ns"), A, address(sketch.rng))


def honest(apex: WireName, traps: list[bytes]) -> Sketch:
    """A zone that is in order, and whose records lead to the traps of the hostile one."""
    sketch = Sketch("honest", apex, Random(0))
    begin(sketch)
    targets = [BAD, *(trap + BAD for trap in traps if len(trap) + len(BAD) <= MAX_NAME)][:12]
    for number, target in enumerate(targets):
        sketch.put(label(f"c{number}"), CNAME, target)
        sketch.put(label(f"m{number}"), MX, b"\0\1" + target, b"\0\2" + label("ns") + apex)
        sketch.put(label(f"s{number}"), SRV, bytes(6) + target)
        sketch.put(label(f"h{number}"), HTTPS, b"\0\0" + target)
        sketch.put(label(f"d{number}"), NS, target)
    for rdatas in (MX, b"\0\1"), (SRV, bytes(6)), (HTTPS, b"\0\1"):
        sketch.put(label("all"), rdatas[0], *(rdatas[1] + target for target in targets))
    sketch.put(label("d"), DNAME, BAD)
    sketch.put(label("*") + label("w"), CNAME, BAD)
    sketch.traps = [owner for owner, _ in sketch.rrsets]
    sketch.traps += [label(first) + label(second) for first in ("x", "mail") for second in ("d", "w", "d0", "none")]
    return sketch


def label(text: str | bytes) -> bytes:
    data = text if isinstance(text, bytes) else text.encode()
    return bytes((len(data),)) + data


def deep(count: int, text: str = "a") -> bytes:
    """So many labels of one kind, one upon another, as far as a name goes."""
    return label(text) * min(count, (MAX_NAME - 13) // (len(text) + 1))


def long(rng: Random) -> bytes:
    """A label as long as one may be."""
    return label(bytes(97 + rng.randrange(26) for _ in range(MAX_LABEL)))


def address(rng: Random) -> bytes:
    return rng.randbytes(4)


def soa(apex: bytes) -> bytes:
    return label("ns") + apex + label("h") + apex + SERIAL.to_bytes(4, "big") + b"\0\0\x0e\x10" * 4


def signature(covered: int, apex: bytes, labels: int = 2, size: int = 64, tag: int = 1) -> bytes:
    """RRSIG RDATA that verifies nothing."""
    head = covered.to_bytes(2, "big") + bytes((15, labels)) + (300).to_bytes(4, "big") + b"\x70\0\0\0\x60\0\0\0"
    return head + tag.to_bytes(2, "big") + apex + bytes(size)


@kind
def deep_names(sketch: Sketch) -> None:
    """Owners of as many labels as there can be, empty non-terminals above them, wildcards and cuts on the way."""
    rng = sketch.rng
    for text in ("a", "b"):
        sketch.put(deep(127, text), A, address(rng))
        for depth in range(2, 110, 9):
            sketch.put(label("*") + deep(depth, text), TXT, label("wild"))
            sketch.put(label("h") + deep(depth, text), CNAME, sketch.name(label("x") + deep(depth + 3, text)))
    sketch.put(deep(110, "c"), A, address(rng))
    sketch.traps += [deep(depth, text) for depth in (1, 2, 50, 100, 126) for text in "abcd"]
    sketch.traps += [label("x") + deep(depth, text) for depth in (1, 60, 110) for text in "abc"]


@kind
def deep_signed(sketch: Sketch) -> None:
    """The same in a zone that begins an NSEC chain and has no more of it."""
    deep_names(sketch)
    sketch.put(b"", NSEC, sketch.apex + b"\0\1\x40")
    sketch.put(b"", RRSIG, signature(SOA, sketch.apex), signature(NSEC, sketch.apex))


@kind
def empty_non_terminals(sketch: Sketch) -> None:
    """Thousands of names that are there for what is below them alone."""
    for number in range(1500):
        sketch.put(label("x") + deep(3 + number % 20, "e") + label(f"n{number}"), A, address(sketch.rng))
    sketch.traps += [deep(3, "e") + label(f"n{number}") for number in range(0, 1500, 100)]


@kind
def cuts_below_cuts(sketch: Sketch) -> None:
    """Delegations at each label of a name, wildcards that are cuts, DS where nothing is delegated."""
    for depth in range(1, 110):
        owner = deep(depth, "k")
        if depth % 2:
            sketch.put(owner, NS, sketch.name(label("ns") + owner), sketch.name(deep(100, "k")))
        sketch.put(owner, DS, DELEGATED)
        sketch.put(label("*") + owner, NS, sketch.name(label("x") + owner))
        sketch.put(label("ns") + owner, A, address(sketch.rng))
    for depth in range(1, 100, 7):
        sketch.put(deep(depth, "j"), DNAME if depth % 2 else NS, sketch.name(deep(depth + 2, "k")))
    sketch.put(b"", RRSIG, signature(SOA, sketch.apex))
    sketch.traps += [deep(depth, text) for depth in (1, 2, 3, 50, 109, 120) for text in "kj"]


@kind
def wildcards_under_wildcards(sketch: Sketch) -> None:
    """Wildcards a hundred labels deep, at each of which something else stands."""
    owner = b""
    for depth in range(100):
        owner = label("*") + owner
        sketch.put(owner, (A, TXT, CNAME)[depth % 3], (address(sketch.rng), label("x"), sketch.apex)[depth % 3])
        sketch.put(label("a") + owner, A, address(sketch.rng))
    sketch.traps += [label("x") + deep(depth, "*") for depth in (0, 1, 2, 5, 50, 99, 115)]
    sketch.traps += [deep(depth, "x") for depth in (1, 50, 120)]


@kind
def odd_bytes(sketch: Sketch) -> None:
    """Labels of the two bytes that keys of owners write as two, and of all others."""
    for byte in (b"\0", b"\1", b"\0\1", b"\xff", b".", b"\xc0\x0c"):
        full = label((byte * MAX_LABEL)[:MAX_LABEL])
        for owner in (label(byte), full * 3, label(byte) * 80, full + label("*") + label(byte)):
            sketch.put(owner, A, address(sketch.rng))
            sketch.put(label("*") + owner, CNAME, sketch.name(label(byte) + owner))
            sketch.put(label("d") + owner, DNAME, sketch.name(owner))
            sketch.traps += [owner, label("x") + owner, label("x") + label("d") + owner, label(byte) + owner]


@kind
def many_types(sketch: Sketch) -> None:
    """Owners with thousands of types, or with thousands of records that are hardly larger than their heads."""
    for rtype in range(1000, 5000):
        sketch.put(label("t"), rtype, b"x")
        sketch.put(label("*") + label("w"), rtype, b"")
    for owner in (label("r"), b""):
        sketch.put(owner, 65300, *(number.to_bytes(2, "big") for number in range(3000)))
    sketch.put(b"", RRSIG, *(signature(rtype, sketch.apex, size=1) for rtype in range(1000)))
    sketch.put(label("c"), CNAME, sketch.name(label("t")))
    sketch.put(label("m"), MX, b"\0\1" + sketch.name(label("t")), b"\0\2" + sketch.name(label("r")))
    sketch.traps += [label("x") + label("w"), label("s"), label("u"), label("x") + label("t")]


@kind
def contradictions(sketch: Sketch) -> None:
    """What no zone may hold at one owner, or where it stands: all of it at once."""
    for number in range(200):
        owner = deep(sketch.rng.randrange(4), "p") + label(f"k{number % 40}")
        target = sketch.name(deep(sketch.rng.randrange(90), "p") + label(f"k{sketch.rng.randrange(40)}"))
        rtype = sketch.rng.choice((CNAME, CNAME, DNAME, NS, SOA, NSEC3, NSEC, A, DS, RRSIG, MX, PTR, HTTPS))
        rdata = {
            SOA: soa(target),
            NSEC3: b"\1\0\0\0\0\x14" + bytes(20) + b"\0\1\x40",
            NSEC: target + b"\0\1\x40",
            A: address(sketch.rng),
            DS: DELEGATED,
            RRSIG: signature(A, target),
            MX: b"\0\1" + target,
            HTTPS: sketch.rng.choice((b"\0\0", b"\0\1")) + target,
        }
        where = sketch.rng.choice((owner, owner, label("*") + owner))
        sketch.put(where, rtype, rdata.get(rtype, target))
        sketch.traps += [owner, label("x") + owner]
    sketch.put(b"", *sketch.rng.choice(((NSEC, sketch.apex + b"\0\1\x40"), (CNAME, HONEST), (DNAME, HONEST))))


@kind
def without_soa(sketch: Sketch) -> None:
    """An apex without SOA, or with nothing."""
    sketch.rrsets.pop((b"", SOA), None)
    if sketch.rng.random() < 0.5:
        sketch.rrsets.pop((b"", NS), None)
    sketch.put(label("a"), A, address(sketch.rng))
    sketch.put(label("c"), CNAME, sketch.name(label("a")))
    sketch.put(label("m"), MX, b"\0\1" + sketch.name(label("a")))


@kind
def malformed(sketch: Sketch) -> None:
    """RDATA that isn't what its type says, of all shapes that a store lets in."""
    sketch.whole = False
    shapes = (
        b"",
        b"\0",
        b"\0\1",
        b"\xc0\x0c",
        b"\x3fabc",
        b"\xff" * 40,
        label("a") * 120 + b"\0",
        bytes(5),
        bytes(7),
    )
    shapes += (bytes(18), bytes(19), bytes(25), b"\0\1\0\0\1", b"\0\0" + label("a") + b"\0\0", b"\1\0\0\0\0\xff\0")
    for rtype in (NS, CNAME, DNAME, MX, SRV, SVCB, HTTPS, RRSIG, NSEC, NSEC3, NSEC3PARAM, A, TXT, DS, PTR, SOA):
        some = [shape for shape in shapes if _enters(rtype, shape)]
        for number, shape in enumerate(some):
            sketch.put(label(f"t{rtype}") + label(f"n{number}"), rtype, shape)
            sketch.put(label("*") + label(f"w{rtype}") + label(f"n{number}"), rtype, shape)
            sketch.put(label(f"all{rtype}"), rtype, shape)
            sketch.traps.append(label("x") + label(f"w{rtype}") + label(f"n{number}"))
        if some and sketch.rng.random() < 0.2:
            sketch.rrsets[b"", rtype] = (sketch.rng.choice(some),)


def _enters(rtype: int, rdata: bytes) -> bool:
    try:
        return is_canonical(rtype, rdata)
    except (InvalidRecord, IndexError):
        return False


@kind
def malformed_soa(sketch: Sketch) -> None:
    """An SOA without names, with names cut short, or with pointers in place of names."""
    sketch.whole = False
    sketch.rrsets[b"", SOA] = (
        sketch.rng.choice((bytes(20), b"\x3f" + bytes(22), b"\xc0\0\xc0\0" + bytes(20), bytes(21))),
    )
    sketch.traps += [label("x"), label("ns")]


@kind
def mixture(sketch: Sketch) -> None:
    """Three kinds in one zone."""
    for name in sketch.rng.sample(sorted(KINDS.keys() - {"mixture"}), 3):
        KINDS[name](sketch)
