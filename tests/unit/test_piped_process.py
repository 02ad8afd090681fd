"""Processes that do some work for this one: what goes in and out, and what their end looks like."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from subprocess import Popen

import pytest

from zonegit import piped_process
from zonegit.piped_process import exchange, start
from zonegit.piped_values import HEAD_SIZE, body_size, frame, receive, send, value

_SERVES = "import sys; sys.path[:] = sys.argv[1:]; from zonegit.piped_process import {0}; {0}({1})"


@pytest.fixture(params=["serve", "serve_ahead"])
def process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Popen[bytes]]:
    """One that answers with the length of what it gets."""
    monkeypatch.setattr(piped_process, "_CODE", _SERVES.format(request.param, "len"))
    with suppress(BrokenPipeError), start("any") as started:
        yield started


def test_each_value_is_answered_until_the_pipe_is_closed(process: Popen[bytes]) -> None:
    for what in ([], "a" * 7, b"b" * 300_000, {1: 2}):
        assert exchange(process, what) == len(what)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait() == 0


def test_a_process_that_has_ended_answers_nothing(process: Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises(BrokenPipeError):
        exchange(process, "a" * 300_000)


def test_a_process_that_fails_answers_nothing(process: Popen[bytes]) -> None:
    with pytest.raises(EOFError):
        exchange(process, 1)  # it has no length
    assert process.wait() == 1


def test_the_next_value_is_read_while_one_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fifo = tmp_path / "held"
    os.mkfifo(fifo)
    answer = f"lambda value: (open({str(fifo)!r}).read(), len(value))"
    monkeypatch.setattr(piped_process, "_CODE", _SERVES.format("serve_ahead", answer))
    with start("any") as started:
        assert started.stdin is not None and started.stdout is not None
        for size in (1, 300_000):  # more than a pipe holds
            send(started.stdin, "a" * size)
        for size in (1, 300_000):
            fifo.write_text("go on")
            assert receive(started.stdout) == ("go on", size)
        started.stdin.close()
        assert started.wait() == 0


@pytest.mark.parametrize("what", [None, 0, [b"data"] * 99])
def test_a_frame_says_its_size(what: object) -> None:
    pipe = BytesIO()
    send(pipe, what)
    head, body = frame(what)
    assert pipe.getvalue() == head + body
    assert (len(head), body_size(head)) == (HEAD_SIZE, len(body))
    assert receive(BytesIO(head + body)) == value(body) == what
    for cut in range(len(head + body)):
        with pytest.raises(EOFError):
            receive(BytesIO((head + body)[:cut]))
