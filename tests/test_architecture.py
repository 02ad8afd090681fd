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
    "ssh",
    "dnssec",
    "zonefile",
    "tree",
    "model",
    "piped_process",
    "piped_values",
    "acyclic",
    "errors",
)
"""From the top: a room imports itself and rooms to its right."""

SANS_IO: Final = ("model", "tree", "dns", "sync", "auth")
IO_MODULES: Final = {
    *("asyncio", "http", "lmdb", "multiprocessing", "random", "secrets", "select", "selectors", "socket"),
    *("socketserver", "ssl", "subprocess", "time", "urllib"),
    "zonegit.piped_process",
}
"""Sockets, processes, event loops, the store, and the clock and the random source too: those are arguments."""

ONLY_IN: Final = {
    "hypercorn": {"net"},
    "httpx": {"net"},
    "httpcore": {"net"},
    "prometheus_client": {"ops", "net"},
    "lmdb": {"store"},
    "pkcs11": {"repo"},
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


def test_no_modules_import_each_other_in_a_circle() -> None:
    """In functions neither: a circle hides there, and bites whoever moves the import up."""
    modules = {".".join(("zonegit", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in sources()}
    below = {
        name: {each for each in _modules_in(path) if each in modules} - {name} for name, path in modules.items()
    }
    while ends := {name for name, others in below.items() if not others & below.keys()}:
        below = {name: others for name, others in below.items() if name not in ends}
    assert not below, f"a circle is among {sorted(below)}"


def _modules_in(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_sans_io_rooms_do_no_io() -> None:
    wrong = [
        f"{where(path, line)}: {name}"
        for path in sources()
        if room_of(path) in SANS_IO
        for line, name in imports(path)
        if {name, name.partition(".")[0]} & IO_MODULES
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


def test_the_ssh_room_knows_nothing_of_zones() -> None:
    """It imports only the errors; one file reads files, and one runs a program."""
    alone = {"os": "files.py", "subprocess": "ssh_keygen.py"}
    wrong = [
        f"{where(path, line)}: {name}"
        for path in sorted((PACKAGE / "ssh").rglob("*.py"))
        for line, name in imports(path)
        if (name.startswith("zonegit") and not name.startswith(("zonegit.ssh.", "zonegit.errors")))
        or alone.get(name, path.name) != path.name
        or name in IO_MODULES - {"subprocess", "time"}
    ]
    assert not wrong


def test_signing_and_verifying_share_no_code() -> None:
    """They check each other: a mistake that both made would show in neither."""
    verifying = {"bitmap", "check", "denial", "hashing", "nodes", "nsec", "nsec3", "proof", "rrsig", "verifying"}
    room = PACKAGE / "dnssec"
    pairs = [(path, verifying) for path in sorted((room / "signing").rglob("*.py"))]
    pairs += [(room / f"{name}.py", {"signing"}) for name in sorted(verifying) if (room / f"{name}.py").exists()]
    wrong = [
        f"{where(path, line)}: {name}"
        for path, others in pairs
        for line, name in imports(path)
        if name.startswith("zonegit.dnssec.") and name.split(".")[2] in others
    ]
    assert not wrong


def test_what_proves_signed_zones_shares_nothing_with_what_signs_them() -> None:
    """A mistake that both had would be published. Below the room they share the model, the tree and its names."""
    room = {
        path.stem if path.parent.stem == "dnssec" else f"{path.parent.stem}.{path.stem}": path
        for path in (PACKAGE / "dnssec").rglob("*.py")
        if path.stem != "__init__"
    }

    def reached(start: set[str]) -> set[str]:
        found = set[str]()
        while start - found:
            found |= start
            names = {name.removeprefix("zonegit.dnssec.") for each in found for name in _modules_in(room[each])}
            start = names & room.keys()
        return found

    signing = reached({name for name in room if name.startswith("signing.")} | {"private_key"})
    proving = reached({name for name in room if name.startswith("proving.")} | {"proof"})
    assert {"rrsig", "hashing"} <= proving, "names are found"
    assert signing & proving == set()


def test_macs_are_compared_in_constant_time() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare) and any(isinstance(each, (ast.Eq, ast.NotEq)) for each in node.ops)
        if any(_is_mac(side) for side in (node.left, *node.comparators))
    ]
    assert not found, f"use hmac.compare_digest: {found}"


def _is_mac(side: ast.expr) -> bool:
    name = side.attr if isinstance(side, ast.Attribute) else side.id if isinstance(side, ast.Name) else ""
    return "mac" in name.lower().split("_")


def test_tests_import_kits_and_no_tests() -> None:
    """What several tests need is a kit: in `tests/kits`, or for the booted machine `tests/boot/bootkit.py`."""
    tests = ROOT / "tests"
    kits = {path.stem for path in (tests / "kits").iterdir()} | {"bootkit"}
    theirs = {path.stem for path in tests.rglob("*.py")} | {path.name for path in tests.iterdir() if path.is_dir()}
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in tests.rglob("*.py")
        for line, name in imports(path)
        if (top := name.partition(".")[0]) in theirs and top not in kits
    ]
    assert found == []


def test_tests_wait_for_the_lines_of_a_daemon() -> None:
    """A process logs after the event that a test has waited for: `assert daemon.has(...)` would pass by chance.

    `daemon.logged(...)` waits; `assert not daemon.has(...)` is for a line that never comes.
    """
    found = [
        where(path, call.lineno)
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert)
        for call in _unnegated_calls(node.test)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "has"
        if not ast.unparse(call.func.value).endswith("reader")  # of a store
    ]
    assert found == []


def _unnegated_calls(node: ast.expr) -> Iterator[ast.Call]:
    """The calls in an expression, but for those below a `not`."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return
    if isinstance(node, ast.Call):
        yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from _unnegated_calls(child)


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


INNER: Final = {
    "dns": (
        *(
            "dispatch",
            "responder",
            "edns",
            "chaos",
            "options",
            "notice",
            "notify_request",
            "tcp",
            "udp",
            "recipient",
        ),
        *("transfer", "incoming", "update", "fastpath", "lookup", "cache", "zone", "zone_counts", "stats"),
        *("routes", "access", "wire"),
    ),
    "net": (
        *("embedded", "dns", "server", "client"),
        *("acceptor", "tls_stream", "turns", "tls", "h2_patches"),
    ),
}
"""The rooms and the single modules of a crowded room, from the top: each imports itself and those to its right."""
APART: Final = (("net", "dns"), ("net", "server"), ("net", "client"))
"""Inner rooms that don't know each other."""


@pytest.mark.parametrize("room", INNER)
def test_imports_run_downward_within_a_room(room: str) -> None:
    order = INNER[room]
    wrong = []
    for path in sorted((PACKAGE / room).rglob("*.py")):
        inner = path.relative_to(PACKAGE / room).parts[0].removesuffix(".py")
        if inner == "__init__":
            continue
        assert inner in order, f"give {room}/{inner} its place in the order of imports"
        for line, name in imports(path):
            top, _, rest = name.removeprefix("zonegit.").partition(".")
            other = rest.partition(".")[0]
            if top != room or not name.startswith("zonegit.") or other == inner:
                continue
            apart = {(room, inner), (room, other)} <= set(APART)
            if other not in order or order.index(other) < order.index(inner) or apart:
                wrong.append(f"{where(path, line)}: {inner} imports {name}")
    assert not wrong


def test_the_map_of_rooms_is_that_of_the_folders() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = text[text.index("## Rooms within rooms") :].split("\n\n")[2]
    folders = {str(path.parent.relative_to(PACKAGE)) for room in INNER for path in (PACKAGE / room).rglob("*.py")}
    assert set(re.findall(r"^\| `([\w/]+)/` ", rows, re.MULTILINE)) == folders
