"""How long a time slice the kernel gives to threads."""

import re

import pytest


def slices(sched: str) -> set[int]:
    """In nanoseconds, as files /proc/PID/sched say. Skips the test where they don't: before Linux 6.12."""
    found = set(map(int, re.findall(r"^se\.slice +: +(\d+)$", sched, re.MULTILINE)))
    if not found:
        pytest.skip("needs a kernel that says how long a thread's time slice is")
    return found
