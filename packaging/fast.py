"""Build zonegit with its hottest modules compiled by mypyc, into build/fast. Needs a C compiler.

An option for servers that answer many different names; the package and its tests don't need it. To use it, set
`PYTHONPATH=build/fast`, which comes before the installed package. The sources beside the compiled modules are those
that they were made from.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[1]
BUILT: Final = CHECKOUT / "build" / "fast"
PACKAGE: Final = CHECKOUT / "appliance" / "zonegit"
LIST: Final = CHECKOUT / "packaging" / "compiled.txt"
_SHOW: Final = "import importlib, sys; [print(importlib.import_module(name).__file__) for name in sys.argv[1:]]"


def compiled_modules() -> list[str]:
    """The modules of the list, as paths below zonegit/."""
    lines = (line.partition("#")[0].strip() for line in LIST.read_text().splitlines())
    return [line for line in lines if line]


def main() -> int:
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if shutil.which(os.environ.get("CC", "gcc")) is None or not header.exists():
        print(
            "make fast needs a C compiler (gcc, or say CC=...) and Python's headers: apt install gcc python3-dev",
            file=sys.stderr,
        )
        return 1
    shutil.rmtree(BUILT, ignore_errors=True)
    shutil.copytree(PACKAGE, BUILT / "zonegit", ignore=shutil.ignore_patterns("__pycache__"))
    mypyc = Path(sys.executable).with_name("mypyc")
    paths = [Path("zonegit") / module for module in compiled_modules()]
    done = subprocess.run(
        [mypyc, "--strict", "--config-file", CHECKOUT / "pyproject.toml", *paths],
        cwd=BUILT,
        env={**os.environ, "MYPYPATH": str(BUILT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout[-4000:], file=sys.stderr)
        return 1
    shutil.rmtree(BUILT / "build")
    names = [".".join(path.with_suffix("").parts) for path in paths]
    shown = subprocess.run(
        [sys.executable, "-c", _SHOW, *names],
        env={**os.environ, "PYTHONPATH": str(BUILT)},
        capture_output=True,
        text=True,
        check=True,
    )
    for path in shown.stdout.split():
        if not path.startswith(str(BUILT)) or not path.endswith(".so"):
            print(f"{path} is used instead of a compiled module", file=sys.stderr)
            return 1
    print(f"compiled {len(names)} modules: PYTHONPATH={BUILT.relative_to(CHECKOUT)} zonegitd ... uses them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
