"""`make demo` walks the tour with real processes and checks every answer itself."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_tour_ends_with_every_answer_as_expected(needs_program: Callable[[str], str]) -> None:
    needs_program("dig")
    command = [sys.executable, str(ROOT / "examples" / "demo.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "every answer as expected" in done.stdout
