"""Signing with a key that has a passphrase, by the installed command: where it may be asked for, and where not."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from daemonkit import PATIENCE

ZONEGIT: Final = Path(sys.executable).parent / "zonegit"
PASSPHRASE: Final = "correct horse"
SET: Final = ("set", "www", "A", "60", "192.0.2.9", "-S")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Without an agent and a display, so that only the terminal is left to ask at."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "ZONEGIT_REPO": str(tmp_path / "repo"), "ZONEGIT_AUTHOR": "Ada <ada@example.org>"}


@pytest.fixture
def zonegit(environment: dict[str, str], needs_program: Callable[[str], str], tmp_path: Path) -> Run:
    """`zonegit("set", …)` without a terminal, in a repository whose signing key has a passphrase."""

    def run(*argv: str | Path, **more: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [ZONEGIT, *argv],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            start_new_session=True,  # which has no terminal
            check=False,
            **more,  # type: ignore[call-overload]  # `input` or `stdin`
        )

    key = tmp_path / "key"
    subprocess.run(
        [needs_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", PASSPHRASE, "-f", str(key)], check=True
    )
    for argv in (("init", "example.org"), ("config", "user.signingkey", key)):
        assert run(*argv, stdin=subprocess.DEVNULL).returncode == 0
    return run


def refused(done: "subprocess.CompletedProcess[str]") -> None:
    assert (done.returncode, done.stdout) == (7, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("zonegit: ")
    assert "key: ssh-keygen did not sign: the passphrase is wrong, or can't be asked for here; 'ssh-add " in line


def test_without_a_terminal_nothing_is_asked_and_nothing_written(zonegit: Run) -> None:
    before = zonegit("log", "--json").stdout
    refused(zonegit(*SET, stdin=subprocess.DEVNULL))
    refused(zonegit(*SET, input=f"{PASSPHRASE}\n"))
    refused(zonegit("batch", "-", "-S", input="set www A 60 192.0.2.9\n"))
    silent, kept_open = os.pipe()
    try:
        refused(zonegit(*SET, stdin=silent))
    finally:
        os.close(silent)
        os.close(kept_open)
    assert zonegit("log", "--json").stdout == before
    assert zonegit(*SET[:-1]).returncode == 0, "without -S"


@pytest.mark.parametrize("line", ["zonegit set www A 60 192.0.2.9 -S", "zonegit batch - -S < steps"])
def test_at_a_terminal_the_passphrase_is_asked_for(
    zonegit: Run, environment: dict[str, str], needs_program: Callable[[str], str], tmp_path: Path, line: str
) -> None:
    """Also where standard input is something else."""
    (tmp_path / "steps").write_text("set www A 60 192.0.2.9\n")
    path = f"{ZONEGIT.parent}{os.pathsep}{environment['PATH']}"
    terminal, following = pty.openpty()
    with subprocess.Popen(
        [needs_program("setsid"), "--ctty", "--wait", "sh", "-c", line],
        cwd=tmp_path,
        env={**environment, "PATH": path},
        stdin=following,
        stdout=following,
        stderr=following,
    ) as process:
        os.close(following)
        shown = read_until(terminal, b"passphrase")
        os.write(terminal, PASSPHRASE.encode() + b"\n")
        shown += read_until(terminal, None)
        assert process.wait(PATIENCE) == 0, shown
    os.close(terminal)
    assert '"unknown-key"' in zonegit("show", "--json").stdout


def read_until(terminal: int, text: bytes | None) -> bytes:
    """What comes to a terminal up to this text; None: until all that use it have ended."""
    shown = b""
    while text is None or text not in shown:
        assert select.select([terminal], [], [], PATIENCE)[0], shown
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            assert text is None, shown
            break
    return shown
