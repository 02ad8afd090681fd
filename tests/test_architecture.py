"""Imports run downward between the rooms, sans-IO rooms do no IO, dear libraries stay where they belong."""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGE: Final = ROOT / "appliance" / "zonegit"

ROOMS: Final = (
    "cli",
    "daemon",
    "net",
    "ops",
    "sync",
    "auth",
    "dns",
    "repo",
    "store",
    "dnssec",
    "zonefile",
    "tree",
    "model",
    "errors",
)
"""From the top: a room imports itself and rooms to its right."""

SANS_IO: Final = ("model", "tree", "dns", "sync", "auth")
IO_MODULES: Final = {
    *("asyncio", "http", "lmdb", "multiprocessing", "random", "secrets", "select", "selectors", "socket"),
    *("socketserver", "ssl", "subprocess", "time", "urllib"),
}
"""Sockets, event loops and the store, and the clock and the random source too: those are arguments."""

ONLY_IN: Final = {
    "hypercorn": {"net"},
    "httpx": {"net"},
    "httpcore": {"net"},
    "prometheus_client": {"ops", "net"},
    "lmdb": {"store"},
    "argparse": {"cli", "ops", "daemon"},
}
LONGEST_FILE: Final = 400


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """`(line, dotted name)` of everything that a file imports, in functions and under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                package = ("zonegit", *path.relative_to(PACKAGE).parts[: -node.level])
                module = ".".join([*package, module]).rstrip(".")
            if module == "zonegit":
                yield from ((node.lineno, f"zonegit.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, module


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def test_every_room_is_known() -> None:
    found = {room_of(path) for path in sources()} - {"__init__", "__main__"}
    assert found <= set(ROOMS)


def test_imports_run_downward() -> None:
    wrong = []
    for path in sources():
        room = room_of(path)
        if room not in ROOMS:
            continue
        below = ROOMS[ROOMS.index(room) :]
        for line, name in imports(path):
            top, _, rest = name.partition(".")
            if top == "zonegit" and rest != "__version__" and rest.split(".")[0] not in below:
                wrong.append(f"{where(path, line)}: {room} imports {name}")
    assert not wrong


def test_sans_io_rooms_do_no_io() -> None:
    wrong = [
        f"{where(path, line)}: {name}"
        for path in sources()
        if room_of(path) in SANS_IO
        for line, name in imports(path)
        if name.partition(".")[0] in IO_MODULES
    ]
    assert not wrong


def test_dear_libraries_stay_in_their_rooms() -> None:
    wrong = [
        f"{where(path, line)}: {name}"
        for path in sources()
        for line, name in imports(path)
        if room_of(path) not in ONLY_IN.get(name.partition(".")[0], {room_of(path)})
    ]
    assert not wrong


def test_modules_are_named_for_a_duty() -> None:
    vague = {"util", "utils", "helper", "helpers", "manager", "common", "misc"}
    assert not [path for path in sources() if path.stem in vague]


def test_every_module_says_its_duty() -> None:
    assert not [str(path) for path in sources() if not ast.get_docstring(ast.parse(path.read_text() or "''"))]


def test_no_file_is_too_long() -> None:
    files = [path for top in ("appliance", "tests", "bench", "examples") for path in (ROOT / top).rglob("*.py")]
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert not {name: lines for name, lines in long.items() if lines > LONGEST_FILE}


def test_no_path_of_one_machine(needs_program: Callable[[str], str]) -> None:
    listed = subprocess.run([needs_program("git"), "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("needs git and its checkout")
    places = re.compile(rb"(?<![\w.])/(?:work|root|home|Users)/[a-z]")
    wrong = []
    for name in filter(None, listed.stdout.split(b"\0")):
        path = ROOT / name.decode()
        if path.is_file() and (match := places.search(path.read_bytes())):
            wrong.append(f"{name.decode()}: {match[0]!r}")
    assert not wrong


def test_the_map_of_dns_names_every_module() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = text[text.index("The room `dns/`") :].split("\n\n")[1]
    there = {path.stem for path in (PACKAGE / "dns").glob("[!_]*.py")}
    assert set(re.findall(r"`(\w+)`", rows)) == there, "name new modules in the table of docs/architecture.md"
