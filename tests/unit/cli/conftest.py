"""Runs the command in this process, on a repository of the test's own."""

import io
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from servekit import Served
from synckit import PEER
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.cli.main import main

ZONE = """\
$ORIGIN example.org.
$TTL 3600
@       IN SOA  ns1 hostmaster 2026112001 7200 900 1209600 300
        IN NS   ns1
        IN MX   10 mail
ns1     IN A    192.0.2.53
mail    IN A    192.0.2.25
www     300 IN A 192.0.2.1
"""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("set", "www", …)` is the command's exit code, stdout and stderr; `stdin` gives it bytes to read."""
    monkeypatch.setenv("ZONEGIT_REPO", str(tmp_path / "repo"))
    monkeypatch.setenv("ZONEGIT_AUTHOR", "Ada <ada@example.org>")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def call(*argv: str | Path, stdin: bytes | None = None) -> Result:
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code = main([str(word) for word in argv])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def zone_file(tmp_path: Path) -> Path:
    path = tmp_path / "example.org.zone"
    path.write_text(ZONE)
    return path


@pytest.fixture
def zone(run: Run, zone_file: Path) -> Run:
    """`run`, on a repository into which the zone file was imported."""
    assert run("init").code == 0
    assert run("import", zone_file).code == 0
    return run


def refused(result: Result, code: int, *words: str) -> None:
    """The one line of an error, with these words in it, and nothing on stdout."""
    assert result.code == code, result
    assert result.out == ""
    assert result.err.startswith("zonegit: ")
    assert result.err.count("\n") == 1
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.err


@pytest.fixture(name="refused")
def refused_fixture() -> Callable[..., None]:
    return refused


@pytest.fixture
def go_back(run: Run) -> Callable[[Result], Result]:
    """Runs the command that a verb printed as the way back."""

    def call(result: Result) -> Result:
        (command,) = (line for line in result.err.splitlines() if line.startswith("to undo: "))
        program, *argv = shlex.split(command.removeprefix("to undo: "))
        assert program == "zonegit"
        return run(*argv)

    return call


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    new_key(tmp_path / "keys", "k1", (parse_scope("read:*"), parse_scope("push:*")), time.time, os.urandom)
    return tmp_path / "keys"


@pytest.fixture
def server(zone: Run, tmp_path: Path, keys: Path) -> Iterator[Served]:
    """The repository with example.org, moved away to be a peer of the one that `run` works on."""
    shutil.move(tmp_path / "repo", tmp_path / "peer")
    served = Served(tmp_path / "peer", keys)
    yield served
    served.stop()


@pytest.fixture
def clone(run: Run, server: Served, keys: Path, tmp_path: Path) -> Run:
    done = run("clone", server.url, tmp_path / "repo", "--name", PEER, "--keys", keys)
    assert done.code == 0, done
    return run
