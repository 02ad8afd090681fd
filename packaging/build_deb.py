"""Lay out a source tree with the locked wheels in it, and have dpkg-buildpackage make the package of it.

The tree is that of a commit, by `git archive`; wheels are downloaded by hash, once, into build/wheels.
After that nothing needs a network, and two builds of a commit give the same bytes: all times in the package are the
commit's. On a machine of the package's architecture our own wheel is a compiled one, if there are a C compiler and
the headers of the Python that the package is for.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from compiling import WANTED, lacking

TOP: Final = Path(__file__).resolve().parent.parent
LOCK: Final = TOP / "packaging" / "requirements.lock"
MACHINES: Final = {"amd64": "x86_64", "arm64": "aarch64"}
PYTHON: Final = (3, 11)
"""That of Debian 12."""
_MAINTAINER: Final = "zonegit developers <zonegit@packages.invalid>"


def main(argv: Sequence[str] | None = None) -> int:
    """Build; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=TOP / "dist", help="where the package goes (dist)")
    parser.add_argument("--work", type=Path, default=TOP / "build", help="where it is built (build)")
    parser.add_argument(
        "--wheels", type=Path, default=TOP / "build" / "wheels", help="where wheels are kept (build/wheels)"
    )
    parser.add_argument("--fetch-only", action="store_true", help="fetch the wheels, and build nothing")
    parser.add_argument("--commit", default="HEAD", help="what it is built of (HEAD)")
    parser.add_argument("--arch", choices=sorted(MACHINES), default=_architecture())
    args = parser.parse_args(argv)
    missing = [name for name in ("dpkg-buildpackage", "dh", "dh_python3") if shutil.which(name) is None]
    if missing:
        sys.stderr.write(f"needs {', '.join(missing)}: apt install dpkg-dev debhelper dh-python python3-pip\n")
        return 1
    wheels = args.wheels / args.arch
    _download(wheels, MACHINES[args.arch])
    if args.fetch_only:
        return 0
    tree = args.work / "zonegit"
    moment = _commit_time(args.commit)
    pure = _why_pure(args.arch)
    if pure:
        print(f"no module is compiled: {pure}", file=sys.stderr)
    _lay_out(tree, args.commit, wheels, moment, compiled=pure is None)
    _build(tree, args.arch, moment)
    args.output.mkdir(parents=True, exist_ok=True)
    for package in sorted(args.work.glob("zonegit_*.deb")):
        print(shutil.move(package, args.output / package.name))
    return 0


def _architecture() -> str:
    machine = os.uname().machine
    return next((debian for debian, name in MACHINES.items() if name == machine), machine)


def _why_pure(arch: str) -> str | None:
    """Why modules can't be compiled here for this architecture, if they can't."""
    if arch != _architecture():
        return f"this machine is not of {arch}"
    if sys.version_info[:2] != PYTHON:
        return "this is not Python {}.{}".format(*PYTHON)
    lacks = lacking()
    return lacks and f"needs {lacks}"


def _git(*arguments: str) -> bytes:
    return subprocess.run(("git", "-C", TOP, *arguments), check=True, stdout=subprocess.PIPE).stdout


def _commit_time(commit: str) -> int:
    return int(os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct", commit))


def _download(wheels: Path, machine: str) -> None:
    """Fetch the locked wheels; pip refuses what has another hash than the lock."""
    wheels.mkdir(parents=True, exist_ok=True)
    stamp = wheels / ".lock"
    if stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
        return
    for old in wheels.iterdir():
        old.unlink()
    platforms = [f"--platform=manylinux_2_{glibc}_{machine}" for glibc in (34, 28, 17)]
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download")
    only = ("--no-deps", "--only-binary=:all:", "--require-hashes", "--python-version=3.11", "--implementation=cp")
    target = (f"--platform=manylinux2014_{machine}", f"--dest={wheels}", f"--requirement={LOCK}")
    subprocess.run((*pip, *only, *platforms, *target), check=True)
    stamp.write_bytes(LOCK.read_bytes())


def _lay_out(tree: Path, commit: str, wheels: Path, moment: int, *, compiled: bool) -> None:
    """The commit's files, debian/ at the top, our own wheel beside the locked ones."""
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    archive = _git("-c", "tar.umask=0022", "archive", "--format=tar", commit)
    subprocess.run(("tar", "-xp", "-C", tree), input=archive, check=True)
    (tree / "packaging" / "debian").rename(tree / "debian")
    shutil.copytree(wheels, tree / "wheels", ignore=shutil.ignore_patterns(".lock"))
    subprocess.run(
        (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tree / "wheels"),
        cwd=tree,
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(moment), "PYTHONHASHSEED": "0", WANTED: "1" if compiled else ""},
    )
    (tree / "debian" / "changelog").write_text(_changelog(tree, moment))
    _write_pages(tree, moment)


def _write_pages(tree: Path, moment: int) -> None:
    """What the commit's own parser tells of: manual pages, and a completion script for each shell."""
    environment = os.environ | {
        "SOURCE_DATE_EPOCH": str(moment),
        "PYTHONPATH": str(tree / "appliance"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def run(*arguments: str | Path) -> str:
        command = (sys.executable, *arguments)
        return subprocess.run(
            command, cwd=tree, env=environment, check=True, text=True, stdout=subprocess.PIPE
        ).stdout

    made = tree / "made"
    run("packaging/manpages.py", made / "man")
    for shell in ("bash", "zsh", "fish"):
        (made / f"completion.{shell}").write_text(run("-m", "zonegit.cli.main", "completion", shell))


def _changelog(tree: Path, moment: int) -> str:
    """Debian's changelog, of one entry: what changed stands in CHANGELOG.md, which is installed as changelog.gz."""
    (wheel,) = (tree / "wheels").glob("zonegit-*.whl")
    version = wheel.name.split("-")[1]
    date = format_datetime(datetime.fromtimestamp(moment, UTC))
    entry = f"  * Release {version}; see /usr/share/doc/zonegit/changelog.gz."
    return f"zonegit ({version}) unstable; urgency=medium\n\n{entry}\n\n -- {_MAINTAINER}  {date}\n"


def _build(tree: Path, arch: str, moment: int) -> None:
    command = ["dpkg-buildpackage", "--build=binary", "--no-sign", "--no-check-builddeps", f"--host-arch={arch}"]
    subprocess.run(
        command,
        cwd=tree,
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(moment), "DEB_BUILD_OPTIONS": "nocheck"},
    )


if __name__ == "__main__":
    sys.exit(main())
