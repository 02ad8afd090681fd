"""Hostile zones of too much: RRsets, signatures, targets, servers, owners of more than a MiB."""

from hostile_zones import Sketch, address, deep, kind, label, signature
from zonegit.model.rdata import AAAA, CNAME, DNSKEY, HTTPS, MX, NS, NSEC, PTR, RRSIG, SOA, SRV, SVCB, TXT, A


@kind
def fat_sets(sketch: Sketch) -> None:
    """RRsets of thousands of records, and of large ones."""
    rng = sketch.rng
    sketch.put(label("a"), A, *(address(rng) for _ in range(4000)))
    sketch.put(label("txt"), TXT, *(label(rng.randbytes(200)) * 300 for _ in range(12)))
    sketch.put(label("one"), TXT, label(bytes(255)) * 255)
    sketch.put(label("mx"), MX, *(rng.randbytes(2) + label(f"m{n}") + sketch.apex for n in range(1000)))
    sketch.put(label("ptr"), PTR, *(label(f"p{n}") + sketch.apex for n in range(3000)))
    for number in range(1000):
        sketch.put(label(f"m{number}"), A, address(rng))
    sketch.put(label("*") + label("w"), A, *(address(rng) for _ in range(3000)))
    sketch.put(label("c"), CNAME, sketch.name(label("a")))
    sketch.traps += [label("x") + label("w"), label("b"), label("tx")]


@kind
def fat_targets(sketch: Sketch) -> None:
    """Services whose targets are as dear to look up as names can be."""
    rng = sketch.rng
    targets = [label(f"t{n}") + deep(100, "q") for n in range(200)]
    for target in targets:
        sketch.put(target, A, address(rng), address(rng))
        sketch.put(target, AAAA, rng.randbytes(16))
    names = [sketch.name(target) for target in targets]
    for rtype, before in ((SRV, bytes(6)), (MX, b"\0\1"), (NS, b""), (SVCB, b"\0\1"), (HTTPS, b"\0\0")):
        sketch.put(label(f"s{rtype}"), rtype, *(before + name for name in names))
        sketch.put(label("*") + label(f"w{rtype}"), rtype, *(before + name for name in names))
        invented = [before + sketch.name(label(f"n{n}") + deep(90, chr(97 + n % 20))) for n in range(300)]
        sketch.put(label(f"i{rtype}"), rtype, *invented)
        sketch.traps += [label("x") + label(f"w{rtype}"), label("x") + label(f"s{rtype}")]


@kind
def fat_signatures(sketch: Sketch) -> None:
    """Signatures by the thousand at one owner, and at the apex."""
    for owner in (label("a"), label("*") + label("w"), b""):
        pile = [signature(A, sketch.apex, size=64, tag=n) for n in range(3000 if owner else 500)]
        sketch.put(owner, RRSIG, *pile, signature(SOA, sketch.apex), signature(TXT, sketch.apex))
        sketch.put(owner, A, address(sketch.rng))
        sketch.put(owner, TXT, label("x"))
    sketch.put(b"", NSEC, label("a") + sketch.apex + b"\0\1\x40")
    sketch.put(label("a"), NSEC, sketch.apex + b"\0\1\x40")
    sketch.traps += [label("x") + label("w"), label("b"), label("0")]


@kind
def huge_owners(sketch: Sketch) -> None:
    """Owners of more than a MiB, whose neighbours cost what they do."""
    rng = sketch.rng
    for owner in (label("m"), label("zz") + deep(20, "m")):
        for rtype in range(65300, 65300 + 6):
            sketch.put(owner, rtype, *(rng.randbytes(60000) for _ in range(4)))
        sketch.put(owner, A, address(rng))
        sketch.put(owner, CNAME if owner[1:2] == b"z" else TXT, label("x") + b"\0")
    sketch.put(label("mail"), MX, b"\0\1" + sketch.name(label("m")))
    sketch.put(label("c"), CNAME, sketch.name(label("m")))
    sketch.put(label("d"), NS, sketch.name(label("m")))
    sketch.traps += [label("l"), label("m0"), label("x") + label("m"), deep(20, "m"), label("zz")]


@kind
def huge_apex(sketch: Sketch) -> None:
    """An apex of two MiB: whoever reads a zone begins with it."""
    for rtype in range(65300, 65308):
        sketch.put(b"", rtype, *(sketch.rng.randbytes(60000) for _ in range(4)))
    sketch.put(b"", DNSKEY, *(b"\1\0\3\15" + sketch.rng.randbytes(64) for _ in range(2000)))
    sketch.put(b"", NSEC, sketch.apex + b"\0\1\x40")
    sketch.put(
        b"", RRSIG, *(signature(DNSKEY, sketch.apex, tag=n) for n in range(2000)), signature(SOA, sketch.apex)
    )
    sketch.traps += [label("0"), label("zz"), deep(30)]


@kind
def thousands_of_servers(sketch: Sketch) -> None:
    """Cuts with more servers and more glue than any message holds."""
    rng = sketch.rng
    sketch.put(b"", NS, *(label(f"n{n}") + label("cut") + sketch.apex for n in range(1000)))
    for owner in (label("cut"), label("far"), label("*") + label("w")):
        sketch.put(owner, NS, *(label(f"n{n}") + label("cut") + sketch.apex for n in range(3000)))
    for number in range(1000):
        sketch.put(label(f"n{number}") + label("cut"), A, *(address(rng) for _ in range(20)))
    sketch.put(label("deep"), NS, *(sketch.name(label(f"n{n}") + deep(110, "g")) for n in range(500)))
    sketch.put(label("one"), NS, sketch.name(label("ns") + label("one")))
    sketch.put(label("ns") + label("one"), A, *(address(rng) for _ in range(4000)))
    sketch.traps += [label("x") + label(cut) for cut in ("cut", "far", "deep", "one", "w")]
