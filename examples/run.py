"""`make run`: a primary and a secondary in the foreground, on a real zone, with everything under `var/`.

The zones under `examples/`, or the zone file that is named, become the primary's first commits; a second run goes
on from what is there. Ctrl-C ends both.
"""

import argparse
import re
import signal
import sys
from pathlib import Path
from subprocess import CompletedProcess

from nodes import ROOT, ZONES, Node, zonegit

VAR = ROOT / "var"
PRIMARY, SECONDARY, KEYS = VAR / "primary", VAR / "secondary", VAR / "keys"
KID, NAME = "run", "primary-1"
DNS, METRICS, REPLICATION = "127.0.0.1:5300", "127.0.0.1:9353", "127.0.0.1:9354"
SECOND_DNS, SECOND_METRICS = "127.0.0.1:5301", "127.0.0.1:9363"
ENDS = (signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zone-file", type=Path, help="serve this zone file (gzip too) instead of the examples")
    parser.add_argument("--origin", metavar="ZONE", help="the zone that the file is of, where it doesn't say so")
    arguments = parser.parse_args()
    if arguments.origin and not arguments.zone_file:
        parser.error("--origin needs --zone-file (make run ZONE=FILE ORIGIN=example.org)")
    zone = prepare(arguments.zone_file, arguments.origin)
    for number in ENDS:
        signal.signal(number, end)
    try:
        with (
            Node(
                "primary",
                *("--repo", PRIMARY, "--listen", DNS, "--metrics-listen", METRICS),
                *("--replicate-listen", REPLICATION, "--replicate-name", NAME, "--keys", KEYS),
            ) as primary,
            Node(
                "secondary",
                *("--repo", SECONDARY, "--listen", SECOND_DNS, "--metrics-listen", SECOND_METRICS),
                *("--primary", f"http://{REPLICATION}", "--primary-name", NAME, "--key", KID, "--keys", KEYS),
            ),
        ):
            print(advice(zone), flush=True)
            return primary.wait()
    except KeyboardInterrupt:
        return 0


def end(*_: object) -> None:
    """Stop both daemons. A closed terminal (SIGHUP) alone would only make them reload."""
    for number in ENDS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(0)


def prepare(zone_file: Path | None, origin: str | None) -> str:
    """Create the repository, its first commits and the key, unless they exist; returns a zone to try things on."""
    VAR.mkdir(exist_ok=True)
    if not (PRIMARY / "data.mdb").exists():
        must(zonegit(PRIMARY, "init"))
    if not (KEYS / f"{KID}.key").exists():
        made = zonegit(PRIMARY, "key", "new", KID, "--keys", KEYS)
        if made.returncode:  # else it tells to bring the key to another machine, and there is none
            must(made)
    there = zonegit(PRIMARY, "zone", "list").stdout.splitlines()
    imported = [commit(path, origin) for path in ([zone_file] if zone_file else [] if there else ZONES)]
    return imported[0] if imported else next(line.split()[1] for line in there if line[0] == "*")


def commit(path: Path, origin: str | None) -> str:
    """Import a zone file; returns the zone's name. A zone that was changed by hand since is kept."""
    call: list[str | Path] = ["import", path, *(["--zone", origin] if origin else [])]
    done = zonegit(PRIMARY, *call)
    if done.returncode == 1 and "--replace" in done.stderr:
        print(f"{path.name}: {done.stderr.strip()}; serving the repository's version", file=sys.stderr)
        done = zonegit(PRIMARY, *call, "--replace", "--dry-run")  # says which zone it is
    else:
        must(done)
    (zone,) = re.findall(r"^\[(\S*\.) ", done.stderr, re.MULTILINE)
    return str(zone)


def must(done: CompletedProcess[str]) -> None:
    """Print a command's messages, and exit if it failed."""
    sys.stderr.write(done.stderr.replace("use --zone", "say make run ZONE=FILE ORIGIN=example.org"))
    if done.returncode:
        raise SystemExit(done.returncode)


def advice(zone: str) -> str:
    """Five commands to try."""
    name = f"hello.{zone.lstrip('.')}"
    repo = PRIMARY.relative_to(ROOT)
    return f"""
Serving {zone} and all other zones of {repo}. Try, in another terminal:

  dig @{DNS.replace(":", " -p ")} {zone} SOA
  .venv/bin/zonegit --repo {repo} --zone {zone} set {name} TXT 300 "hello, world"
  dig @{SECOND_DNS.replace(":", " -p ")} {name} TXT          # the secondary has it a moment later
  .venv/bin/zonegit --repo {repo} --zone {zone} log
  .venv/bin/zonegit metrics --url http://{SECOND_METRICS}/metrics

Ctrl-C ends both.
"""


if __name__ == "__main__":
    sys.exit(main())
