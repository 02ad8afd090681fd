"""The part of `make demo` on secondaries: AXFR, IXFR, other servers, and a fresh one of zonegit's own."""

import re
from typing import NamedTuple

from primary import Primary
from tour import DidNotStartError, Tour

LIVE_SECONDS = 2.0
"""From a commit on the primary to an answer of its secondary, the start of dig included."""
CONFIG = ".zonegit/zonegitd.toml"
NAMED = """
options {{
  directory ".";
  pid-file none;
  session-keyfile "session.key";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  recursion no;
  dnssec-validation no;
  notify no;
}};
controls {{ }};
zone "example.org" {{
  type secondary;
  file "bind.example.org";
  primaries port {primary} {{ 127.0.0.1; }};
}};
"""
COREFILE = """
example.org:{port} {{
    bind 127.0.0.1
    secondary {{
        transfer from 127.0.0.1:{primary}
    }}
    errors
    log
}}
"""


class Program(NamedTuple):
    """A name server of others: how it is started as a secondary, and what it logs once it answers."""

    name: str
    program: str
    file: str
    config: str
    arguments: str
    ready: str


PROGRAMS = (
    Program("BIND", "named", "named.conf", NAMED, "-g -c named.conf -n 1", " running$"),
    Program("CoreDNS", "coredns", "Corefile", COREFILE, "-conf Corefile", "^CoreDNS-"),
)


class Other(NamedTuple):
    """Such a server that runs, and follows example.org."""

    name: str
    port: int

    @property
    def dig(self) -> str:
        """The command that queries it."""
        return f"dig @127.0.0.1 -p {self.port} +short"


def follow(tour: Tour, primary: Primary) -> list[Other]:
    """AXFR, to dig and to the servers that are installed; returns these."""
    tour.step("AXFR", "The zone, transferred from the version that is served: between two SOA records, all others.")
    whole = tour.run(f"{primary.dig} +noall +answer example.org AXFR", r"\sSOA\s", lines=6)
    lines = whole.splitlines()
    if lines[0] != lines[-1] or "SOA" not in lines[0]:
        raise SystemExit("demo: the transfer doesn't begin and end with the SOA record")
    tour.run("zonegit status", rf"^records +{len(lines) - 1}$")
    tour.note(f"all {len(lines) - 1} records were transferred")
    tour.step(
        "Other servers",
        "BIND and CoreDNS as secondaries: they fetch the zone by AXFR, and are notified of changes.",
    )
    ports = tour.free_ports(len(PROGRAMS))
    others = [
        Other(program.name, port)
        for program, port in zip(PROGRAMS, ports, strict=True)
        if tour.has(program.program) and starts(tour, primary, program, port)
    ]
    for other in others:
        tour.soon(f"{other.dig} api.example.org A", r"^203\.0\.113\.100$")
    if others:
        notify = ", ".join(f'"127.0.0.1:{other.port}"' for other in others)
        tour.run(f"echo 'also_notify = [{notify}]' >> {CONFIG}")
        primary.reload(tour)
    return others


def starts(tour: Tour, primary: Primary, program: Program, port: int) -> bool:
    """Start it as a secondary. Where it doesn't start (AppArmor may forbid it to read /tmp), it is skipped."""
    tour.write(program.file, program.config.format(port=port, primary=primary.dns))
    try:
        tour.start(program.program, f"{program.program} {program.arguments}", program.ready)
    except DidNotStartError:
        tour.run(f"tail -n 3 {program.program}.log")
        tour.skip(program.program, "doesn't start here")
        return False
    return True


def differences(tour: Tour, primary: Primary, others: list[Other]) -> None:
    tour.step("IXFR", "Only what has changed since a serial: the records before and after, from the history.")
    before = primary.serial(tour)
    for other in others:
        tour.soon(f"{other.dig} example.org SOA", f" {before} ")
    tour.run("zonegit set api A 60 203.0.113.101 -m 'Move api once more'", "1 RRset changed")
    after = primary.rose(tour, before)
    answer = tour.run(f"{primary.dig} +noall +answer example.org IXFR={before}")
    expected = [
        rf"SOA.* {after} ",
        rf"SOA.* {before} ",
        r"\.100$",
        rf"SOA.* {after} ",
        r"\.101$",
        rf"SOA.* {after} ",
    ]
    found = answer.splitlines()
    if len(found) != len(expected) or not all(map(re.search, expected, found)):
        raise SystemExit(f"demo: expected records that match {expected}")
    for other in others:
        tour.note(f"{other.name} was notified, and has fetched the change")
        tour.soon(f"{other.dig} example.org SOA", f" {after} ")
        tour.run(f"{other.dig} api.example.org A", r"^203\.0\.113\.101$")
        if other.name == "BIND":  # its log tells how many records it received: not the whole zone
            received = rf" {len(found)} records, .*serial {after}"
            tour.soon("grep 'Transfer completed' named.log | tail -n 1", received)


def fresh_secondary(tour: Tour, primary: Primary) -> None:
    tour.step("A fresh secondary", "It starts empty, catches up, and then sees a live change within 2 seconds.")
    dns, metrics = tour.free_ports(2)
    tour.run("ls mirror", "No such file", code=2)
    tour.start(
        "mirror",
        f"zonegitd --repo mirror --keys keys --listen 127.0.0.1:{dns} --metrics-listen 127.0.0.1:{metrics} "
        f"--primary http://127.0.0.1:{primary.replication} --primary-name primary-1",
    )
    tour.run(f"zonegit ready --url http://127.0.0.1:{metrics}/readyz", "^ready$")
    mirror = f"dig @127.0.0.1 -p {dns}"
    serial = primary.serial(tour)
    tour.soon(f"{mirror} +short example.org SOA", f" {serial} ")
    tour.soon("zonegit --repo mirror zone list", r"example\.org\.", r"2\.0\.192\.in-addr\.arpa\.")
    sums = [tour.run(f"{dig} +noall +answer example.org AXFR | sort | sha256sum") for dig in (primary.dig, mirror)]
    if sums[0] != sums[1]:
        raise SystemExit("demo: the primary and the secondary transfer different zones")
    tour.note("it has caught up: the same zone, record for record")
    tour.run("zonegit --repo mirror --zone example.org set api A 60 203.0.113.1", "mirrored from primary-1", code=1)
    tour.run("zonegit --repo mirror fsck", " 0 problems$")
    live_change(tour, mirror)


def live_change(tour: Tour, mirror: str) -> None:
    """Up to three changes, since a busy machine may stop everything for a while: one has to be seen in time."""
    for number in ("first", "second", "third"):
        tour.run(f"zonegit set now TXT 60 'the {number} live change'", "1 RRset changed")
        took = tour.soon(f"{mirror} +short now.example.org TXT", f"the {number} live change").seconds
        tour.note(
            f"the secondary answered it {took:.2f} s after the commit; at most {LIVE_SECONDS:g} s are allowed"
        )
        if took <= LIVE_SECONDS:
            return
    raise SystemExit(f"demo: the secondary answered none of three changes within {LIVE_SECONDS:g} s")
