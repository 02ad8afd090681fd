"""One line per event on stderr, whatever happens."""

import logging
import re

import pytest

from zonegit.ops import log


@pytest.fixture
def logger():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield logging.getLogger("zonegit.test")
    root.handlers[:] = handlers
    root.setLevel(level)


def test_lines_name_the_process_and_quote_values(logger, capsys):
    log.setup("dns-1")
    log.event(logger, "zone loaded", zone="example.org.", why="a b")
    assert capsys.readouterr().err == 'zonegitd[dns-1]: zone loaded zone=example.org. why="a b"\n'


def test_an_exception_is_one_line(logger, capsys):
    log.setup("dns-1")
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logger.exception("it failed")
    err = capsys.readouterr().err
    assert re.fullmatch(r"zonegitd\[dns-1\]: it failed: ValueError: first second at test_log.py:\d+\n", err)


def test_seldom_lets_each_event_through_once(logger, capsys):
    log.setup("dns-1")
    seldom = log.Seldom(logger)
    for _ in range(3):
        seldom("can't read", OSError("a"))
    seldom("can't read", OSError("b"))
    assert len(capsys.readouterr().err.splitlines()) == 2
