"""`make demo`: a longer, unattended version of the README's tour.

Prints each command and its output; fails at the first unexpected output. Everything happens in a temporary
directory and on free loopback ports. Steps whose program is missing are skipped and listed, except dig, which
`dig.py` replaces.
"""

import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path

import demo_clients
import demo_dnssec
import demo_git
import demo_review
import demo_sync
import demo_transfer
from nodes import ROOT
from primary import Primary
from tour import Tour


def main() -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="zonegit-demo-") as home, Tour(Path(home)) as tour:
        print(f"Each command is printed, run in {home}, and its output checked.")
        tour.replace_dig()
        build(tour)
        begin(tour)
        primary = serve(tour)
        edit(tour, primary)
        demo_git.walk(tour, primary)
        demo_clients.walk(tour, primary)
        others = demo_transfer.follow(tour, primary)
        demo_review.walk(tour, primary)
        batch(tour, primary)
        demo_transfer.differences(tour, primary, others)
        demo_sync.walk(tour)
        demo_dnssec.walk(tour, primary)
        metrics(tour, primary)
        demo_transfer.fresh_secondary(tour, primary)
    took = time.monotonic() - began
    print(f"\n\ndemo: {tour.steps} steps, {tour.commands} commands, {took:.0f} s; every answer as expected")
    if tour.skipped:
        print(f"demo: skipped: {'; '.join(tour.skipped)}")
    return 0


def build(tour: Tour) -> None:
    tour.step(
        "Build",
        "A wheel of this checkout, installed into a directory of its own. All that follows runs from there;\n"
        "the Python packages that it needs come from .venv.\n"
        "(On a server: `make deb`, then `apt install ./dist/zonegit_*.deb`.)",
    )
    tour.run(f"pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist {shlex.quote(str(ROOT))}")
    tour.run("ls dist", r"^zonegit-.*\.whl$")
    tour.run("pip install --quiet --no-deps --no-index --target built dist/zonegit-*.whl")
    tour.export("PATH", "$PWD/built/bin:$PATH")
    tour.export("PYTHONPATH", "$PWD/built")
    tour.run("command -v zonegit zonegitd", r"/built/bin/zonegit$", r"/built/bin/zonegitd$")
    tour.run("zonegit version", r"^zonegit \d")


def begin(tour: Tour) -> None:
    (tour.home / "examples").symlink_to(ROOT / "examples")
    tour.step("Init", "A repository, and who you are.")
    tour.export("ZONEGIT_AUTHOR", "Ada <ada@example.org>")
    tour.run("zonegit init", r"^created an empty repository in \.zonegit$")
    tour.step("Import", "A zone file becomes the first commit.")
    tour.run("zonegit import examples/example.org.zone", r"serial 2026112101, 85 RRsets changed")
    tour.run("zonegit status", r"^zone +example\.org\.$", r"^branch +main$", r"^serial +2026112101$")


def serve(tour: Tour) -> Primary:
    tour.step("Serve", "zonegitd answers from the repository: nothing is exported, and no commit needs a reload.")
    dns, replication, metrics = tour.free_ports(3)
    tour.run("zonegit key new demo --keys keys", r"keys/demo\.key")
    tour.write(
        ".zonegit/zonegitd.toml",
        f"""
keys = "keys"
dnssec_keys = "dnssec-keys"

[dns]
listen = "127.0.0.1:{dns}"
ecs_trusted = ["127.0.0.53"]  # see "Canary by client subnet" below

[replication]
listen = "127.0.0.1:{replication}"
name = "primary-1"

[metrics]
listen = "127.0.0.1:{metrics}"
""",
    )
    tour.run("zonegit config check .zonegit/zonegitd.toml", " is valid: ")
    server = tour.start("primary", "zonegitd --config .zonegit/zonegitd.toml")
    tour.run(f"zonegit ready --url http://127.0.0.1:{metrics}/readyz", "^ready$")
    return Primary(server, dns, replication, metrics)


def edit(tour: Tour, primary: Primary) -> None:
    tour.step("Dig", "The answer is authoritative (aa).")
    tour.run(
        f"{primary.dig} +nocmd +nostats +norecurse api.example.org A",
        r"status: NOERROR",
        r"flags: qr aa",
        r"^api\.example\.org\.\s+60\s+IN\s+A\s+192\.0\.2\.81$",
    )
    before = primary.serial(tour)
    tour.step("Edit", "The command shows what changes, commits it, and raises the serial.")
    tour.run(
        "zonegit set api A 60 203.0.113.7 -m 'Move api to the new rack'",
        r"^\+api\.example\.org\..*203\.0\.113\.7$",
        r"serial 2026112102, 1 RRset changed$",
    )
    tour.step("Dig again", "The very next packet has it.")
    tour.run(f"{primary.dig} +short api.example.org A", r"^203\.0\.113\.7$", unexpected=r"^192\.0\.2")
    tour.step("Serial", "The serial of the SOA record rose with the commit.")
    primary.rose(tour, before)
    tour.step("Refused", "What would break the zone is not committed.")
    tour.run("zonegit set api CNAME 60 www", r"beside other data", code=1)
    tour.run("zonegit set api.example.com. A 60 203.0.113.7", r"outside of the zones", code=1)
    tour.run(f"{primary.dig} +short example.org SOA", " 2026112102 ")


def batch(tour: Tour, primary: Primary) -> None:
    tour.step("Several zones", "A zone that is imported is served at once. A batch changes all its zones or none.")
    tour.run("zonegit import examples/2.0.192.in-addr.arpa.zone", "101 RRsets changed")
    tour.run(f"{primary.dig} +short 2.0.192.in-addr.arpa SOA", " 2026112101 ")
    tour.write(
        "printer.batch",
        "set printer A 60 192.0.2.77\nzone 2.0.192.in-addr.arpa.\nset 77 PTR 60 printer.example.org.",
    )
    tour.run(
        "zonegit batch printer.batch -m 'Install a printer'",
        r"^\[example\.org\. main [0-9a-f]+\] serial \d+, 1 RRset changed$",
        r"^\[2\.0\.192\.in-addr\.arpa\. main [0-9a-f]+\] serial \d+, 1 RRset changed$",
    )
    tour.run(f"{primary.dig} +short printer.example.org A", r"^192\.0\.2\.77$")
    tour.run(f"{primary.dig} +short -x 192.0.2.77", r"^printer\.example\.org\.$")
    broken = "set lost A 60 192.0.2.78\nzone 2.0.192.in-addr.arpa.\nset @ CNAME 60 lost.example.org."
    tour.write("broken.batch", broken)
    tour.run("zonegit batch broken.batch", "would break", code=1)
    tour.run(f"{primary.dig} lost.example.org A | grep status", "status: NXDOMAIN")
    tour.run("zonegit zone list", r"example\.org\.", r"2\.0\.192\.in-addr\.arpa\.")


def metrics(tour: Tour, primary: Primary) -> None:
    tour.step(
        "Metrics", "Prometheus scrapes the page; `zonegit metrics` shows it in short. Both say what dig sees."
    )
    page = f"http://127.0.0.1:{primary.metrics}/metrics"
    serial = primary.serial(tour)
    tour.soon(f"zonegit metrics --url {page}", rf"^  example\.org\. +serial {serial}, ", r" NOERROR\b")
    if not tour.has("curl"):
        return
    count = f'curl -s {page} | grep -F \'{{qtype="CAA",rcode="NOERROR"}}\''
    for number in (1, 2):
        tour.run(f"{primary.dig} +short example.org CAA", 'issuewild ";"')
        tour.soon(count, rf"^zonegit_dns_queries_total\S+ {number}\.0$")
    tour.note("one more query, and the counter is one higher")


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C does, they stop the servers, too
        signal.signal(number, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("demo: interrupted")
