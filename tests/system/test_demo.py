"""`make demo` walks the tour with real processes and checks every answer itself."""

import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_tour_ends_with_every_answer_as_expected() -> None:
    """Also without dig and curl, as on the machine of `make test-minimal`."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py")],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert ("examples/dig.py stands in" in done.stdout) == (shutil.which("dig") is None)
    assert "every answer as expected" in done.stdout


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
