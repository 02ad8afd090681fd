"""`make run`: a primary and a secondary in the foreground, on a real zone, with everything under `var/`.

The zones under `examples/`, or the zone file that is named, become the primary's first commits; a second run goes
on from what is there. Ctrl-C ends both.
"""

import argparse
import signal
import sys
from pathlib import Path
from subprocess import CompletedProcess

from nodes import ROOT, ZONES, Node, zonegit

VAR = ROOT / "var"
PRIMARY, SECONDARY, KEYS = VAR / "primary", VAR / "secondary", VAR / "keys"
KID, NAME = "run", "primary-1"
REPLICATION = "127.0.0.1:9354"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zone-file", type=Path, help="serve this zone file (gzip too) instead of the examples")
    zone_file: Path | None = parser.parse_args().zone_file
    prepare(zone_file)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with (
            Node(
                "primary",
                *("--repo", PRIMARY, "--listen", "127.0.0.1:5300", "--metrics-listen", "127.0.0.1:9353"),
                *("--replicate-listen", REPLICATION, "--replicate-name", NAME, "--keys", KEYS),
            ) as primary,
            Node(
                "secondary",
                *("--repo", SECONDARY, "--listen", "127.0.0.1:5301", "--metrics-listen", "127.0.0.1:9363"),
                *("--primary", f"http://{REPLICATION}", "--primary-name", NAME, "--key", KID, "--keys", KEYS),
            ),
        ):
            print(advice(), flush=True)
            return primary.wait()
    except KeyboardInterrupt:
        return 0


def prepare(zone_file: Path | None) -> None:
    """Make the repository, its first commits and the token, as far as they aren't there."""
    VAR.mkdir(exist_ok=True)
    if not (PRIMARY / "data.mdb").exists():
        must(zonegit(PRIMARY, "init"))
    if not (KEYS / f"{KID}.key").exists():
        must(zonegit(PRIMARY, "key", "new", KID, "--keys", KEYS))
    empty = not zonegit(PRIMARY, "zone", "list").stdout
    for path in [zone_file] if zone_file else ZONES if empty else []:
        done = zonegit(PRIMARY, "import", path)
        if done.returncode == 1 and "--replace" in done.stderr:
            print(f"{path.name}: {done.stderr.strip()}; serving the repository's version", file=sys.stderr)
        else:
            must(done)


def must(done: CompletedProcess[str]) -> None:
    """Pass on a command's own words, and stop if it failed."""
    sys.stderr.write(done.stderr)
    if done.returncode:
        raise SystemExit(done.returncode)


def advice() -> str:
    """Five commands to try, on the zone that HEAD names."""
    zone = next(line.split()[1] for line in zonegit(PRIMARY, "zone", "list").stdout.splitlines() if line[0] == "*")
    name = f"hello.{zone.lstrip('.')}"
    repo = PRIMARY.relative_to(ROOT)
    return f"""
Serving {zone} and all other zones of {repo}. Try, in another terminal:

  dig @127.0.0.1 -p 5300 {zone} SOA
  .venv/bin/zonegit -C {repo} --zone {zone} set {name} TXT 300 "hello, world"
  dig @127.0.0.1 -p 5301 {name} TXT          # the secondary has it already
  .venv/bin/zonegit -C {repo} --zone {zone} log
  curl -s http://127.0.0.1:9363/metrics | grep zonegit_sync

Ctrl-C ends both.
"""


if __name__ == "__main__":
    sys.exit(main())
