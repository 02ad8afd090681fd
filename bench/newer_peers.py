"""Unpack NSD, Knot and BIND of a newer Debian release into build/peers, to measure beside them.

Nothing is installed: `PATH=$PWD/build/peers/bin:$PATH make bench` finds these first. They run with the libraries of
their release, by its loader, since they may not run with those of the machine's. Needs mmdebstrap.
"""

import argparse
import shutil
import sys
from typing import Final

from material import CHECKOUT
from processes import MeasuringFailed, end_on_signals, find_program, finished

PLACE: Final = CHECKOUT / "build" / "peers"
PACKAGES: Final = ("nsd", "knot", "knot-dnssecutils", "bind9", "bind9-utils")
PROGRAMS: Final = (
    *("nsd", "nsd-checkzone", "knotd", "knotc", "kzonecheck"),
    *("named", "named-checkzone", "dnssec-keygen", "dnssec-signzone"),
)
_LOADER: Final = "usr/lib/*/ld-linux-*.so.*"


def unpack(release: str) -> None:
    """Fetch the packages with all that they need and unpack them, without running anything of theirs."""
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.parent.mkdir(exist_ok=True)
    mmdebstrap = find_program("mmdebstrap")
    finished([mmdebstrap, "--quiet", "--variant=extract", f"--include={','.join(PACKAGES)}", release, str(PLACE)])


def launchers() -> list[str]:
    """Make a script for each program that runs it; their names."""
    (loader,) = PLACE.glob(_LOADER)
    directory = PLACE / "bin"
    directory.mkdir(exist_ok=True)
    programs = sorted(path for place in ("usr/bin", "usr/sbin") for path in (PLACE / place).iterdir())
    wanted = [path for path in programs if path.name in PROGRAMS]
    for program in wanted:
        launcher = directory / program.name
        launcher.write_text(f'#!/bin/sh\nexec {loader} --library-path {loader.parent} {program} "$@"\n')
        launcher.chmod(0o755)
    return [program.name for program in wanted]


def main() -> int:
    """Unpack, and say how to use what was unpacked."""
    parser = argparse.ArgumentParser(prog="bench/newer_peers.py", description=__doc__.splitlines()[0])
    parser.add_argument("release", nargs="?", default="trixie", help="the Debian release (trixie)")
    unpack(parser.parse_args().release)
    print(f"{', '.join(launchers())}: PATH={PLACE.relative_to(CHECKOUT)}/bin:$PATH make bench measures beside them")
    return 0


if __name__ == "__main__":
    end_on_signals()
    try:
        sys.exit(main())
    except MeasuringFailed as failure:
        sys.exit(f"newer_peers: {failure}")
