"""`edit --retry` and plans after their branch was renamed or deleted, or their base was collected."""

from pathlib import Path

import pytest

from samekit import state


@pytest.fixture
def plan(zone, zone_file: Path, tmp_path: Path) -> Path:
    """A plan that moves www."""
    wanted = tmp_path / "wanted"
    wanted.write_text(zone_file.read_text().replace("192.0.2.1", "192.0.2.9"))
    path = tmp_path / "plan"
    assert zone("plan", wanted, "-o", path).code == 0
    return path


@pytest.fixture
def kept(zone, tmp_path: Path, monkeypatch) -> Path:
    """A text that moves www, kept by a dry run."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("EDITOR", "sed -i s/192.0.2.1$/192.0.2.9/")
    assert zone("edit", "--dry-run").code == 0
    (path,) = tmp_path.glob("zonegit-edit-*/*")
    return path


def test_a_plan_follows_a_renamed_branch(zone, plan, refused, tmp_path) -> None:
    assert zone("branch", "-m", "main", "between").code == 0
    assert zone("branch", "-m", "between", "trunk").code == 0
    before = state(tmp_path / "repo")
    told = ("was renamed to trunk", "`zonegit apply PLAN --rebase --branch trunk -o NEW`")
    refused(zone("apply", plan), 5, *told)
    refused(zone("apply", plan, "--rebase", "-o", tmp_path / "new"), 5, *told)
    assert state(tmp_path / "repo") == before
    assert zone("apply", plan, "--rebase", "--branch", "trunk", "-o", tmp_path / "new").code == 0
    assert zone("apply", tmp_path / "new").code == 0
    assert zone("show", "www", "A").lines == ["www.example.org.\t300\tIN\tA\t192.0.2.9"]


def test_a_text_follows_a_renamed_branch(zone, kept, refused, tmp_path) -> None:
    assert zone("branch", "-m", "main", "trunk").code == 0
    before = state(tmp_path / "repo")
    how = f"`zonegit edit --retry {kept} --branch trunk` continues there"
    refused(zone("edit", "--retry", kept), 5, "was renamed to trunk", how)
    assert state(tmp_path / "repo") == before
    assert zone("edit", "--retry", kept, "--branch", "trunk").code == 0
    assert zone("show", "www", "A").lines == ["www.example.org.\t300\tIN\tA\t192.0.2.9"]


def test_a_branch_that_was_deleted(zone, kept, plan, refused) -> None:
    assert zone("checkout", "-b", "other").code == 0
    assert zone("branch", "-D", "main").code == 0
    refused(zone("edit", "--retry", kept), 5, "has no branch main", f"--retry {kept} --branch NAME`")
    refused(zone("apply", plan), 5, "has no branch main", "--rebase --branch NAME -o NEW`")
    assert zone("edit", "--retry", kept, "--branch", "other").code == 0


def test_a_base_that_is_gone(zone, kept, refused) -> None:
    text = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join(f"; base:   {'0' * 64}\n" if line.startswith("; base:") else line for line in text))
    how = f"`zonegit apply {kept} --branch main --dry-run`"
    refused(zone("edit", "--retry", kept), 5, "has no commit", how)
    assert zone("apply", kept, "--branch", "main", "--dry-run").lines[-1].endswith("192.0.2.9")
