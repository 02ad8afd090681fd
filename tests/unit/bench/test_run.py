"""The table of the page: read from JSON, written between the markers, the rest of the page left alone."""

import importlib.util
import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from figures import Figure, at_most
from processes import MeasuringFailed
from report import Machine, Report, Table, finish

BENCH = Path(__file__).resolve().parents[3] / "bench"
MACHINE = Machine("2026-11-21", "A Processor", 4, 16.0, "Linux 6.1", "CPython 3.11.2", 0.1, ("NSD 4.6.1",))


@pytest.fixture(scope="module")
def run() -> ModuleType:
    """`bench/run.py` under a name that nothing else has."""
    spec = importlib.util.spec_from_file_location("bench_run", BENCH / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_a_script_writes_is_read_back(
    run: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = (
        Figure("commit", 1.5, "ms", at_most(2), bound="program 90 %, kernel 10 %"),
        Figure("rate", 9.0, "q/s", None, {"NSD": 0.9}),
    )
    table = Table("Details", ("name", "n", "x"), [["a", 1000, 0.5]])
    args = Namespace(json=tmp_path / "new" / "x.json", names=20)
    finish(Report("x", figures, [table], ["kzonecheck is not installed"]), args)
    printed = capsys.readouterr().out
    assert "1,000" in printed
    assert "note: kzonecheck is not installed" in printed
    text = (tmp_path / "new" / "x.json").read_text()
    outcome = run.read_outcome("x", text)
    assert tuple(outcome.figures) == figures
    assert outcome.notes == ["kzonecheck is not installed"]
    assert json.loads(text)["options"] == {"names": 20}


def test_the_section_has_machine_table_and_notes(run: ModuleType) -> None:
    outcomes = [
        run.Outcome("commit", (Figure("commit", 2.5, "ms", at_most(2), bound="program 90 %"),), ("git left out",)),
        run.Outcome("udp", (), ("udp failed (exit code 1)",), failed=True),
    ]
    lines = run.section(MACHINE, "zonegit 0.1.0", outcomes).splitlines()
    assert "A Processor" in lines[0]
    assert "| commit | 2.50 ms | ≤ 2 ms |  | program 90 % | missed |" in lines
    assert lines[-2:] == ["- commit: git left out", "- udp: udp failed (exit code 1)"]
    bare = run.section(replace(MACHINE, versions=()), "zonegit 0.1.0", [])
    assert "Beside no peers." in bare


def test_only_what_stands_between_the_markers_is_replaced(run: ModuleType) -> None:
    page = (BENCH / "README.md").read_text()
    once = run.with_section(page, "1st run\n")
    twice = run.with_section(once, "2nd run\n")
    assert "1st run" not in twice
    assert twice.replace("2nd run", "1st run") == once
    assert once.split(run.BEGIN)[0] == page.split(run.BEGIN)[0]


def test_a_page_without_markers_is_left_alone(run: ModuleType) -> None:
    with pytest.raises(MeasuringFailed, match="markers"):
        run.with_section("# Benchmarks\n", "x")


@pytest.mark.parametrize("failing", [True, False])
def test_the_table_is_replaced_by_a_whole_run_only(
    run: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    failing: bool,
) -> None:
    def outcome(bench: str, *_: object) -> object:
        return run.Outcome(bench, (), ("told",), failed=failing and bench == "udp")

    page = f"{run.BEGIN}\nas it was\n{run.END}\n"
    (tmp_path / "README.md").write_text(page)
    monkeypatch.setattr(run, "HERE", tmp_path)
    monkeypatch.setattr(run, "run_script", outcome)
    monkeypatch.setattr("sys.argv", ["run.py"])
    assert run.main() == failing
    assert ((tmp_path / "README.md").read_text() == page) == failing
    assert ("stays as it is, for want of udp" in capsys.readouterr().out) == failing
