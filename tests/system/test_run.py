"""`make run` serves the examples or a zone file, says what to try, ends with Ctrl-C, goes on from what is there."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import pytest

from daemonkit import PATIENCE, ask, environment, rcode, until
from peerkit import free_ports

ROOT = Path(__file__).resolve().parents[2]
SOA, TXT = 6, 16
ZONE = "@ 300 IN SOA ns1 hostmaster 7 7200 900 1209600 300\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n"


class Checkout:
    """A checkout of its own, with free ports in the place of the known ones."""

    def __init__(self, top: Path) -> None:
        self.top = top
        known = ("5300", "5301", "9353", "9354", "9363")
        self.port = dict(zip(known, free_ports(len(known)), strict=True))
        shutil.copytree(ROOT / "examples", top / "examples", ignore=shutil.ignore_patterns("__pycache__"))
        (top / ".venv").mkdir()
        (top / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
        script = top / "examples" / "run.py"
        script.write_text(re.sub(r":(\d{4})\b", lambda match: f":{self.port[match[1]]}", script.read_text()))

    def call(self, *arguments: str | Path) -> list[str | Path]:
        return [self.top / ".venv" / "bin" / "python", self.top / "examples" / "run.py", *arguments]

    @contextmanager
    def running(self, *arguments: str | Path, end: signal.Signals = signal.SIGINT) -> Iterator[str]:
        """What it tells once it serves. It is ended as by Ctrl-C, or by a terminal that is closed: all are told."""
        process = subprocess.Popen(
            self.call(*arguments), stdout=subprocess.PIPE, text=True, env=environment(), start_new_session=True
        )
        watch = threading.Timer(2 * PATIENCE, process.kill)
        watch.start()
        try:
            assert process.stdout is not None
            yield "".join(takewhile(lambda line: line != "Ctrl-C ends both.\n", process.stdout))
            os.killpg(process.pid, end)
            assert process.wait(PATIENCE) == 0
            with pytest.raises(ProcessLookupError):
                os.killpg(process.pid, 0)  # nobody is left
        finally:
            watch.cancel()
            process.terminate()
            process.wait(PATIENCE)
            process.stdout.close()

    def secondary_has(self, name: str, qtype: int) -> None:
        until(lambda: not rcode(ask(self.port["5301"], name, qtype, tries=3)), f"{name} at the secondary")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def commands(told: str) -> list[list[str]]:
    return [shlex.split(line, comments=True) for line in told.splitlines() if line.startswith("  ")]


def test_the_examples_twice(checkout: Checkout) -> None:
    with checkout.running() as told:
        tried = commands(told)
        assert [words[0].rpartition("/")[2] for words in tried] == ["dig", "zonegit", "dig", "zonegit", "zonegit"]
        assert tried[0][1:] == ["@127.0.0.1", "-p", str(checkout.port["5300"]), "example.org.", "SOA"]
        for zone in ("example.org", "2.0.192.in-addr.arpa", "tld.example"):
            assert rcode(ask(checkout.port["5300"], zone, SOA, tries=3)) == 0
            checkout.secondary_has(zone, SOA)
        printed = [
            subprocess.run(words, cwd=checkout.top, env=environment(), capture_output=True, text=True, check=True)
            for words in tried
            if words[0] != "dig"
        ]
        assert "hello, world" in printed[0].stdout
        assert "set hello.example.org. TXT" in printed[1].stdout
        assert "primary-1" in printed[2].stdout
        assert tried[2][1:] == ["@127.0.0.1", "-p", str(checkout.port["5301"]), "hello.example.org.", "TXT"]
        checkout.secondary_has("hello.example.org", TXT)
    with checkout.running(end=signal.SIGHUP):
        checkout.secondary_has("hello.example.org", TXT)


def test_a_zone_file_and_what_is_none(checkout: Checkout, tmp_path: Path) -> None:
    good = tmp_path / "it's mine.zone"
    good.write_text(f"$ORIGIN first.example.\n{ZONE}")
    with checkout.running("--zone-file", good) as told:
        assert commands(told)[0][4] == "first.example."
        checkout.secondary_has("first.example", SOA)
    other = tmp_path / "other.zone"
    other.write_text(f"$ORIGIN second.example.\n{ZONE}")
    for _ in range(2):  # the second time there is nothing to commit
        with checkout.running("--zone-file", other) as told:
            assert commands(told)[0][4] == "second.example."
            checkout.secondary_has("first.example", SOA)
    zonegit = checkout.top / ".venv" / "bin" / "zonegit"
    change = (zonegit, "-C", checkout.top / "var" / "primary", "--zone", "second.example.", "set", "www", "A", "5")
    subprocess.run((*change, "192.0.2.2"), env=environment(), capture_output=True, check=True)
    other.write_text(other.read_text().replace("192.0.2.1", "192.0.2.3"))
    with checkout.running("--zone-file", other) as told:
        assert commands(told)[0][4] == "second.example."
        checkout.secondary_has("www.second.example", 1)
    (tmp_path / "letter").write_text("$ORIGIN letter.example.\nDear Sir,\n")
    (tmp_path / "nameless").write_text(ZONE)
    for path, said in (
        (tmp_path / "nowhere", "No such file"),
        (tmp_path / "letter", "letter:2: "),
        (tmp_path / "nameless", "make run ZONE=FILE ORIGIN=example.org"),
    ):
        done = subprocess.run(
            checkout.call("--zone-file", path), env=environment(), capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode != 0
        assert done.stderr.startswith("zonegit: ")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_zone_file_without_its_name(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "db").write_text(ZONE)
    with checkout.running("--zone-file", tmp_path / "db", "--origin", "third.example") as told:
        assert commands(told)[0][4] == "third.example."
        checkout.secondary_has("ns1.third.example", 1)
    done = subprocess.run(checkout.call("--origin", "x"), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "make run ZONE=FILE ORIGIN=" in done.stderr


def test_make_hands_on_any_name_of_a_file(tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    python.chmod(0o755)
    name = 'it\'s "a" zone; true'
    call = (
        needs_program("make"),
        "-C",
        ROOT,
        "-o",
        ".venv/.ready",
        "run",
        f"BIN={tmp_path}",
        f"ZONE={name}",
        "ORIGIN=a'b.c",
    )
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    done = subprocess.run(call, env=env, capture_output=True, text=True, check=True)
    assert f"examples/run.py\n--zone-file\n{name}\n--origin\na'b.c\n" in done.stdout
