"""Processes of this very program that do some work for the one that starts them.

Such a process calls `main` of one module: it imports what this work needs and nothing else, and its memory is
returned when it ends. Both sides send each other values through the pipes of its standard input and output.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, NoReturn

from zonegit.piped_values import receive, send

_CODE: Final = "import sys; sys.path[:] = sys.argv[1:]; from {} import main; main()"


def command(module: str) -> list[str]:
    """The command line of a process that calls `main` of a module, which it finds where this process would."""
    return [sys.executable, "-ISB", "-c", _CODE.format(module), *sys.path]


def start(module: str, bufsize: int = -1) -> subprocess.Popen[bytes]:
    """Start it, with pipes, and without a standard error. OSError if it can't be started."""
    return subprocess.Popen(  # noqa: S603  this very program
        command(module),
        bufsize=bufsize,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def exchange(process: subprocess.Popen[bytes], what: object) -> Any:
    """Send a value to a process that was started, and wait for the answer. Errors as in `send` and `receive`."""
    assert process.stdin is not None and process.stdout is not None  # noqa: S101  they are pipes
    send(process.stdin, what)
    return receive(process.stdout)


def serve(answer: Callable[[Any], object]) -> None:
    """In such a process: answer each value that comes, until the process that started this one closes the pipes."""
    with suppress(EOFError, BrokenPipeError):
        while True:
            send(sys.stdout.buffer, answer(receive(sys.stdin.buffer)))


def serve_ahead(answer: Callable[[Any], object]) -> NoReturn:
    """The same where values are large and don't wait for answers: the next is read while one is answered.

    Ends the process, since the thread that reads may wait for a value that never comes.
    """
    reader = ThreadPoolExecutor(1)
    coming = reader.submit(receive, sys.stdin.buffer)
    try:
        with suppress(EOFError, BrokenPipeError):
            while True:
                value = coming.result()
                coming = reader.submit(receive, sys.stdin.buffer)
                send(sys.stdout.buffer, answer(value))
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)
