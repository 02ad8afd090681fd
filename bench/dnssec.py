"""What signing costs: a whole zone beside `dnssec-signzone`, and a change of one record in a signed zone.

Both sign with one ECDSA P-256 key and NSEC, in one process: seconds of the processor, so that it doesn't matter how
many cores there are. `dnssec-signzone` also reads and writes a zone file, so zonegit is measured with both as well.
It verifies what it made unless told not to (`-P`); zonegit verifies in the gate, which isn't measured here.
"""

import resource
import shutil
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from figures import Figure, at_most, median_ratio, percentile
from material import ZoneFile, flat_address, flat_name, flat_zone, synthetic_zone
from processes import finished
from report import Cell, Report, Table, options
from script import run
from zonegit.dnssec.policy import DAY, Denial
from zonegit.dnssec.private_key import FileSigner, generate
from zonegit.dnssec.signing.plan import SigningKey, SigningPlan, Times
from zonegit.dnssec.signing.sign import sign_again, sign_zone
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import WireName, join
from zonegit.model.rdata import SOA, A, with_serial
from zonegit.model.rrset import RRset
from zonegit.model.zone import Shape
from zonegit.tree.build import Built, build
from zonegit.tree.edit import edit
from zonegit.tree.source import Nodes
from zonegit.tree.walk import entries
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.reader import read_zone
from zonegit.zonefile.writer import write_zone

_ALGORITHM: Final = 13
_CSK: Final = 257
_SEED: Final = 7
_SHAPE: Final = Shape(b"b" * 32)
_VERIFYING: Final = "dnssec-signzone"
_NOT_VERIFYING: Final = "dnssec-signzone -P"


class Objects(dict[ObjectId, bytes]):
    """The objects of all versions, in memory."""

    def get(self, oid: ObjectId) -> bytes:  # type: ignore[override]
        return self[oid]

    def tree(self, nodes: Nodes, built: Built) -> Tree:
        self.update((object_id(data), data) for data in built.objects)
        return Tree(nodes, built.root)


def plan_for(apex: WireName, serial: int) -> SigningPlan:
    private = generate(_ALGORITHM)
    key = SigningKey(private.dnskey(_CSK), FileSigner(private))
    times = Times(int(time.time()), 14 * DAY, apex)
    return SigningPlan(
        apex, (key,), (key,), (key.dnskey,), (), (), 3600, Denial.NSEC, zonemd=False, serial=serial, times=times
    )


@dataclass(frozen=True, slots=True)
class Whole:
    """Seconds of the processor that signing a whole zone took."""

    signing: float
    """From tree to tree."""
    with_files: float
    """From zone file to zone file."""


def sign_whole(zone: ZoneFile, place: Path) -> Whole:
    """Read the zone file, sign it, write it."""
    start = time.process_time()
    objects = Objects()
    nodes = Nodes(objects)
    with zone.path.open("rb") as file:
        parsed = read_zone(file, name=zone.path.name, origin=None)
    unsigned = objects.tree(nodes, build(_SHAPE, parsed.entries))
    plan = plan_for(parsed.apex, zone.serial)
    before = time.process_time()
    built = sign_zone(unsigned, _SHAPE, plan)
    signed = time.process_time()
    tree = objects.tree(nodes, built)
    rrsets = (_served(RRset.decode(payload), plan.serial) for _, payload in entries(nodes, tree.root))
    with (place / "zonegit.signed").open("w") as out:
        out.writelines(f"{line}\n" for line in write_zone(parsed.apex, rrsets))
    return Whole(signed - before, time.process_time() - start)


def _served(rrset: RRset, serial: int) -> RRset:
    return rrset._replace(rdatas=(with_serial(rrset.rdatas[0], serial),)) if rrset.rtype == SOA else rrset


def signzone(zone: ZoneFile, place: Path) -> dict[str, Callable[[], float]]:
    """Two ways to run `dnssec-signzone`; each gives the seconds of the processor that it took."""
    argv = ["dnssec-keygen", "-K", str(place), "-a", "ECDSAP256SHA256", "-f", "KSK", zone.apex]
    key = finished(argv).strip()
    keyed = place / "keyed.zone"
    keyed.write_bytes(zone.path.read_bytes() + (place / f"{key}.key").read_bytes())

    def run_with(*options: str) -> float:
        argv = ["dnssec-signzone", "-K", str(place), "-d", str(place), "-z", "-n", "1", *options, "-O", "full"]
        before = _children()
        finished([*argv, "-o", zone.apex, "-f", str(place / "bind.signed"), str(keyed), str(place / key)])
        return _children() - before

    return {_VERIFYING: run_with, _NOT_VERIFYING: lambda: run_with("-P")}


def _children() -> float:
    """Seconds of the processor of all processes that this one started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@dataclass(frozen=True, slots=True)
class Commits:
    """Milliseconds of signing again after one record changed, of each."""

    names: int
    address: list[float]
    """An address changed: three signatures, none of them NSEC's."""
    name: list[float]
    """A name came or went: the NSEC before it, too."""
    objects: float
    """Bytes of new objects on average."""


def commits(names: int, count: int) -> Commits:
    rng = Random(_SEED)
    objects = Objects()
    nodes = Nodes(objects)
    parsed = flat_zone(names)
    unsigned = objects.tree(nodes, build(_SHAPE, parsed.entries))
    plan = plan_for(parsed.apex, 1)
    signed = objects.tree(nodes, sign_zone(unsigned, _SHAPE, plan))
    times: tuple[list[float], list[float]] = ([], [])
    made = 0
    for turn in range(2 * count):
        label = flat_name(rng.randrange(names)) if turn % 2 == 0 else f"new{turn}"
        rrset = RRset.of(join([label.encode()]), A, 300, [flat_address(turn, turn + 1)])
        after = objects.tree(nodes, edit(nodes, unsigned.root, _SHAPE, [(rrset.key, rrset.encode())]))
        plan = plan._replace(serial=turn + 2)
        start = time.perf_counter()
        built = sign_again(signed, unsigned, after, _SHAPE, plan)
        times[turn % 2].append((time.perf_counter() - start) * 1000)
        made += sum(map(len, built.objects))
        signed, unsigned = objects.tree(nodes, built), after
    return Commits(names, *times, made / (2 * count))


def bench(args: Namespace, place: Path) -> Report:
    figures: list[Figure] = []
    notes: list[str] = []
    tables: list[Table] = []
    zone = synthetic_zone(args.names, place)
    peers = signzone(zone, place) if shutil.which("dnssec-signzone") and shutil.which("dnssec-keygen") else {}
    ours: list[Whole] = []
    theirs: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(args.turns):
        ours.append(sign_whole(zone, place))
        for name, measure in peers.items():
            theirs[name].append(measure())
    sign, files = [each.signing for each in ours], [each.with_files for each in ours]
    what = f"signing {args.names:,} names, ECDSA P-256, NSEC: CPU"
    for kind, seconds in (("", sign), (", with reading and writing a zone file", files)):
        ratios = {name: median_ratio(seconds, other) for name, other in theirs.items()}
        figures.append(Figure(f"{what}{kind}", median(seconds), "s", None, ratios))
    if peers:
        ratio = median_ratio(sign, theirs[_VERIFYING])
        figures.append(Figure(f"{what}, beside dnssec-signzone", ratio, "×", at_most(0.6)))
    else:
        notes.append("dnssec-signzone left out: bind9-utils and bind9-dnsutils are not both installed")
    rows: list[list[Cell]] = [["zonegit, tree to tree", median(sign)], ["zonegit, file to file", median(files)]]
    rows += [[name, median(seconds)] for name, seconds in theirs.items()]
    tables.append(Table(f"{args.names:,} names signed", ("program", "CPU, s"), rows))
    rows = []
    for names in args.commit_names:
        cost = commits(names, args.commits)
        what = f"one record in a signed zone of {names:,} names: signing"
        figures.append(Figure(f"{what}, median", median(cost.address), "ms", at_most(5)))
        figures.append(Figure(f"{what} of a new name, median", median(cost.name), "ms", at_most(5)))
        for change, taken in (("another address", cost.address), ("a new name", cost.name)):
            rows.append([f"{names:,}", change, median(taken), percentile(taken, 95), cost.objects])
    tables.append(Table("One-record changes", ("names", "change", "ms (median)", "p95", "new bytes"), rows))
    return Report("dnssec", figures, tables, notes)


if __name__ == "__main__":
    parser = options("dnssec", "what signing costs")
    parser.add_argument("--names", type=int, default=100_000, help="names of the zone that is signed (100,000)")
    parser.add_argument("--turns", type=int, default=3, help="how often it is signed (3)")
    parser.add_argument(
        "--commit-names", type=int, nargs="+", default=[10_000, 1_000_000], help="sizes of the signed zone"
    )
    parser.add_argument("--commits", type=int, default=100, help="changes of each kind per size (100)")
    run(bench, parser)
