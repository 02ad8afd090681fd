"""Streams, colour and progress bars."""

import io
import json

import pytest

from zonegit.cli import progress
from zonegit.cli.output import Output, Style


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("when", "stream", "environment", "expected"),
    [
        ("auto", Terminal, {}, True),
        ("auto", io.StringIO, {}, False),
        ("auto", Terminal, {"NO_COLOR": "1"}, False),
        ("auto", Terminal, {"NO_COLOR": ""}, True),
        ("auto", Terminal, {"TERM": "dumb"}, False),
        ("always", io.StringIO, {"NO_COLOR": "1"}, True),
        ("never", Terminal, {}, False),
    ],
)
def test_when_there_is_colour(monkeypatch, when, stream, environment, expected) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    out = Output(stream(), io.StringIO())
    out.set_color(when)
    out.line("text", Style.NEW)
    assert out.stdout.getvalue() == ("\x1b[32mtext\x1b[0m\n" if expected else "text\n")


@pytest.mark.parametrize("values", [[], [1], [{"a": "ä"}, 2, None]])
def test_a_json_array_is_one_json_text(values) -> None:
    out = Output(io.StringIO(), io.StringIO())
    out.json_array(iter(values))
    assert json.loads(out.stdout.getvalue()) == values
    assert out.stdout.getvalue().endswith("]\n")
    assert out.stdout.getvalue().isascii()


def test_json_is_ascii_whatever_the_locale() -> None:
    out = Output(io.StringIO(), io.StringIO())
    out.json({"who": "Zoë\udce9"})
    assert json.loads(out.stdout.getvalue()) == {"who": "Zoë\udce9"}
    assert out.stdout.getvalue().isascii()


def test_errors_and_warnings_are_single_lines() -> None:
    out = Output(io.StringIO(), io.StringIO())
    out.warn("one\ntwo")
    out.fail("three\r\nfour")
    out.note("five\nsix")
    assert out.stderr.getvalue() == "zonegit: warning: one two\nzonegit: three four\nfive six\n"


def test_messages_do_nothing_to_a_terminal() -> None:
    out = Output(io.StringIO(), io.StringIO())
    out.fail("no file \x1b[31m\x9b\u202e\udce9\té")
    assert out.stderr.getvalue() == "zonegit: no file \\x1b[31m\\x9b\\u202e\\udce9\té\n"


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by a second at each look."""
    ticks = iter(range(1000))
    monkeypatch.setattr(progress, "monotonic", lambda: float(next(ticks)))


def test_a_bar_is_drawn_on_a_terminal_and_taken_away(clock) -> None:
    stream = Terminal()
    with Output(io.StringIO(), stream).progress("reading") as bar:
        bar(50, 200)
        bar(1234)
    first, second, last = stream.getvalue().split("\r")[1:]
    assert "reading [#######" in first
    assert " 25% 50 of 200" in first
    assert "reading 1,234" in second
    assert last == "\x1b[K"


def test_a_bar_for_several_steps_is_one(clock) -> None:
    stream = Terminal()
    bar = Output(io.StringIO(), stream).progress("importing")
    with bar:
        bar.step(0, 40)(1, 2)
        bar.step(0, 40)(1234, 0)
    with bar:
        bar.step(40, 100)(1, 3)
        bar.step(40, 100)(9, 3)
    drawn = stream.getvalue().split("\r")[1:]
    assert [text.split("]")[-1] for text in drawn if "]" in text] == ["  20%\x1b[K", "  60%\x1b[K", " 100%\x1b[K"]
    assert drawn[1] == "importing 1,234\x1b[K"
    assert [text for text in drawn if "importing" not in text] == ["\x1b[K"] * 2


def test_a_message_takes_the_bar_away_first(clock) -> None:
    stream = Terminal()
    out = Output(io.StringIO(), stream)
    with out.progress("reading") as bar:
        bar(1, 2)
        out.warn("one")
        bar(2, 2)
    assert "\r\x1b[Kzonegit: warning: one\n\rreading [" in stream.getvalue()


def test_no_bar_anywhere_else(clock) -> None:
    stream = io.StringIO()
    with Output(io.StringIO(), stream).progress("reading") as bar:
        bar(50, 200)
    assert stream.getvalue() == ""


def test_no_bar_for_work_that_is_quickly_done(monkeypatch) -> None:
    monkeypatch.setattr(progress, "monotonic", lambda: 0.0)
    stream = Terminal()
    with Output(io.StringIO(), stream).progress("reading") as bar:
        bar(200, 200)
    assert stream.getvalue() == ""
