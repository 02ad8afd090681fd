"""One line per event on stderr, whatever happens."""

import json
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


def test_what_failed_in_a_task_group_is_told_itself():
    group = ExceptionGroup("unhandled errors", [ExceptionGroup("more", [KeyError("a\nb")]), OSError()])
    assert log.described(group) == r"KeyError: 'a\nb'"


def test_seldom_lets_each_event_through_once(logger, capsys):
    log.setup("dns-1")
    seldom = log.Seldom(logger)
    for _ in range(3):
        seldom("can't read", OSError("a"))
    seldom("can't read", OSError("b"))
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_json_is_one_object_in_a_line(logger, capsys):
    log.setup("dns-1", log.Format.JSON)
    log.event(logger, "zone loaded", logging.WARNING, zone='a"b\n\x01', records=3, process="x")
    logger.info("plain %s", "text")
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logger.exception("it failed")
    first, second, third = map(json.loads, capsys.readouterr().err.splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert first == {
        "level": "warning",
        "from": "dns-1",
        "message": "zone loaded",
        "fields": {"zone": 'a"b\n\x01', "records": 3, "process": "x"},
    }
    assert (second["message"], second.keys()) == ("plain text", {"time", "level", "from", "message"})
    assert third["message"] == "it failed"
    assert third["fields"]["error"].startswith("ValueError: first\nsecond at test_log.py:")
