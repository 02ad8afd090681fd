"""Asks the kernel to run a thread as soon as it wakes, even where others keep the processor busy.

From Linux 6.12 on, a thread that wakes may interrupt another that has a longer time slice. Its share of the
processor stays the same, so this needs no privilege (sched_setattr(2)). Older kernels ignore the length.
"""

import ctypes
import os
import struct
from typing import Final

SHORTEST: Final = 100_000
"""The shortest slice that the kernel grants, in nanoseconds. Its default is 0.7 to 3 ms."""

_SCHED_SETATTR: Final = {
    "x86_64": 314,
    "aarch64": 274,
    "riscv64": 274,
    "loongarch64": 274,
    "ppc64le": 355,
    "s390x": 345,
}
"""The numbers of the call for 64-bit programs: glibc has no function for it before 2.41."""
_ATTRIBUTES: Final = struct.Struct("=IIQiIQQQ")
"""struct sched_attr: size, policy, flags, nice value, priority, runtime, deadline, period."""
_KEEP_POLICY: Final = 0x08


def ask_for_short_slices() -> bool:
    """Ask for the calling thread and all threads that it starts later; whether the kernel accepts the request.

    Policy and nice value stay as they are. A real-time policy has no slices, so there the request is refused.
    """
    number = _SCHED_SETATTR.get(os.uname().machine)
    if number is None or ctypes.sizeof(ctypes.c_long) != 8:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, 0, _KEEP_POLICY, nice, 0, SHORTEST, 0, 0)
    try:
        syscall = ctypes.CDLL(None).syscall
    except (OSError, AttributeError):
        return False
    syscall.restype = ctypes.c_long
    return bool(syscall(ctypes.c_long(number), ctypes.c_long(0), attributes, ctypes.c_long(0)) == 0)
