"""`make audit`: findings and gaps are failures, each with a line that says which."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).resolve().parents[3] / "packaging" / "audit.py"
GOOD = {"name": "h11", "version": "0.16.0", "vulns": []}
BAD = {"name": "h11", "version": "0.14.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["0.16.0"]}]}
UNKNOWN = {"name": "h11", "skip_reason": "not found"}


def run(place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, AUDIT, "some.lock"), env={"PATH": str(place)}, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("said", "code", "told"),
    [
        (json.dumps({"dependencies": [GOOD]}), 0, "some.lock: no known vulnerability in 1 packages"),
        (json.dumps({"dependencies": [BAD]}), 1, "h11 0.14.0: PYSEC-1, fixed in 0.16.0"),
        (json.dumps({"dependencies": [GOOD, UNKNOWN]}), 1, "lacks advisories on some.lock: none came for h11"),
        ("", 1, "lacks an answer of pip-audit on some.lock: no network"),
    ],
)
def test_it_says_what_pip_audit_said(tmp_path, said, code, told) -> None:
    program = tmp_path / "pip-audit"
    (tmp_path / "said").write_text(said)
    program.write_text(f"#!/bin/sh\n/bin/cat '{tmp_path}/said'\necho 'no network' >&2\n")
    program.chmod(0o755)
    done = run(tmp_path)
    assert done.returncode == code
    assert told in done.stdout + done.stderr


def test_without_pip_audit_it_says_so(tmp_path) -> None:
    done = run(tmp_path)
    assert done.returncode == 1
    assert "lacks pip-audit" in done.stderr
