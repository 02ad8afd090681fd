"""Run `make test` where nothing is installed but what README.md names: on a minimal Debian 12, made by mmdebstrap.

Lint, the tests that only compute, and those that repeat kills are left out, as nothing that is installed can change
what they find. `--all` runs them too.

Needs root, mmdebstrap, unshare, ip and git; elsewhere it says what is missing, and does nothing. The machine is as
poor as a reader's may be: an ordinary user, a umask of 077, a path with a blank, no IPv6, no network but its own
loopback. The locked packages are fetched before that, outside of it, in whatever way pip is configured.

minimal.py [--all] [--as-root] [ARGUMENT FOR MAKE]…
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

TOP: Final = Path(__file__).resolve().parents[1]
CACHE: Final = TOP / "build" / "minimal"
WHEELS: Final = CACHE / "wheels"
LOCK: Final = TOP / "packaging" / "requirements-dev.lock"
SUITE: Final = "bookworm"
CHECKOUT: Final = "/srv/the checkout"
USER: Final = "reader"
_PROGRAMS: Final = ("mmdebstrap", "unshare", "chroot", "ip", "git", "tar")
_IN_NAMESPACES: Final = """
ip link set lo up
if [ -e /proc/sys/net/ipv6 ]; then
  for each in all default; do echo 1 > /proc/sys/net/ipv6/conf/$each/disable_ipv6; done
fi
mount -t proc proc "$1/proc"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$1/dev/pts"
mount -t tmpfs -o mode=1777 shm "$1/dev/shm"
mount -t tmpfs -o mode=1777 tmp "$1/tmp"
shift
exec "$@"
"""


def main(argv: Sequence[str]) -> int:
    """Run it; the exit code of make, or 0 where it can't be run."""
    lacking = missing()
    if lacking:
        print(f"make test-minimal: skipped, it needs {lacking}")
        return 0
    as_root = "--as-root" in argv
    only = () if "--all" in argv else without_computation()
    arguments = [*only, *(word for word in argv if word not in ("--all", "--as-root"))]
    try:
        archive = tree(packages((TOP / "README.md").read_text()))
    except subprocess.CalledProcessError:
        print("make test-minimal: skipped, it needs Debian's packages for mmdebstrap")
        return 0
    fetch_wheels()
    with tempfile.TemporaryDirectory(prefix="zonegit-minimal-") as place:
        root = Path(place)
        root.chmod(0o755)
        subprocess.run(("tar", "-x", "--numeric-owner", "-C", root, "-f", archive), check=True)
        furnish(root)
        return test(root, arguments, as_root=as_root)


def missing() -> str:
    """What this machine lacks for it; empty if nothing."""
    if os.geteuid():
        return "root"
    return next((program for program in _PROGRAMS if shutil.which(program) is None), "")


def packages(readme: str) -> list[str]:
    """Debian's packages that a reader is told to install."""
    named = re.search(r"Debian\s12(?:\swith|:)\s`apt install ([a-z0-9.+ -]+)`", readme)
    if named is None:
        raise SystemExit("README.md doesn't say any more what to install on Debian 12")
    return named[1].split()


def tree(names: Sequence[str]) -> Path:
    """The archive of a minimal Debian with these packages, made once."""
    archive = CACHE / f"{SUITE}-{'-'.join(names)}.tar"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        partial = CACHE / "partial.tar"
        make = ("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(names)}", SUITE, partial)
        subprocess.run(make, check=True)
        partial.rename(archive)
    return archive


def fetch_wheels() -> None:
    """Fetch what is locked, for Debian's Python; what is there already is not fetched again."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet")
    what = ("--require-hashes", "--no-deps", "--only-binary=:all:", "--python-version=3.11", "--requirement", LOCK)
    subprocess.run((*pip, "--dest", WHEELS, *what), check=True)


_FEW_RUNS: Final = ("ZONEGIT_EXAMPLES=20", "ZONEGIT_SEEDS=16", "ZONEGIT_GC=20")
"""Tests that draw at random draw less: what they look for doesn't depend on what is installed."""


_COMPUTATION: Final = (
    "fuzz",
    "laws",
    "mutants",
    "unit/dns",
    "unit/dnssec",
    "unit/model",
    "unit/net/client/test_round_trips.py",
    "unit/repo/dnssec/test_bootstrapping.py",
    "unit/repo/dnssec/test_disturbed.py",
    "unit/repo/dnssec/test_keys_stay.py",
    "unit/repo/dnssec/test_stage.py",
    "unit/sync",
    "unit/tree",
    "vectors",
)
"""Tests that need nothing of the machine but perhaps its loopback, below `tests`."""
_REPETITION: Final = (
    "faults/test_interrupted_clone.py",
    "faults/test_kills.py",
    "faults/test_polled.py",
    "faults/test_three_writers.py",
)
"""Tests that do the same again and again, and kill processes meanwhile."""


def without_computation() -> tuple[str, ...]:
    """Arguments for make: don't lint, and leave those tests out."""
    ignored = " ".join(f"--ignore=tests/{name}" for name in (*_COMPUTATION, *_REPETITION))
    return "--assume-old=lint", f"PYTEST_ARGS={ignored}"


def furnish(root: Path) -> None:
    """Put a clone of the commit that is checked out, the wheels and a user into a tree."""
    checkout = root / CHECKOUT.lstrip("/")
    subprocess.run(("git", "clone", "--quiet", "--no-hardlinks", TOP, checkout), check=True)
    shutil.copytree(WHEELS, root / "wheels")
    subprocess.run(("chroot", root, "useradd", "--create-home", USER), check=True)
    subprocess.run(("chroot", root, "chown", "-R", f"{USER}:{USER}", CHECKOUT), check=True)


def test(root: Path, arguments: Sequence[str], *, as_root: bool) -> int:
    """Run `make test` in a tree, and say what it took."""
    alone = ("unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child")
    user = () if as_root else (f"--userspec={USER}:{USER}",)
    home = "/root" if as_root else f"/home/{USER}"
    bare = (f"HOME={home}", "PATH=/usr/bin:/bin", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels")
    environment = ("env", "-i", *bare, *_FEW_RUNS)
    shell = ("sh", "-ec", f'umask 077; cd "{CHECKOUT}"; exec make test "$@"', "make")
    inside = ("chroot", *user, root, *environment, *shell, *arguments)
    done = subprocess.run((*alone, "sh", "-ec", _IN_NAMESPACES, "-", root, *inside), check=False)
    used = os.times()
    print(f"make test-minimal: {used.children_user + used.children_system:.0f} s of processor time")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
