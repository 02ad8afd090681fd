"""`make demo` walks the tour with real processes and checks every answer itself."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Final

import pytest

from daemonkit import Daemon
from zonegit.model.rdata import A
from zonegit.repo import Repository

ROOT: Final = Path(__file__).resolve().parents[2]
EXAMPLES: Final = ROOT / "examples"
SERVERS_PATH: Final = f"{os.environ['PATH']}:/usr/sbin"
STEPS: Final = (
    *("Build", "Init", "Import", "Serve", "Dig", "Edit", "Dig again", "Serial", "Log, diff, blame"),
    *("Branch", "Merge", "Revert", "Reset", "Time travel", "Canary by client subnet", "AXFR", "A gate"),
    *("Propose, review, approve", "Reject"),
    *("Several zones", "IXFR", "Sign", "Validate", "Replace a key", "Metrics", "A fresh secondary"),
)
"""What the tour shows at least, in this order; the last one is its end."""


@pytest.mark.timeout(500)
def test_the_tour_ends_with_every_answer_as_expected() -> None:
    """Also without dig and curl, as on the machine of `make test-minimal`."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "demo.py")], capture_output=True, text=True, timeout=480, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert ("examples/dig.py stands in" in done.stdout) == (shutil.which("dig") is None)
    assert "every answer as expected" in done.stdout
    titles = re.findall(r"^## \d+\. (.+)$", done.stdout, re.MULTILINE)
    assert [title for title in titles if title in STEPS] == list(STEPS) and titles[-1] == STEPS[-1]
    assert ("skipped: delv" in done.stdout) == (shutil.which("delv") is None)
    assert "skipped: named" not in done.stdout or shutil.which("named", path=SERVERS_PATH) is None
    *_, took = re.findall(r"the secondary answered it ([\d.]+) s after the commit", done.stdout)
    assert float(took) <= 2


def test_a_tour_that_is_terminated_leaves_nothing_behind() -> None:
    command = [sys.executable, "-u", str(EXAMPLES / "demo.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        before = list(takewhile(lambda line: not line.startswith("## 5. "), process.stdout))
        process.terminate()
        assert process.stdout.read().endswith("demo: interrupted\n")
    (home,) = re.findall(r" run in (\S+),", before[0])
    (port,) = re.findall(r'^\[dns\]\nlisten = "127\.0\.0\.1:(\d+)"', "".join(before), re.MULTILINE)
    assert not Path(home).exists()
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", int(port)))


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ('run("echo 192.0.2.1", "^203")', "`echo 192.0.2.1` did not print '^203'"),
        ('run("echo 192.0.2.1", unexpected="192")', "`echo 192.0.2.1` printed '192'"),
        ('run("echo 192.0.2.1; false")', "exited with 1 instead of 0"),
        ('soon("echo 192.0.2.1", "^203", seconds=0.1)', "did not print ('^203',) within 0.1 s"),
        ('start("broken", "false")', "demo: broken did not start"),
    ],
)
def test_an_unexpected_answer_ends_the_tour(tmp_path: Path, call: str, complaint: str) -> None:
    done = walk(tmp_path, call)
    assert done.returncode == 1 and done.stderr.endswith(f"{complaint}\n"), done.stdout + done.stderr


def test_the_logs_of_servers_are_shown_if_the_tour_fails(tmp_path: Path) -> None:
    done = walk(tmp_path, """start("broken", "echo 'no zones' >&2")""")
    assert "The last lines of broken.log:\n  no zones\n" in done.stdout


def test_what_needs_a_missing_program_is_named(tmp_path: Path) -> None:
    done = walk(tmp_path, 'has("no-such-program")')
    assert done.returncode == 0 and "skipped: no-such-program is not installed\n" in done.stdout


def walk(home: Path, call: str) -> "subprocess.CompletedProcess[str]":
    """A tour of one call."""
    script = f'from pathlib import Path; from tour import Tour\nwith Tour(Path("{home}")) as tour: tour.{call}'
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "words",
    [
        ("example.org", "AXFR"),
        ("example.org", "IXFR={first}"),
        ("+short", "www.example.org", "A"),
        ("+noall", "+answer", "www.example.org", "A"),
        ("-b", "127.0.0.53", "+subnet=192.0.2.0/24", "www.example.org", "A"),
        ("+short", "-x", "192.0.2.1"),
    ],
)
def test_the_stand_in_answers_as_dig_does(
    repo: Path,
    start: Callable[..., Daemon],
    tmp_path: Path,
    needs_program: Callable[[str], str],
    words: tuple[str, ...],
) -> None:
    with Repository.open(repo) as repository:
        first = repository.resolve("main").commit.serial
        repository.set("www", A, 60, [bytes([192, 0, 2, 1])])
    config = tmp_path / "zonegitd.toml"
    rule = """{ when = 'client.subnet in ["192.0.2.0/24"]', branch = "main" }"""
    config.write_text(f'[dns]\necs_trusted = ["127.0.0.53"]\n[zone."example.org"]\nroutes = [{rule}]\n')
    port = str(start(repo, "--config", config).port())
    call = ("@127.0.0.1", "-p", port, *(word.format(first=first) for word in words))

    def answer(*program: str | Path) -> list[str]:
        done = subprocess.run((*program, *call), capture_output=True, text=True, timeout=60, check=True)
        lines = (" ".join(line.split()) for line in done.stdout.splitlines())
        return sorted(line for line in lines if line.startswith("; CLIENT") or line[:1] not in (";", ""))

    assert answer(sys.executable, EXAMPLES / "dig.py") == answer(needs_program("dig"))


def test_the_stand_in_tells_of_a_server_that_hangs_up() -> None:
    def hang_up() -> None:
        with server.accept()[0] as sock:
            sock.recv(512)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        done = subprocess.run(
            [
                sys.executable,
                EXAMPLES / "dig.py",
                "@127.0.0.1",
                "-p",
                str(server.getsockname()[1]),
                ".",
                "AXFR",
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        thread.join(60)
    assert (done.returncode, done.stderr) == (9, "")
    assert done.stdout.startswith(";; 127.0.0.1#")


def test_the_readme_has_the_corefile_of_the_tour() -> None:
    script = "import demo_transfer; print(demo_transfer.COREFILE.format(port=53, primary=53))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, timeout=60, check=True)
    shown = re.search(r"^example\.org:53 \{\n.*?^\}\n", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert shown is not None
    assert re.sub(r"192\.0\.2\.\d+", "127.0.0.1", shown[0]) == done.stdout.strip() + "\n"
