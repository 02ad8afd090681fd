"""Build zonegit with its hottest modules compiled by mypyc, into build/fast. Needs a C compiler.

For servers that run from a checkout: `PYTHONPATH=build/fast` comes before the installed package. The directory is
made anew each time, so beside the compiled modules are the sources that they were made from.
"""

import compileall
import os
import shutil
import subprocess
import sys
from typing import Final

from compiling import CHECKOUT, PACKAGE, compile_modules, compiled_modules, lacking

BUILT: Final = CHECKOUT / "build" / "fast"
_SHOW: Final = "import importlib, sys; [print(importlib.import_module(name).__file__) for name in sys.argv[1:]]"


def main() -> int:
    if lacks := lacking():
        print(f"make fast needs {lacks}", file=sys.stderr)
        return 1
    shutil.rmtree(BUILT, ignore_errors=True)
    compile_modules(BUILT)
    shutil.copytree(PACKAGE, BUILT / "zonegit", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    compileall.compile_dir(BUILT / "zonegit", quiet=1)
    names = ["zonegit." + path.removesuffix(".py").replace("/", ".") for path in compiled_modules()]
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
