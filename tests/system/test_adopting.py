"""docs/adopting.md: the configurations that it shows are valid, for zonegitd and for the other servers.

The set-ups of programs are run by test_acme_clients, test_dhcp_servers, test_octodns and test_update_tools.
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from adoptkit import PAGE
from daemonkit import DEADLINE
from pagekit import FENCE
from zonegit.ops.config_file import read_file

BLOCKS = [(block[1], block[2]) for block in FENCE.finditer(PAGE.read_text())]
SECRET = "c2VjcmV0IG9mIHRoZSBwYWdlLCAzMiBieXRlcyBsb25n"
CHECKS = {
    "named.conf": ("named-checkconf", "{}"),
    "knot.conf": ("knotc", "--config", "{}", "conf-check"),
    "nsd.conf": ("nsd-checkconf", "{}"),
}
"""The program that reads a file, and its arguments."""


def texts(kind: str) -> list[str]:
    """The blocks whose language or file this is."""
    return [text for language, text in BLOCKS if kind in language.split()]


@pytest.mark.parametrize("table", texts("toml"))
def test_zonegitd_takes_every_table(table: str, tmp_path: Path) -> None:
    (tmp_path / "zonegitd.toml").write_text(table)
    read_file(tmp_path / "zonegitd.toml")


def test_json_is_json() -> None:
    for text in texts("json"):
        json.loads(text if text.startswith("{") else f"{{{text}}}")


@pytest.mark.parametrize("name", CHECKS)
def test_other_servers_take_their_files(name: str, tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    program, *arguments = CHECKS[name]
    found = texts(name)
    assert found
    for text in found:
        file = tmp_path / name
        file.write_text(text.replace("SECRET", SECRET))
        command = [needs_program(program), *(each.format(file) for each in arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
