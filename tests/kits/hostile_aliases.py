"""Hostile zones of aliases: long, in rings, growing, into other zones and back."""

from hostile_zones import BAD, BESIDE, HONEST, Sketch, deep, kind, label
from zonegit.model.rdata import CNAME, DNAME, HTTPS, SVCB


@kind
def alias_chains(sketch: Sketch) -> None:
    """CNAMEs a hundred long, in rings, through wildcards, and into other zones and back."""
    apexes = (sketch.apex, BESIDE, HONEST)
    for number in range(100):
        sketch.put(label(f"c{number}"), CNAME, sketch.name(label(f"c{number + 1}")))
        sketch.put(label(f"r{number}"), CNAME, sketch.name(label(f"r{(number + 1) % 100}")))
        sketch.put(label(f"o{number}"), CNAME, label(f"o{number + 1}") + apexes[number % 3])
        deep_one = label(f"x{number + 1}") + deep(100, chr(97 + (number + 1) % 25))
        sketch.put(label("*") + deep(100, chr(97 + number % 25)), CNAME, sketch.name(deep_one))
    sketch.put(label("self"), CNAME, sketch.name(label("self")))
    sketch.put(label("*") + label("w"), CNAME, sketch.name(label("x") + label("y") + label("w")))
    sketch.put(label("*") + label("v"), CNAME, sketch.name(label("*") + label("v")))
    sketch.traps += [label(f"{text}{number}") for text in "cro" for number in (0, 50, 83, 84, 99)]
    sketch.traps += [label("x0") + deep(100, "a"), label("q") + label("w"), label("*") + label("v")]


@kind
def beside(sketch: Sketch) -> None:
    """Where aliases of the other zones lead, and from where they lead back."""
    for number in range(100):
        sketch.put(label(f"o{number}"), CNAME, label(f"o{number + 1}") + BAD)
    sketch.put(label("back"), DNAME, BAD)
    sketch.put(label("*"), CNAME, label("o0") + BAD)


@kind
def dname_chains(sketch: Sketch) -> None:
    """DNAMEs that grow, shrink, and lead into each other."""
    for number in range(40):
        sketch.put(label(f"d{number}"), DNAME, sketch.name(label(f"d{number + 1}")))
        sketch.put(label(f"g{number}"), DNAME, sketch.name(label("gggggg") + label(f"g{number + 1}")))
    sketch.put(label("in"), DNAME, sketch.name(label("x") + label("in")))
    sketch.put(label("ring"), DNAME, sketch.name(label("ring")))
    sketch.put(label("out"), DNAME, label("back") + BESIDE)
    sketch.put(label("deep"), DNAME, sketch.name(deep(100, "t")))
    sketch.put(deep(100, "t"), DNAME, sketch.name(label("in")))
    sketch.put(label("root"), DNAME, b"\0")
    sketch.traps += [label("x") + label(text) for text in ("d0", "g0", "in", "ring", "out", "deep", "d39", "root")]
    sketch.traps += [deep(60) + label(text) for text in ("d0", "g0", "in", "ring", "out", "deep")]


@kind
def dname_at_apex(sketch: Sketch) -> None:
    """The same below an apex that leads elsewhere as a whole."""
    dname_chains(sketch)
    sketch.put(b"", DNAME, label("back") + BESIDE if sketch.rng.random() < 0.5 else label("x") + sketch.apex)


@kind
def services(sketch: Sketch) -> None:
    """SVCB and HTTPS that lead to aliases that lead to more of them."""
    for rtype in (SVCB, HTTPS):
        for number in range(64):
            names = [sketch.name(label(f"v{(number * 7 + n) % 64}")) for n in range(64)]
            sketch.put(label(f"v{number}"), rtype, *(b"\0\0" + name for name in names))
        for number in range(30):
            sketch.put(label(f"l{number}"), rtype, b"\0\0" + sketch.name(label(f"k{number}")))
        sketch.put(
            label("deep"), rtype, *(b"\0\0" + sketch.name(label(f"z{n}") + deep(100, "z")) for n in range(64))
        )
        sketch.put(label("dots"), rtype, *(b"\0\1\0" + b"\0\3\0\2" + n.to_bytes(2, "big") for n in range(2000)))
    for number in range(30):
        sketch.put(label(f"k{number}"), CNAME, sketch.name(label(f"l{number + 1}")))
    for number in range(64):
        sketch.put(label(f"z{number}") + deep(100, "z"), CNAME, sketch.name(label("deep")))
    sketch.traps += [label("_dns") + label("v0"), label("l0"), label("deep")]
