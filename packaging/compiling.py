"""How zonegit's hot modules are compiled with mypyc: for `make fast`, and into wheels, thereby into the package.

All modules of compiled.txt become one group, so that they call each other without going through Python: a library,
`zonegit__mypyc`, and for each module a small one that leads to it and that Python imports instead of the source
beside it. The file names in them are relative to the package's parent: nothing of this machine but its compiler,
Python and mypy decides about the bytes.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CHECKOUT: Final = Path(__file__).resolve().parents[1]
PACKAGE: Final = CHECKOUT / "appliance" / "zonegit"
LIST: Final = CHECKOUT / "packaging" / "compiled.txt"
WANTED: Final = "ZONEGIT_COMPILED"
"""Set in the environment of who builds a wheel, it asks for a compiled one."""

_COMPILE: Final = ("-O2", "-g0", "-fwrapv", "-fPIC", "-DNDEBUG", "-fvisibility=hidden", "-fstack-protector-strong")
_SLICE: Final = "slice_len = endn - startn;"
_MENDED_SLICE: Final = "slice_len = endn > startn ? endn - startn : 0;"
_LINK: Final = ("-shared", "-s", "-Wl,--build-id=none", "-Wl,-z,relro,-z,now")


def compiled_modules() -> list[str]:
    """The modules of the list, as paths below zonegit/."""
    lines = (line.partition("#")[0].strip() for line in LIST.read_text().splitlines())
    return [line for line in lines if line]


def lacking() -> str | None:
    """What this machine can't compile for want of, if anything."""
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if shutil.which(_compiler()) is None or not header.exists():
        return "a C compiler (gcc, or say CC=...) and Python's headers: apt install gcc python3-dev"
    return None


def compile_modules(into: Path) -> list[Path]:
    """Compile what is listed; returns the libraries, in `into` and below, named as they are to be imported.

    Raises SystemExit after errors of types, and CalledProcessError if the C compiler fails; both have printed why.
    """
    with TemporaryDirectory() as work, chdir(work):
        shutil.copytree(PACKAGE, "zonegit", ignore=shutil.ignore_patterns("__pycache__"))
        # For type checkers the front door imports everything. As one cycle of imports mypy can't infer all types.
        Path("zonegit", "__init__.pyi").write_text("__version__: str\n")
        extensions = _as_c([f"zonegit/{path}" for path in compiled_modules()])
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            compiling = [
                (extension, [pool.submit(_compile, extension, source) for source in extension.sources])
                for extension in extensions
            ]
            return [_link(extension, [each.result() for each in objects], into) for extension, objects in compiling]


def _as_c(paths: list[str]) -> list[Any]:
    """The extensions that make up the group, with the C files that mypyc wrote for them into build/."""
    from mypyc.build import mypycify

    options = ["--strict", f"--config-file={CHECKOUT / 'pyproject.toml'}", f"--cache-dir={os.devnull}"]
    os.environ["MYPYPATH"] = "."
    extensions = mypycify([*options, *paths], opt_level="2", debug_level="0", multi_file=True, group_name="zonegit")
    _mend_slices(Path("build", "bytes_ops.c"))
    return extensions


def _mend_slices(runtime: Path) -> None:
    """Have a slice of bytes that ends before it begins be empty, as in Python: mypyc's raises SystemError."""
    text = runtime.read_text()
    if _SLICE not in text:
        sys.exit("this mypyc slices bytes in another way: see whether data[2:1] is b'' when compiled")
    runtime.write_text(text.replace(_SLICE, _MENDED_SLICE))


def _compile(extension: Any, source: str) -> str:
    headers = [*extension.include_dirs, sysconfig.get_path("include")]
    made = f"{source}.o"
    _run(*_COMPILE, *(f"-I{place}" for place in headers), "-c", source, "-o", made)
    return made


def _link(extension: Any, objects: list[str], into: Path) -> Path:
    library = into / (extension.name.replace(".", "/") + sysconfig.get_config_var("EXT_SUFFIX"))
    library.parent.mkdir(parents=True, exist_ok=True)
    _run(*_LINK, *objects, "-o", str(library))
    return library


def _run(*arguments: str) -> None:
    subprocess.run((_compiler(), *arguments), check=True)


def _compiler() -> str:
    return os.environ.get("CC", "gcc")


class CompiledWheel(BuildHookInterface[Any]):
    """With ZONEGIT_COMPILED set, puts the libraries beside the sources, and the platform into the wheel's name."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return ["mypy[mypyc]"] if os.environ.get(WANTED) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not os.environ.get(WANTED) or version == "editable":
            return
        if lacks := lacking():
            sys.exit(f"{WANTED} needs {lacks}")
        self._built = TemporaryDirectory()
        top = Path(self._built.name)
        build_data["force_include"] |= {str(made): str(made.relative_to(top)) for made in compile_modules(top)}
        build_data |= {"pure_python": False, "infer_tag": True}

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "_built"):
            self._built.cleanup()
