"""The Debian package of the commit that is checked out: what it holds, and that its bytes depend on that alone.

It is built twice, in two places.
"""

import gzip
import json
import re
import subprocess
from pathlib import Path

from zonegit.cli import verbs

TOP = Path(__file__).resolve().parents[2]
MOST = 10_000_000
PROGRAMS = {"usr/bin/zonegit", "usr/sbin/zonegitd"}
HELD = {
    "etc/zonegit/zonegitd.toml",
    "lib/systemd/system/zonegitd.service",
    "lib/systemd/system/zonegitd.socket",
    "lib/systemd/system/zonegitd-metrics.socket",
    "lib/systemd/system/zonegitd-replication.socket",
    "lib/systemd/system/zonegitd-tls.socket",
    "lib/systemd/system/zonegit-fsck.service",
    "lib/systemd/system/zonegit-fsck.timer",
    "lib/systemd/system/zonegit-gc.service",
    "lib/systemd/system/zonegit-gc.timer",
    "usr/lib/sysusers.d/zonegit.conf",
    "usr/lib/tmpfiles.d/zonegit.conf",
    "usr/lib/zonegit/zonegit/__init__.py",
    "usr/share/bash-completion/completions/zonegit",
    "usr/share/doc/zonegit/README.md.gz",
    "usr/share/doc/zonegit/SECURITY.md.gz",
    "usr/share/doc/zonegit/changelog.gz",
    "usr/share/doc/zonegit/cli.md.gz",
    "usr/share/doc/zonegit/copyright",
    "usr/share/doc/zonegit/examples/example.org.zone",
    "usr/share/doc/zonegit/operations.md.gz",
    "usr/share/fish/vendor_completions.d/zonegit.fish",
    "usr/share/man/man1/zonegit.1.gz",
    "usr/share/man/man5/zonegitd.toml.5.gz",
    "usr/share/man/man7/zonegit-quickstart.7.gz",
    "usr/share/man/man8/zonegitd.8.gz",
    "usr/share/zonegit/sbom.cdx.json",
    "usr/share/zsh/vendor-completions/_zonegit",
} | PROGRAMS
_LINE = re.compile(r"(\S{10}) (\S+) +\d+ \S+ \S+ \./(.*?)(?: -> (.+))?")
"""Mode, owner, path and target, as `dpkg-deb --contents` prints them."""


def test_the_package_is_what_it_is_to_be(build, built, tmp_path, needs_program) -> None:
    needs_program("gcc")
    first, second = built, build("second place")
    subprocess.run(("dpkg-deb", "-R", first, tmp_path / "tree"), check=True)
    contents = contents_of(first)
    two_builds_give_the_same_bytes(first, second)
    it_says_what_it_is(tmp_path / "tree")
    it_holds_what_it_is_to_hold(contents)
    compiled_modules_stand_beside_their_sources(tmp_path / "tree", needs_program("objdump"))
    nobody_but_root_may_write_to_it(contents)
    it_holds_no_path_of_the_machine_that_built_it(tmp_path / "tree", first.parents[2])
    the_list_of_what_it_is_made_of_is_true(tmp_path / "tree")
    the_documents_that_it_names_are_there(tmp_path / "tree")
    completions_can_be_read(tmp_path / "tree")
    lintian_finds_nothing(first, needs_program("lintian"))


def contents_of(package: Path) -> dict[str, tuple[str, str]]:
    """Mode and owner by path."""
    listed = subprocess.run(("dpkg-deb", "-c", package), check=True, capture_output=True, text=True).stdout
    lines = [_LINE.fullmatch(line) for line in listed.splitlines()]
    assert all(lines)
    return {line[3].rstrip("/"): (line[1], line[2]) for line in lines if line}


def two_builds_give_the_same_bytes(first: Path, second: Path) -> None:
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size <= MOST


def it_says_what_it_is(unpacked: Path) -> None:
    fields = dict(
        re.findall(r"^(\S+): *(.*(?:\n .*)*)", (unpacked / "DEBIAN" / "control").read_text(), re.MULTILINE)
    )
    assert fields["Package"] == "zonegit"
    assert fields["Section"] == "net"
    assert fields["Architecture"] in ("amd64", "arm64")
    needs = {each.split()[0] for each in fields["Depends"].split(", ")}
    assert {"python3.11", "libc6"} <= needs
    assert not {each for each in needs if each.startswith("python3-")}
    assert fields["Description"].startswith("git for authoritative DNS\n")
    assert (unpacked / "DEBIAN" / "conffiles").read_text() == "/etc/zonegit/zonegitd.toml\n"


def it_holds_what_it_is_to_hold(contents: dict[str, tuple[str, str]]) -> None:
    assert set(contents) >= HELD
    pages = {f"usr/share/man/man1/zonegit-{name.replace(' ', '-')}.1.gz" for name in verbs.names()}
    assert pages <= set(contents)
    assert [
        path for path in contents if re.search(r"/(tests?|__pycache__|bin)$", path) and "lib/zonegit" in path
    ] == []
    for kind in ("grafana", "prometheus"):
        assert (f"usr/share/zonegit/{kind}" in contents) == (TOP / "packaging" / kind).is_dir()


def compiled_modules_stand_beside_their_sources(unpacked: Path, objdump: str) -> None:
    """And need no newer glibc than the package claims."""
    place = unpacked / "usr/lib/zonegit"
    listed = re.findall(r"^[^#\s]+", (TOP / "packaging" / "compiled.txt").read_text(), re.MULTILINE)
    made = list((place / "zonegit").rglob("*.so"))
    beside = sorted(f"{path.relative_to(place / 'zonegit').parent}/{path.name.split('.')[0]}.py" for path in made)
    assert beside == sorted(listed)
    assert [path for path in listed if not (place / "zonegit" / path).exists()] == []
    for library in (*made, *place.glob("zonegit__mypyc.*.so")):
        symbols = subprocess.run((objdump, "-T", library), check=True, capture_output=True, text=True).stdout
        needed = [tuple(map(int, found)) for found in re.findall(r"GLIBC_(\d+)\.(\d+)", symbols)]
        assert max(needed, default=(2, 0)) <= (2, 34), library


def nobody_but_root_may_write_to_it(contents: dict[str, tuple[str, str]]) -> None:
    runs = PROGRAMS | {"usr/share/python3/runtime.d/zonegit.rtupdate"}
    for path, (mode, owner) in contents.items():
        assert owner == "root/root"
        expected = {"d": "drwxr-xr-x", "l": "lrwxrwxrwx"}.get(
            mode[0], "-rwxr-xr-x" if path in runs else "-rw-r--r--"
        )
        assert (path, mode) == (path, expected)


def it_holds_no_path_of_the_machine_that_built_it(unpacked: Path, built_in: Path) -> None:
    places = [str(TOP).encode(), str(built_in).encode()]
    ours = re.compile(rb"/(root|home|work|tmp/pytest|build/zonegit)/")
    for path in unpacked.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            assert not any(place in data for place in places), path
            if "lib/zonegit" not in str(path) or "lib/zonegit/zonegit/" in str(path):
                assert not ours.search(data), path


def the_list_of_what_it_is_made_of_is_true(unpacked: Path) -> None:
    found = json.loads((unpacked / "usr/share/zonegit/sbom.cdx.json").read_text())
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.5")
    assert found["metadata"]["component"]["name"] == "zonegit"
    listed = {(each["name"].replace("-", "_"), each["version"]) for each in found["components"]}
    infos = (path.name.removesuffix(".dist-info") for path in (unpacked / "usr/lib/zonegit").glob("*.dist-info"))
    inside = {(name.lower(), version) for name, _, version in (info.partition("-") for info in infos)}
    assert listed == {each for each in inside if each[0] != "zonegit"}
    lock = (TOP / "packaging" / "requirements.lock").read_text()
    for each in found["components"]:
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        assert each["licenses"] != [{"license": {"name": "unknown"}}]
        assert f"sha256:{each['hashes'][0]['content']}" in lock
    needed = {reference for each in found["dependencies"] for reference in each["dependsOn"]}
    assert needed == {each["bom-ref"] for each in found["components"]}


def the_documents_that_it_names_are_there(unpacked: Path) -> None:
    named = set()
    for path in [*unpacked.glob("usr/share/man/*/*.gz"), *unpacked.glob("usr/share/doc/zonegit/*.Debian.gz")]:
        text = gzip.decompress(path.read_bytes()).decode().replace("\\", "")
        named |= set(re.findall(r"/usr/share/(?:doc/)?zonegit/[\w./-]*\w", text))
    assert len(named) > 4
    assert [path for path in named if not (unpacked / path.lstrip("/")).exists()] == []


def completions_can_be_read(unpacked: Path) -> None:
    subprocess.run(("bash", "-n", unpacked / "usr/share/bash-completion/completions/zonegit"), check=True)
    assert (unpacked / "usr/share/zsh/vendor-completions/_zonegit").read_text().startswith("#compdef zonegit\n")


def lintian_finds_nothing(package: Path, lintian: str) -> None:
    done = subprocess.run(
        (lintian, "--no-cfg", "--fail-on", "error,warning", package),
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.returncode) == ("", 0)
