"""What a process took for a moment it doesn't keep."""

import subprocess
import sys

import pytest

from zonegit.ops.memory import give_back_large_blocks

LEFT = 6
"""MiB that may stay of 16 MiB, which were taken twice; glibc as it comes keeps all of one."""
SCRIPT = """
from zonegit.ops.memory import give_back_large_blocks
give_back_large_blocks()
def held():
    text = open("/proc/self/smaps_rollup").read()
    return int(text.split("Pss_Anon:")[1].split()[0]) >> 10
before = held()
for _ in range(2):
    found = [b"x" * (16 << 20), [bytes(100) for _ in range(9)]]
    keep, found = found[1], None
print(held() - before)
"""


def test_large_blocks_are_given_back() -> None:
    if not give_back_large_blocks():
        pytest.skip("the C library isn't glibc")
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert int(done.stdout) <= LEFT


FRAGMENTS = """
from zonegit.ops.memory import give_back_free_memory
def held():
    text = open("/proc/self/smaps_rollup").read()
    return int(text.split("Pss_Anon:")[1].split()[0]) >> 10
before = held()
found = [bytes(2000) for _ in range(16_000)]
kept = found[::200]
del found
give_back_free_memory()
print(held() - before)
"""


def test_what_is_free_between_what_is_kept_is_given_back() -> None:
    if not give_back_large_blocks():
        pytest.skip("the C library isn't glibc")
    done = subprocess.run([sys.executable, "-c", FRAGMENTS], capture_output=True, text=True, check=True)
    assert int(done.stdout) <= LEFT
