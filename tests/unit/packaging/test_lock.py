"""The lock files: pinned, with hashes, what pyproject.toml leads to and nothing else, each thing for a reason."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
EXTRAS = [each for listed in PROJECT["optional-dependencies"].values() for each in listed]
REASONS = (TOP / "docs" / "decisions" / "0001-dependencies.md").read_text()
LOCKS = {name: (TOP / "packaging" / name).read_text() for name in ("requirements.lock", "requirements-dev.lock")}
_ENTRY = re.compile(r"^([a-z0-9.-]+)==(\S+)((?: ; .+?)?) \\\n((?:    --hash=.+\n)+)", re.MULTILINE)
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[([a-z0-9,]+)\])?")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(text: str) -> dict[str, str]:
    """Version by name."""
    return {name: number for name, number, _, _ in _ENTRY.findall(text)}


def asked(requirement: str) -> tuple[str, frozenset[str]]:
    """The name and the extras of a requirement."""
    match = _REQUIREMENT.match(requirement)
    assert match is not None
    return normal(match[1]), frozenset((match[2] or "").split(",")) - {""}


def needed_by(name: str) -> list[str]:
    """What a package needs as the lock files' comments say."""
    entries = [each for text in LOCKS.values() for each in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)]
    by = re.compile(rf"^    #(?: via)? +{re.escape(name)}$", re.MULTILINE)
    return [entry.partition("==")[0] for entry in entries if by.search(entry)]


def reached(start: list[str]) -> set[str]:
    """All that these requirements lead to, as what is installed tells of its own."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = [asked(requirement) for requirement in start]
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in found:
            continue
        found.add((name, extras))
        try:
            listed = requires(name) or []
        except PackageNotFoundError:  # of another platform, or not installed yet
            listed = needed_by(name)
        for requirement in listed:
            extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", requirement)
            if extra is None or extra[1] in extras:
                waiting.append(asked(requirement))
    return {name for name, _ in found}


@pytest.mark.parametrize("name", LOCKS)
def test_everything_is_pinned_with_hashes(name) -> None:
    text = LOCKS[name]
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(lines) == len(_ENTRY.findall(text)) == len(locked(text))
    for _, number, _, hashes in _ENTRY.findall(text):
        assert re.fullmatch(r"[0-9][0-9a-z.+]*", number)
        for line in hashes.splitlines():
            assert re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?", line)


def test_the_lock_holds_what_is_reached_and_nothing_else() -> None:
    run, develop = locked(LOCKS["requirements.lock"]), locked(LOCKS["requirements-dev.lock"])
    start = PROJECT["dependencies"]
    assert set(run) <= reached(start)
    assert {asked(requirement)[0] for requirement in start} <= set(run)
    assert set(develop) <= reached([*start, *EXTRAS])
    assert run.items() <= develop.items()


def test_what_is_installed_here_is_what_is_locked() -> None:
    for name, number in locked(LOCKS["requirements.lock"]).items():
        try:
            assert version(name) == number
        except PackageNotFoundError:
            pytest.fail(f"{name} is locked but not installed: make test")


def test_each_direct_dependency_has_its_reason() -> None:
    listed = [*PROJECT["dependencies"], *EXTRAS]
    short = {"pytest-xdist": "`xdist`", "pytest-randomly": "`randomly`", "pytest-timeout": "`timeout`"}
    for requirement in listed:
        name = asked(requirement)[0]
        assert short.get(name, name) in REASONS, f"{name} has no reason in docs/decisions/0001-dependencies.md"
