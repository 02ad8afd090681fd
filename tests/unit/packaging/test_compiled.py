"""Compiled modules: their list, and that they fail as their sources do. `make fast` runs this on them, too."""

import ast
import importlib
import importlib.util
import os
import subprocess
import sys
import traceback
from pathlib import Path
from types import ModuleType

import pytest

from zonegit.errors import InvalidName
from zonegit.model import names

TOP = Path(__file__).resolve().parents[3]
COMPILED = not str(names.__file__).endswith(".py")


@pytest.fixture(scope="module")
def compiling() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compiling", TOP / "packaging" / "compiling.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_module_of_the_list_exists(compiling: ModuleType) -> None:
    assert [path for path in compiling.compiled_modules() if not (compiling.PACKAGE / path).is_file()] == []


def test_the_list_is_sorted_and_names_a_module_once(compiling: ModuleType) -> None:
    listed = compiling.compiled_modules()
    assert listed == sorted(set(listed))


def test_nothing_compiled_lies_beside_the_sources(compiling: ModuleType) -> None:
    """There it would be imported although the source beside it is newer."""
    assert list(compiling.PACKAGE.rglob("*.so")) == []


def test_all_of_the_list_is_compiled_where_it_is_asked_for(compiling: ModuleType) -> None:
    assert bool(os.environ.get(compiling.WANTED)) == COMPILED
    for path in compiling.compiled_modules():
        module = importlib.import_module("zonegit." + path.removesuffix(".py").replace("/", "."))
        assert str(module.__file__).endswith(".so" if COMPILED else ".py"), module
        assert (Path(str(module.__file__)).parent / Path(path).name).exists(), "its source"


def test_one_name_stands_for_errors_of_one_type_in_a_function(compiling: ModuleType) -> None:
    """For mypyc a name has the type that it had first: catching another one under it is a TypeError."""
    found = []
    for path in compiling.compiled_modules():
        for function in ast.walk(ast.parse((compiling.PACKAGE / path).read_text())):
            types: dict[str, set[str]] = {}
            for handler in ast.walk(function) if isinstance(function, ast.FunctionDef) else ():
                if isinstance(handler, ast.ExceptHandler) and handler.name and handler.type:
                    types.setdefault(handler.name, set()).add(ast.unparse(handler.type))
            found += [f"{path}: {caught}" for caught in types.values() if len(caught) > 1]
    assert found == []


def test_a_traceback_leads_to_the_line_of_the_source() -> None:
    with pytest.raises(InvalidName, match="holds an empty label") as raised:
        names.from_text("a..b")
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert last.filename.endswith("zonegit/model/names.py")
    assert last.name == "_label"
    assert last.lineno is not None
    line = Path(str(names.__file__)).with_name("names.py").read_text().splitlines()[last.lineno - 1]
    assert line.strip().startswith("raise InvalidName(")
    assert "holds an empty label" in line


_INTERRUPTED = """
import signal
from zonegit.model.rrset import RRset
from zonegit.model.names import join
from zonegit.model.zone import Shape
from zonegit.tree.build import build

def ring(*_):
    raise InterruptedError

def entry(number):
    rrset = RRset.of(join([b"%06d" % number]), 16, 60, [bytes(350)])
    return rrset.key, rrset.encode()

entries = [entry(number) for number in range(2000)]
signal.signal(signal.SIGALRM, ring)
interrupted = 0
for count in range(200):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005 + count / 100_000)
        while True:
            build(Shape(bytes(16)), entries)
    except InterruptedError:
        interrupted += 1
print(interrupted)
"""


def test_the_exception_of_a_signal_handler_leaves_the_building_of_a_tree() -> None:
    """As Ctrl-C's does. mypyc ends the program where it meets one in the product of two long ints."""
    done = subprocess.run((sys.executable, "-c", _INTERRUPTED), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "200\n", "")


def test_without_a_compiler_one_line_says_what_is_missing() -> None:
    program = (sys.executable, TOP / "packaging" / "fast.py")
    done = subprocess.run(program, env={"PATH": "/nowhere"}, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "needs a C compiler" in done.stderr
