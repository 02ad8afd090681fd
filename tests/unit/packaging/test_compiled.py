"""The list of modules that are compiled: each exists, once, in order."""

import importlib.util
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]


def compiled_modules() -> list[str]:
    spec = importlib.util.spec_from_file_location("fast", TOP / "packaging" / "fast.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    listed: list[str] = module.compiled_modules()
    return listed


def test_every_module_of_the_list_exists() -> None:
    package = TOP / "appliance" / "zonegit"
    assert [path for path in compiled_modules() if not (package / path).is_file()] == []


def test_the_list_is_sorted_and_names_a_module_once() -> None:
    listed = compiled_modules()
    assert listed == sorted(set(listed))
