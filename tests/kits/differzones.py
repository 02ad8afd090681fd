"""Small zones made by chance from a seed: what an authoritative server treats specially, and its neighbours.

Labels are few, so that names meet: wildcards at every level, empty non-terminals, delegations with glue, with a
sibling's or with none, data below them, DNAMEs, aliases that lead on, round or out, and zones below zones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from random import Random

LABELS = ("a", "b", "*", r"\000\.")
ODD = (r"\255x", r"q\"q", r"\001", "n" * 63, "ns")
DEPTH = 4
HOST_TYPES = ("A", "AAAA", "TXT", "MX", "SRV", "HTTPS", "TYPE999", "CAA")
OUTSIDE = ("out.example.", "ns.out.example.")

Rel = tuple[str, ...]
"""Labels of an owner below its apex, leftmost first, as a zone file writes them."""


@dataclass
class MadeZone:
    """One zone: records by owner as `(type, RDATA)` in zone file text."""

    apex: str
    mode: str = "plain"
    records: dict[Rel, list[tuple[str, str]]] = field(default_factory=dict)
    cuts: list[Rel] = field(default_factory=list)

    def add(self, owner: Rel, rtype: str, rdata: str) -> None:
        here = self.records.setdefault(owner, [])
        if (rtype, rdata) not in here:
            here.append((rtype, rdata))

    def name(self, owner: Rel) -> str:
        return ".".join((*owner, self.apex)) if owner else self.apex

    def text(self) -> str:
        """The zone file; each RRset has a TTL of its own."""
        lines = []
        for owner in sorted(self.records, key=lambda rel: (bool(rel), rel)):
            for rtype, rdata in sorted(self.records[owner], key=lambda record: record[0] != "SOA"):
                ttl = 300 + sum(map(ord, rtype)) + 7 * len(owner)
                lines.append(f"{self.name(owner)} {ttl} IN {rtype} {rdata}\n")
        return "".join(lines)


class _Maker:
    def __init__(self, rng: Random, apex: str, mode: str, elsewhere: list[str], dnames: bool = True) -> None:
        self.rng = rng
        self.zone = MadeZone(apex, mode)
        self.elsewhere = elsewhere
        self.dnames = dnames
        self.hosts: list[Rel] = []
        self.covers: dict[Rel, str] = {}

    def make(self) -> MadeZone:
        zone, rng = self.zone, self.rng
        minimum = rng.choice((60, 500, 5000))
        zone.add((), "SOA", f"ns.{zone.apex} host.{zone.apex} 7 7200 3600 1209600 {minimum}")
        zone.add((), "NS", f"ns.{zone.apex}")
        zone.add((), "NS", rng.choice(OUTSIDE))
        self._host(("ns",), ("A", "AAAA"))
        if rng.random() < 0.5:
            zone.add((), "MX", f"10 ns.{zone.apex}")
        chosen = [
            rel for depth in range(1, DEPTH + 1) for rel in product(LABELS, repeat=depth) if self._wanted(rel)
        ]
        chosen += [(label, *rng.choice(((), ("a",), ("b",), ("*", "a")))) for label in ODD if rng.random() < 0.6]
        for rel in sorted(set(chosen), key=lambda rel: (len(rel), rng.random())):
            self._place(rel)
        self._aliases()
        return zone

    def _wanted(self, rel: Rel) -> bool:
        return self.rng.random() < (0.7, 0.35, 0.12, 0.05)[len(rel) - 1]

    def _cover(self, rel: Rel) -> str | None:
        return next((self.covers[rel[at:]] for at in range(len(rel)) if rel[at:] in self.covers), None)

    def _place(self, rel: Rel) -> None:
        rng, zone = self.rng, self.zone
        cover = self._cover(rel)
        if cover == "DNAME" or rel in zone.records:
            return
        if cover == "NS":
            if rng.random() < 0.5:
                zone.add(rel, *rng.choice((("A", "192.0.2.99"), ("TXT", "occluded"), ("CNAME", OUTSIDE[0]))))
            return
        role = rng.choices(("host", "cut", "dname", "later"), (50, 16, 8, 20))[0]
        if role == "cut" and rel[0] != "*":
            self._cut(rel)
        elif role == "dname" and rel[0] != "*" and self.dnames:
            self._dname(rel)
        elif role == "later":
            zone.records[rel] = []
        else:
            self._host(
                rel, rng.sample(("A", "AAAA", "TXT", "MX", "SRV", "HTTPS", "TYPE999", "CAA"), rng.randint(1, 3))
            )

    def _host(self, rel: Rel, types: Sequence[str]) -> None:
        rng, zone = self.rng, self.zone
        rdata = {
            "TXT": '"text" "more"',
            "MX": f"5 {self._server()}",
            "SRV": f"1 2 53 {self._server()}",
            "HTTPS": f"1 {self._server()} alpn=h2",
            "TYPE999": r"\# 3 010203",
            "CAA": '0 issue "ca.example"',
        }
        for rtype in types:
            if rtype in rdata:
                zone.add(rel, rtype, rdata[rtype])
            for _ in range(rng.choice((1, 1, 2, 9)) if rtype not in rdata else 0):
                last = rng.randint(1, 250)
                zone.add(rel, rtype, f"192.0.2.{last}" if rtype == "A" else f"2001:db8::{last:x}")
        if "A" in types or "AAAA" in types:
            self.hosts.append(rel)

    def _server(self) -> str:
        choices = [self.zone.name(self.rng.choice(self.hosts))] if self.hosts else []
        return self.rng.choice((*choices, *choices, OUTSIDE[0], *self.elsewhere))

    def _cut(self, rel: Rel) -> None:
        rng, zone = self.rng, self.zone
        self.covers[rel] = "NS"
        for kind in rng.sample(("below", "at", "sibling", "outside", "inside", "deep"), rng.randint(1, 3)):
            glue: Rel | None = None
            if kind == "below":
                glue = ("ns", *rel)
            elif kind == "deep":
                glue = ("ns", "a", "b", *rel)
            elif kind == "at":
                glue = rel
            elif kind == "sibling" and zone.cuts:
                glue = ("ns", *rng.choice(zone.cuts))
            if glue is not None and ("CNAME", OUTSIDE[0]) not in zone.records.get(glue, ()):
                zone.add(rel, "NS", zone.name(glue))
                for rtype, rdata in (("A", "192.0.2.53"), ("AAAA", "2001:db8::53"))[: rng.randint(1, 2)]:
                    zone.add(glue, rtype, rdata)
            else:
                zone.add(rel, "NS", rng.choice(OUTSIDE) if kind == "outside" else self._server())
        if rng.random() < 0.15:
            for number in range(20):
                zone.add(rel, "NS", zone.name((f"many{number}", *rel)))
                zone.add((f"many{number}", *rel), "AAAA", f"2001:db8::{number:x}")
        if rng.random() < 0.5:
            zone.add(rel, "DS", f"{rng.randint(1, 60000)} 13 2 {rng.randbytes(32).hex()}")
        zone.cuts.append(rel)

    def _dname(self, rel: Rel) -> None:
        rng, zone = self.rng, self.zone
        self.covers[rel] = "DNAME"
        long = ".".join(("x" * 60,) * 3) + f".{zone.apex}"
        targets = (self._target(), self._target(), long if len(zone.apex) < 60 else zone.apex, "out.example.")
        zone.add(rel, "DNAME", rng.choice(targets))
        if rng.random() < 0.4:
            zone.add(rel, "TXT", '"beside a DNAME"')

    def _target(self) -> str:
        rng = self.rng
        inside = self.zone.name(tuple(rng.choice(LABELS) for _ in range(rng.randint(1, 3))))
        return rng.choice((inside, inside, inside, self.zone.apex, *self.elsewhere, OUTSIDE[0]))

    def _aliases(self) -> None:
        """Aliases stand where nothing else came to stand: no server's name points there."""
        rng, zone = self.rng, self.zone
        free = [rel for rel, records in zone.records.items() if not records and self._cover(rel) is None]
        for rel in free:
            del zone.records[rel]
        for rel in free:
            if rng.random() < 0.8:
                zone.add(rel, "CNAME", self._target())
        for number in range(12):  # a chain, the last link leads back or on
            back = zone.name(("chain3",))
            zone.add((f"chain{number}",), "CNAME", zone.name((f"chain{number + 1}",)) if number < 11 else back)


def make_world(seed: int, modes: tuple[str, ...]) -> list[MadeZone]:
    """One parent zone per mode, and children of some of its cuts, which know of each other."""
    rng = Random(f"differential {seed}")
    apexes = [f"{mode}-{seed}.test." for mode in modes]
    zones: list[MadeZone] = []
    for apex, mode in zip(apexes, modes, strict=True):
        others = [f"{label}.{other}" for other in apexes if other != apex for label in ("ns", "a", r"b.a")]
        parent = _Maker(rng, apex, mode, others).make()
        zones.append(parent)
        for cut in rng.sample(parent.cuts, min(2, len(parent.cuts))):
            child = parent.name(cut)
            if "\\" not in child:
                # NSD takes what the parent holds below a cut for data below the child's DNAME: it refuses the child
                bare = not any(rel[-len(cut) :] == cut and rel != cut for rel in parent.records)
                zones.append(_Maker(rng, child, rng.choice(modes), [f"ns.{apex}", f"a.{apex}"], bare).make())
    return zones


class WholeZone(MadeZone):
    """A zone whose text is given."""

    body = ""

    def text(self) -> str:
        head = f"$ORIGIN {self.apex}\n$TTL 300\n@ SOA ns.out. host.out. 1 2 3 4 60\n@ NS ns.out.\n"
        return head + self.body


def made(apex: str, body: str, mode: str = "plain") -> WholeZone:
    """A zone with this text behind its SOA and NS records."""
    zone = WholeZone(apex, mode)
    zone.body = body
    return zone
