"""`make demo` walks the tour with real processes and checks every answer itself."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def walk(path: str) -> str:
    """The tour with these directories of programs: what it says at its end."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py")],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_the_tour_ends_with_every_answer_as_expected(needs_program: Callable[[str], str]) -> None:
    needs_program("dig")
    said = walk(os.environ["PATH"])
    assert "every answer as expected" in said
    assert "stands in" not in said


def test_the_tour_goes_without_dig_and_curl(tmp_path: Path) -> None:
    """dig and curl are not there; what the shell itself needs is."""
    for directory in ("/usr/bin", "/bin"):
        for program in Path(directory).iterdir():
            if program.name not in ("dig", "curl") and not (tmp_path / program.name).exists():
                (tmp_path / program.name).symlink_to(program)
    said = walk(str(tmp_path))
    assert "examples/dig.py stands in" in said
    assert "every answer as expected; left out for want of" in said


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
                ROOT / "examples" / "dig.py",
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
