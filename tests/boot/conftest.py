"""Machines to test the package in. Skipped by name where none can be booted."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bootkit import TOP, Machine, missing, tree


@pytest.fixture(scope="session")
def bootable() -> None:
    """Skips, by name, what can't be done here: a plain Debian, without the package, is booted to see."""
    lacking = missing()
    if lacking:
        pytest.skip(f"needs {lacking}")
    try:
        tree()
    except subprocess.CalledProcessError:
        pytest.skip("needs Debian's packages for mmdebstrap")
    try:
        Machine().close()
    except AssertionError as error:
        pytest.skip(f"needs a kernel on which systemd-nspawn boots: {str(error).splitlines()[0][:200]}")


@pytest.fixture(scope="session")
def build(tmp_path_factory) -> Callable[[str], Path]:
    """Builds the package of the commit that is checked out, in a directory of this name."""
    for program in ("dpkg-buildpackage", "dh", "dh_python3", "git"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    if not (TOP / ".git").exists():
        pytest.skip("needs the history of the sources")
    program = (sys.executable, TOP / "packaging" / "build_deb.py")
    if subprocess.run((*program, "--fetch-only"), capture_output=True, check=False).returncode:
        pytest.skip("needs the locked wheels, and none came from the package index")
    top = tmp_path_factory.mktemp("package")

    def package(name: str) -> Path:
        work, output = top / name / "work", top / name / "out"
        with (top / f"{name}.log").open("w+") as log:
            done = subprocess.run(
                (*program, "--work", work, "--output", output), stdout=log, stderr=subprocess.STDOUT, check=False
            )
            log.seek(0)
            assert done.returncode == 0, log.read()[-4000:]
        shutil.rmtree(work)
        (built,) = output.glob("zonegit_*.deb")
        return built

    return package


@pytest.fixture(scope="session")
def built(build) -> Path:
    """The package of the commit that is checked out."""
    return build("first")


@pytest.fixture(scope="session")
def package(bootable, built) -> Path:
    """The package, where there is a machine to install it on."""
    return built


@pytest.fixture(scope="session")
def older(package, tmp_path_factory) -> Path:
    """The same package under a lower version."""
    place = tmp_path_factory.mktemp("older")
    subprocess.run(("dpkg-deb", "-R", package, place / "tree"), check=True)
    control = place / "tree" / "DEBIAN" / "control"
    lines = control.read_text().splitlines()
    lines = ["Version: 0.0.1" if line.startswith("Version:") else line for line in lines]
    control.write_text("\n".join(lines) + "\n")
    options = ("--root-owner-group", "-Znone")  # compressing it takes longer than all else
    subprocess.run(("dpkg-deb", *options, "-b", place / "tree", place / "older.deb"), check=True)
    return place / "older.deb"


@pytest.fixture
def boot(package) -> Iterator[Callable[[], Machine]]:
    machines: list[Machine] = []

    def started() -> Machine:
        machines.append(Machine())
        return machines[-1]

    yield started
    for machine in machines:
        machine.close()


@pytest.fixture(scope="session")
def install() -> Callable[[Machine, Path], str]:
    def done(machine: Machine, package: Path) -> str:
        shutil.copy(package, machine.root / "srv" / package.name)
        began = time.monotonic()
        printed = machine.run(
            "apt-get",
            "-o",
            "APT::Sandbox::User=root",
            "install",
            "-y",
            "--no-install-recommends",
            f"/srv/{package.name}",
        )
        print(f"installed in {time.monotonic() - began:.1f} s")
        return printed

    return done


@pytest.fixture(scope="module")
def machine(package, install) -> Iterator[Machine]:
    """One with the package installed and a zone in it, shared by the tests of a module."""
    machine = Machine()
    try:
        install(machine, package)
        machine.run("zonegit", "zone", "add", "example.org")
        machine.run("zonegit", "set", "www", "A", "300", "192.0.2.1")
        yield machine
    finally:
        machine.close()
