"""`make demo`: a longer, unattended version of the README's tour.

Prints each command and its output; fails at the first unexpected output. Everything happens in a temporary
directory and on free loopback ports. Steps whose program is missing are skipped and listed, except dig, which
`dig.py` replaces; at the end the number of steps is printed.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import demo_git
import demo_sync
from nodes import ROOT, Node
from tour import SECONDS, Tour, free_ports


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="zonegit-demo-") as home, ExitStack() as running:
        tour = Tour(Path(home))
        tour.replace_dig()
        dns, replication, metrics = free_ports(3)
        begin(tour)
        running.enter_context(primary(tour, dns, replication, metrics))
        serve_and_edit(tour, dns)
        history(tour, dns)
        branches(tour, dns, running)
        transfers(tour, dns, running)
        second = mirror(tour, dns, replication, running)
        demo_git.walk(tour, f"dig @127.0.0.1 -p {dns} +short", f"dig @127.0.0.1 -p {second} +short")
        tour.step("metrics")
        if tour.has("curl"):
            tour.run(
                f"curl -s http://127.0.0.1:{metrics}/metrics | grep zonegit_dns_queries_total", r'rcode="NOERROR"'
            )
            tour.run(f"curl -s http://127.0.0.1:{metrics}/readyz", "^ready$")
        demo_sync.walk(tour, running)
    skipped = f"; skipped because of missing programs: {', '.join(tour.left_out)}" if tour.left_out else ""
    print(f"\ndemo: {tour.steps} steps, every answer as expected{skipped}")
    return 0


def begin(tour: Tour) -> None:
    tour.step("a repository, and a zone file as its first commit")
    tour.run("zonegit version", r"^zonegit \d")
    tour.run("zonegit --repo p init", "created an empty repository")
    tour.run(f"zonegit --repo p import {quoted('example.org.zone')}", r"serial \d+", "RRsets changed")
    tour.run("zonegit --repo p status", r"^zone +example\.org\.$", r"^branch +main$")


def primary(tour: Tour, dns: int, replication: int, metrics: int) -> Node:
    tour.step("serve it")
    tour.run("zonegit key new demo --keys keys", r"keys/demo\.key")
    return Node(
        "primary",
        *("--repo", tour.home / "p", "--listen", f"127.0.0.1:{dns}", "--metrics-listen", f"127.0.0.1:{metrics}"),
        *("--replicate-listen", f"127.0.0.1:{replication}", "--replicate-name", "primary-1"),
        *("--keys", tour.home / "keys"),
    )


def serve_and_edit(tour: Tour, dns: int) -> None:
    dig = f"dig @127.0.0.1 -p {dns}"
    tour.step("ask it")
    tour.run(
        f"{dig} api.example.org A", "status: NOERROR", r"flags: qr aa", r"^api\.example\.org\.\s+\d+\s+IN\s+A\s"
    )
    tour.step("edit a record, and ask again: the next packet has it")
    tour.run(f"{dig} +short example.org SOA", " 2026112101 ")
    tour.run("zonegit --repo p set api A 60 203.0.113.7 -m 'Move api to the new rack'", r"serial 2026112102")
    tour.run(f"{dig} +short api.example.org A", r"^203\.0\.113\.7$")
    tour.run(f"{dig} +short example.org SOA", " 2026112102 ")
    tour.step("what would break the zone is refused")
    tour.run("zonegit --repo p set api CNAME 60 www", "beside other data", code=1)
    tour.run("zonegit --repo p set api.example.com. A 60 203.0.113.7", "outside of the zone", code=1)


def history(tour: Tour, dns: int) -> None:
    tour.step("log, diff, blame")
    tour.run("zonegit --repo p log", "Move api to the new rack", r"^Serial: 2026112102$", "Ada <ada@example.org>")
    moved = (r"^-api\.example\.org\.", r"^\+api\.example\.org\..*203\.0\.113\.7$")
    tour.run("zonegit --repo p diff HEAD~1 HEAD", *moved)
    tour.run("zonegit --repo p diff --exit-code HEAD~1 HEAD", code=3)
    tour.run("zonegit --repo p blame api A", r"2026112102 +Ada .*203\.0\.113\.7$")
    tour.run("zonegit --repo p show api A HEAD~1", unexpected=r"203\.0\.113\.7")
    tour.step("roll back at three in the morning")
    tour.run("zonegit --repo p reset --hard HEAD~1", "serial 2026112103")
    tour.run(f"dig @127.0.0.1 -p {dns} +short api.example.org A", unexpected=r"203\.0\.113\.7")
    tour.run("zonegit --repo p reflog", r"reset: moving to")
    tour.run("zonegit --repo p reset --hard 'main@{1}'", "serial 2026112104")
    tour.run(f"dig @127.0.0.1 -p {dns} +short api.example.org A", r"^203\.0\.113\.7$")


def branches(tour: Tour, dns: int, running: ExitStack) -> None:
    tour.step("a branch, edited apart from what is served")
    tour.run("zonegit --repo p checkout -b staging")
    tour.run("zonegit --repo p set api A 60 203.0.113.99")
    tour.run(f"dig @127.0.0.1 -p {dns} +short api.example.org A", r"^203\.0\.113\.7$")
    tour.run("zonegit --repo p diff main staging", r"^\+api\.example\.org\..*203\.0\.113\.99$")
    tour.run("zonegit --repo p checkout main")
    tour.step("a second daemon, pinned to the version before")
    pinned, canary = free_ports(2)
    repo = ("--repo", tour.home / "p", "--zone", "example.org.")
    with Node("pinned", *repo, "--listen", f"127.0.0.1:{pinned}", "--at", "serial=2026112101"):
        tour.run(f"dig @127.0.0.1 -p {pinned} +short example.org SOA", " 2026112101 ")
    tour.step("a canary: some client networks are answered from the branch")
    running.enter_context(
        Node("canary", *repo, "--listen", f"127.0.0.1:{canary}", "--canary", "staging:50", "--canary-salt", "demo")
    )
    networks = "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"
    ask = f"{networks}; do dig @127.0.0.1 -p {canary} -b 127.0.$n.1 +short api.example.org A; done | sort | uniq -c"
    tour.run(ask, r"203\.0\.113\.7$", r"203\.0\.113\.99$")


def transfers(tour: Tour, dns: int, running: ExitStack) -> None:
    tour.step("AXFR, and the same zone behind another server")
    tour.run(f"dig @127.0.0.1 -p {dns} +noall +answer example.org AXFR | tail -n 1", r"SOA.* 2026112104 ")
    if tour.has("named"):
        (port,) = free_ports(1)
        running.enter_context(named(tour.home, dns, port))
        tour.soon(f"dig @127.0.0.1 -p {port} +short example.org SOA", " 2026112104 ")
        tour.run(f"dig @127.0.0.1 -p {port} +short api.example.org A", r"^203\.0\.113\.7$")
    tour.step("a second zone, found while it runs")
    tour.run(f"zonegit --repo p import {quoted('2.0.192.in-addr.arpa.zone')}", "RRsets changed")
    tour.run(f"dig @127.0.0.1 -p {dns} 2.0.192.in-addr.arpa SOA", "status: NOERROR", "flags: qr aa")
    tour.run("zonegit --repo p zone list", r"example\.org\.", r"2\.0\.192\.in-addr\.arpa\.")


def mirror(tour: Tour, dns: int, replication: int, running: ExitStack) -> int:
    """Start a secondary; returns its DNS port."""
    tour.step("a secondary that starts empty, and follows")
    (port,) = free_ports(1)
    running.enter_context(
        Node(
            "secondary",
            *("--repo", tour.home / "s", "--listen", f"127.0.0.1:{port}", "--keys", tour.home / "keys"),
            *("--primary", f"http://127.0.0.1:{replication}", "--primary-name", "primary-1", "--key", "demo"),
        )
    )
    secondary = f"dig @127.0.0.1 -p {port} +short"
    tour.soon(f"{secondary} example.org SOA", " 2026112104 ")
    tour.run("zonegit --repo p --zone example.org set live TXT 60 'seen at once'", "serial 2026112105")
    took = tour.soon(f"{secondary} live.example.org TXT", "seen at once", seconds=2.0)
    print(f"  (the secondary answered it {took:.2f} s after the commit, the start of dig included)")
    tour.run("zonegit --repo s --zone example.org set api A 60 203.0.113.1", "mirrored from primary-1", code=1)
    tour.run("zonegit --repo s fsck", "0 problems")
    both = [f"dig @127.0.0.1 -p {one} +noall +answer example.org AXFR | sort | sha256sum" for one in (dns, port)]
    if tour.run(both[0], r"^[0-9a-f]{64}") != tour.run(both[1], r"^[0-9a-f]{64}"):
        raise SystemExit("demo: primary and secondary transfer different zones")
    return port


class named:  # noqa: N801 - it is that program
    """Run BIND as a secondary, by plain AXFR."""

    def __init__(self, home: Path, primary_port: int, port: int) -> None:
        folder = home / "named"
        folder.mkdir()
        config = folder / "named.conf"
        config.write_text(
            f'options {{ directory "{folder}"; pid-file none; listen-on port {port} {{ 127.0.0.1; }};'
            " listen-on-v6 { none; }; recursion no; dnssec-validation no; };\n"
            'controls { };\nzone "example.org" { type secondary;'
            f" primaries port {primary_port} {{ 127.0.0.1; }}; }};\n"
        )
        command = ["named", "-g", "-c", str(config), "-n", "1"]
        path = f"{os.environ['PATH']}:/usr/sbin"
        self._process = subprocess.Popen(
            command, env={**os.environ, "PATH": path}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        print(f"\n$ {shlex.join(command)}")

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(SECONDS)


def quoted(name: str) -> str:
    return shlex.quote(str(ROOT / "examples" / name))


if __name__ == "__main__":
    sys.exit(main())
