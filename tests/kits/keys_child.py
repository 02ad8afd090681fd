"""Works on a key directory as another process: `keys_child.py ROOT COMMAND [STEP]`.

`generate` and `state` end at the STEPth system call that changes or syncs a file, before it is made; a write
stores half of its bytes first. Without a STEP they print how many such calls were made. `hold` takes the lock, says
so, and keeps it until its standard input ends.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.rollover.values import Role
from zonegit.repo.dnssec.key_directory import KeyDirectory

ZONE = "example.org."
STEPS = ("mkdir", "write", "fsync", "link", "rename", "unlink")


class Ending:
    """Ends the process at one of the calls, as a loss of power would."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.made = 0
        for name in STEPS:
            setattr(os, name, self._ending(name, getattr(os, name)))

    def _ending(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def ending(*args: Any, **named: Any) -> Any:
            self.made += 1
            if self.made == self.step:
                if name == "write":
                    call(args[0], args[1][: len(args[1]) // 2])
                os._exit(9)
            return call(*args, **named)

        return ending


def main(root: str, command: str, step: str = "0") -> None:
    keys = KeyDirectory(Path(root)).zone(ZONE)
    if command == "hold":
        with keys.locked():
            print("held", flush=True)
            sys.stdin.read()
        return
    ending = Ending(int(step))
    if command == "generate":
        keys.generate(Role.ZSK, Algorithm.ED25519, 1_000_000_000)
    else:
        keys.write_state(b"new" * 1000)
    print(ending.made)


if __name__ == "__main__":
    main(*sys.argv[1:])
