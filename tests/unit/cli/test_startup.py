"""Start-up is felt at every call, so nothing dear is imported before a verb needs it."""

import subprocess
import sys

import pytest

DEAR = ("dns", "lmdb", "httpx", "hypercorn", "cryptography", "prometheus_client", "asyncio", "blake3")
CHEAP_MODULES = 110
"""What `zonegit version` may have in sys.modules; bare Python with argparse has about 80."""

PROBE = """
import sys
from zonegit.cli.main import main
code = main({argv!r})
print(code, len(sys.modules), *sorted(set(name.partition('.')[0] for name in sys.modules)), file=sys.stderr)
"""


def imported(argv):
    """Exit code, number of modules and their top names after a run of the command in a fresh interpreter."""
    command = [sys.executable, "-c", PROBE.format(argv=argv)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    code, count, *names = done.stderr.splitlines()[-1].split()
    return int(code), int(count), set(names)


@pytest.mark.parametrize("argv", [["version"], ["--help"], ["--version"]])
def test_starting_imports_little(argv) -> None:
    code, count, names = imported(argv)
    assert code == 0
    assert not names & set(DEAR)
    assert count <= CHEAP_MODULES


@pytest.mark.parametrize("verb", ["set", "import", "log", "fsck", "zone list", "key new", "branch"])
def test_making_a_parser_imports_nothing_dear(verb) -> None:
    code, _, names = imported([*verb.split(), "--help"])
    assert code == 0
    assert not names & set(DEAR) - {"blake3"}  # object ids are values; hashing is a part of them
