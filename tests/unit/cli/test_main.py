"""Whatever goes wrong is one line on stderr and an exit code."""

import json
from pathlib import Path

import pytest

from zonegit import __version__, errors
from zonegit.cli import service
from zonegit.cli.verbs import Verb


@pytest.fixture
def raising(run, monkeypatch):
    """`raising(error)` runs a verb that raises it."""

    def call(error):
        def fail(args, out):
            raise error

        declared = {"version": Verb(service.VERBS["version"].arguments, fail)}
        monkeypatch.setattr(service, "VERBS", declared)
        return run("version")

    return call


def every_error(kind=errors.ZonegitError):
    yield kind
    for below in kind.__subclasses__():
        yield from every_error(below)


@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_each_error_has_its_exit_code(raising, refused, kind) -> None:
    error = kind("it is so", "it") if kind is errors.UnknownVersion else kind("it is so")
    refused(raising(error), kind.exit_code, "zonegit: it is so\n")


def test_an_error_of_several_lines_is_told_in_one(raising, refused) -> None:
    refused(raising(errors.Refused("one\ntwo\r\nthree")), 1, "one two three")


def test_an_unexpected_error_hints_at_its_traceback(raising, refused, monkeypatch) -> None:
    monkeypatch.delenv("ZONEGIT_DEBUG", raising=False)
    refused(raising(RuntimeError("a\nb")), 1, "unexpected", "RuntimeError: a b", "ZONEGIT_DEBUG=1")


def test_a_clock_that_python_cannot_read_is_told(raising, refused, monkeypatch) -> None:
    monkeypatch.delenv("ZONEGIT_DEBUG", raising=False)
    refused(raising(OverflowError("timestamp too large to convert to C _PyTime_t")), 1, "clock", "2261")


def test_debug_shows_the_traceback(raising, monkeypatch) -> None:
    monkeypatch.setenv("ZONEGIT_DEBUG", "1")
    with pytest.raises(RuntimeError):
        raising(RuntimeError("a"))


def test_an_error_of_the_system_names_its_file(raising, refused) -> None:
    refused(raising(PermissionError(13, "Permission denied", "/x/y")), 1, "/x/y: Permission denied")


def test_an_interrupt_is_quiet(raising) -> None:
    result = raising(KeyboardInterrupt())
    assert (result.code, result.out, result.err) == (130, "", "")


def test_version(run) -> None:
    assert run("version").out == f"zonegit {__version__}\n"
    assert run("--version").out == f"zonegit {__version__}\n"
    assert json.loads(run("version", "--json").out)["version"] == __version__


@pytest.mark.parametrize(
    "argv",
    [
        ["status"],
        ["log"],
        ["zone", "list"],
        ["set", "www", "A", "300", "192.0.2.1"],
        ["show", "www", "A"],
        ["fsck"],
        ["branch"],
        ["export"],
    ],
)
def test_without_a_repository_each_verb_says_what_to_do(run, refused, argv) -> None:
    refused(run(*argv), 1, "zonegit init")


def test_the_repository_is_found_by_option_then_environment(run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert run("--repo", other, "init", "example.net").code == 0
    assert run("status", "--json").code == 1
    assert run("--repo", other, "status", "--json").json["zone"] == "example.net."
