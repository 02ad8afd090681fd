"""Queries per second: zonegitd and each peer with one worker on one core, dnsperf on the other cores.

PowerDNS is among the peers of repeating names, where it is installed.

Samples of one second are taken in turn (zonegit, NSD, Knot, BIND, zonegit, ...), so that whatever else the machine
does falls on all alike; a ratio is the median of the ratios within each turn. Loads: `zipf` repeats 10,000 names,
`case` the same in random case and with a cookie, `tcp` the same over TCP; `wide` asks every name once, `rand` asks
names that don't exist, `signed` such names in a signed zone, with DO. A file is cut into slices and each turn takes
the next one: where every name differs, none comes back until the file is through.
"""

import re
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from statistics import median
from typing import Final

import nodes
import peers
from figures import Budget, Figure, at_least, median_ratio
from material import (
    ALL_DIFFERENT,
    absent_queries,
    has_signer,
    in_random_case,
    signed_zone,
    sliced,
    synthetic_queries,
    synthetic_zone,
)
from processes import (
    NO_WORK,
    Cores,
    MeasuringFailed,
    ProgramMissing,
    Work,
    find_program,
    finished,
    pinned,
    split_cores,
    work,
)
from report import Cell, Report, Table, options
from script import run

_SLICE: Final = 200_000
"""Queries; about what the fastest server answers within a sample. None is asked twice in one."""
_OUTSTANDING: Final = 150
"""Queries in flight: what fits into a socket's default buffer, so that no server loses any and waits for none."""
_TITLES: Final = {
    "zipf": "repeating names",
    "case": "repeating names in random case with a cookie",
    "tcp": "repeating names over TCP",
    "wide": "every name different",
    "rand": "names that do not exist",
    "signed": "names that do not exist in a signed zone, with DO",
}
_ASKED: Final[dict[str, tuple[str, ...]]] = {
    "case": ("-e", "-E", "10:0102030405060708"),
    "tcp": ("-m", "tcp"),
    "signed": ("-D",),
}
"""Load -> what dnsperf is told beside."""
_BUDGETS: Final[dict[str, tuple[str, Budget]]] = {
    "zipf": ("NSD", at_least(1.2)),
    "case": ("NSD", at_least(0.6)),
    "tcp": ("NSD", at_least(2.0)),
    "wide": ("NSD", at_least(0.9)),
    "rand": ("BIND", at_least(1.3)),
    "signed": ("BIND", at_least(1.0)),
}
"""Load -> the peer whose ratio is held against a budget."""
_POWERDNS_BUDGET: Final = at_least(1.1)
"""Of `zipf`."""
_WITH_POWERDNS: Final = ("zipf", "case")
_RATE: Final = re.compile(r"Queries per second:\s+([0-9.]+)")
_COMPLETED: Final = re.compile(r"Queries completed:\s+([0-9]+) \(([0-9.]+)%\)")
_CODE: Final = re.compile(r"([A-Z0-9]+) [0-9]+ \(([0-9.]+)%\)")
_TOLERANCE: Final = 2.0
"""Percentage points by which the share of a response code may differ between servers."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of dnsperf."""

    rate: float
    """Answered queries per second."""
    lost: float
    """Percent of the queries."""
    codes: dict[str, float]
    """Response code -> percent of the answers."""
    busy: float = 0.0
    """Percent of the sample that the server's core worked. Well below 100: dnsperf was the slower one."""
    work: Work = NO_WORK
    """What the server's processes worked in it."""
    seconds: float = 1.0


def read_sample(told: str) -> Sample:
    """Read what dnsperf printed at its end."""
    rate, completed = _RATE.search(told), _COMPLETED.search(told)
    if rate is None or completed is None:
        raise MeasuringFailed(f"dnsperf printed no statistics: {told[-200:]!r}")
    codes = next((line for line in told.splitlines() if "Response codes:" in line), "")
    return Sample(
        float(rate[1]),
        round(100 - float(completed[2]), 2),
        {code: float(share) for code, share in _CODE.findall(codes)},
    )


def take_sample(
    server: peers.Server,
    queries: Path,
    cores: Cores,
    seconds: float,
    asked: Sequence[str] = (),
    sockets_per_core: int = 4,
    outstanding: int = _OUTSTANDING,
) -> Sample:
    """Ask one server as fast as it answers."""
    threads = str(cores.load_count)
    sockets = cores.load_count * sockets_per_core
    argv = [find_program("dnsperf"), "-s", "127.0.0.1", "-p", str(server.port), "-d", str(queries), "-t", "1"]
    argv += [
        "-n",
        "1",
        "-l",
        f"{seconds:g}",
        "-T",
        threads,
        "-c",
        str(sockets),
        "-q",
        str(outstanding),
        *asked,
    ]
    before, worked = core_times(Path("/proc/stat").read_text(), cores.server), work(server.pid)
    sample = read_sample(finished(pinned(argv, cores.load)))
    after = core_times(Path("/proc/stat").read_text(), cores.server)
    idle, total = (now - then for now, then in zip(after, before, strict=True))
    busy = 100 * (1 - idle / total) if total else 0.0
    return replace(sample, busy=busy, work=work(server.pid).since(worked), seconds=seconds)


def core_times(stat: str, core: str | None) -> tuple[int, int]:
    """Idle and all time of a core (None: of all together) so far, in the kernel's ticks (proc(5), /proc/stat)."""
    wanted = f"cpu{core or ''}"
    for line in stat.splitlines():
        name, *fields = line.split()
        if name == wanted:
            ticks = [int(field) for field in fields[:8]]
            return ticks[3] + ticks[4], sum(ticks)
    raise MeasuringFailed(f"/proc/stat has no {wanted}")


Samples = dict[str, list[Sample]]
"""By server."""


def measure(
    servers: Sequence[peers.Server],
    queries: Path,
    cores: Cores,
    turns: int,
    sample_seconds: float = 1.0,
    asked: Sequence[str] = (),
) -> Samples:
    """So many turns of samples, after one that doesn't count."""
    slices = sliced(queries, _SLICE)
    taken: Samples = {server.name: [] for server in servers}
    for turn in range(turns + 1):
        for server in servers:
            sample = take_sample(server, slices[turn % len(slices)], cores, sample_seconds, asked)
            if turn:
                taken[server.name].append(sample)
    return taken


def figure(load: str, names: int, samples: Samples) -> Figure:
    """The figure of one load: the rate, or where there is a budget the ratio it is about."""
    found = ratio_figure(f"{_title(load)}, one worker on one core, {names:,} names", samples)
    peer, budget = _BUDGETS.get(load, ("", None))
    if budget is None or peer not in found.ratios:
        return found
    what = f"{found.what} ({found.value:,.0f} q/s)"
    return replace(found, what=what, value=found.ratios[peer], unit=f"× {peer}", budget=budget)


def ratio_figure(what: str, samples: Samples) -> Figure:
    """The rate, beside those of the peers."""
    rates = {server: [sample.rate for sample in taken] for server, taken in samples.items()}
    ours = rates.pop(nodes.NAME)
    ratios = {peer: median_ratio(ours, theirs) for peer, theirs in rates.items()}
    return Figure(what, median(ours), "q/s", None, ratios, bound_by(samples[nodes.NAME]))


def bound_by(taken: Sequence[Sample]) -> str:
    """What a server's samples were bound by."""
    whole = reduce(Work.plus, (sample.work for sample in taken), NO_WORK)
    return whole.shares(sum(sample.seconds for sample in taken))


def powerdns_figure(names: int, samples: Samples) -> Figure:
    """Repeating names beside PowerDNS, which has a budget of its own."""
    ours, theirs = ([sample.rate for sample in samples[name]] for name in (nodes.NAME, peers.POWERDNS.name))
    what = f"{_title('zipf')}, one worker on one core, {names:,} names, beside PowerDNS with its cache"
    return Figure(what, median_ratio(ours, theirs), f"× {peers.POWERDNS.name}", _POWERDNS_BUDGET)


def _title(load: str) -> str:
    return _TITLES[load] if load == "tcp" else f"UDP, {_TITLES[load]}"


def disagreements(load: str, samples: Samples) -> list[str]:
    """A note for each server whose response codes aren't the first peer's: its rate means nothing then."""
    shares = {server: _shares(taken) for server, taken in samples.items()}
    reference = next((server for server in shares if server != nodes.NAME), nodes.NAME)
    return [
        f"{load}: {server} answered {_codes_text(found)}, {reference} {_codes_text(shares[reference])}"
        for server, found in shares.items()
        if any(
            abs(found.get(code, 0) - shares[reference].get(code, 0)) > _TOLERANCE
            for code in found.keys() | shares[reference].keys()
        )
    ]


def _shares(taken: Sequence[Sample]) -> dict[str, float]:
    codes = {code for sample in taken for code in sample.codes}
    return {code: median(sample.codes.get(code, 0.0) for sample in taken) for code in sorted(codes)}


def _codes_text(shares: dict[str, float]) -> str:
    return ", ".join(f"{code} {share:.1f} %" for code, share in shares.items()) or "nothing"


def _table(load: str, samples: Samples) -> Table:
    rows: list[list[Cell]] = []
    for server, taken in samples.items():
        rates = sorted(sample.rate for sample in taken)
        lost = median(sample.lost for sample in taken)
        busy = median(sample.busy for sample in taken)
        rows.append([server, median(rates), rates[0], rates[-1], lost, busy, _codes_text(_shares(taken))])
    columns = ("server", "q/s (median)", "least", "most", "lost %", "core busy %", "response codes")
    return Table(_title(load), columns, rows)


def _loads(args: Namespace) -> list[tuple[int, list[str]]]:
    """Names in a zone, and the loads that are asked of it: those that were wanted and can be made."""
    wanted = args.loads or list(_TITLES)
    signer = not args.signed_names or "signed" not in wanted or has_signer()
    zones = [
        (args.names, ("zipf", "case", "tcp")),
        (args.wide_names, ("wide", "rand") if args.wide_names >= ALL_DIFFERENT else ()),
        (args.signed_names, ("signed",) if args.signed_names and signer else ()),
    ]
    chosen = [(names, [kind for kind in kinds if kind in wanted]) for names, kinds in zones]
    return [(names, kinds) for names, kinds in chosen if kinds]


def bench(args: Namespace, place: Path) -> Report:
    try:
        find_program("dnsperf")
    except ProgramMissing as missing:
        return Report("udp", [], [], [f"left out: {missing}"])
    cores = split_cores()
    here, notes = peers.present()
    if cores.server is None:
        notes.append("servers and dnsperf share all cores: this machine has one, or no taskset")
    powerdns = peers.POWERDNS.installed()
    if not powerdns:
        notes.append("PowerDNS left out: pdns_server is not installed")
    figures: list[Figure] = []
    tables: list[Table] = []
    for names, kinds in _loads(args):
        zone = synthetic_zone(names, place)
        queries = synthetic_queries(names, place)
        if "case" in kinds:
            queries["case"] = in_random_case(queries["zipf"])
        if "signed" in kinds:
            zone = signed_zone(zone, place)
        queries |= {"tcp": queries["zipf"], "signed": absent_queries(queries["zipf"].with_suffix(".absent"))}
        with ExitStack() as stack:
            repo = nodes.imported(zone, place / f"repo-{names}-{kinds[0]}")
            servers = [stack.enter_context(nodes.serving(repo, zone, cores.server))]
            for peer in [*here, peers.POWERDNS] if powerdns and set(kinds) & set(_WITH_POWERDNS) else here:
                directory = place / f"{peer.name}-{names}-{kinds[0]}"
                servers.append(stack.enter_context(peer.serving(zone, directory, cores.server)))
            for kind in kinds:
                asked = [each for each in servers if kind in _WITH_POWERDNS or each.name != peers.POWERDNS.name]
                samples = measure(asked, queries[kind], cores, args.seconds, asked=_ASKED.get(kind, ()))
                figures.append(figure(kind, names, samples))
                if kind == "zipf" and peers.POWERDNS.name in samples:
                    figures.append(powerdns_figure(names, samples))
                tables.append(_table(kind, samples))
                notes += disagreements(kind, samples)
    return Report("udp", figures, tables, notes)


if __name__ == "__main__":
    parser = options("udp", "queries per second beside NSD, Knot and BIND")
    parser.add_argument("--seconds", type=int, default=10, help="samples of a second per server and load (10)")
    parser.add_argument("--names", type=int, default=100_000, help="names in the zone of the repeating load")
    parser.add_argument(
        "--wide-names",
        type=int,
        default=ALL_DIFFERENT,
        help=f"names in the zone of the other loads; below {ALL_DIFFERENT:,} they are left out",
    )
    parser.add_argument(
        "--signed-names", type=int, default=20_000, help="names in the signed zone; 0 leaves its load out (20,000)"
    )
    parser.add_argument("--loads", nargs="*", choices=tuple(_TITLES), help="these loads only")
    run(bench, parser)
