"""The processes that ask parents: reused while there are questions, ended afterwards, replaced if they die."""

import os
import socket
from collections.abc import Iterator

import pytest

from zonegit.net.dns import parent_process
from zonegit.net.dns.parent import ask_parent
from zonegit.net.dns.parent_process import ParentProcesses

ZONE = "example.org."


@pytest.fixture
def parents() -> Iterator[ParentProcesses]:
    made = ParentProcesses()
    yield made
    made.close()


@pytest.fixture
def silent() -> Iterator[str]:
    """A server where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{sock.getsockname()[1]}"


def test_the_answer_is_that_of_this_process_and_the_process_is_used_again(
    parents: ParentProcesses, silent: str
) -> None:
    for servers in ([silent], ["nowhere"], [silent, silent]):
        there, here = parents.ask(ZONE, servers), ask_parent(ZONE, servers)
        assert there._replace(asked=0) == here._replace(asked=0)
        (process,) = parents._idle
    first = process.pid
    parents.ask(ZONE, [silent])
    assert [each.pid for each in parents._idle] == [first]


def test_a_process_without_questions_ends(
    parents: ParentProcesses, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent_process, "_IDLE", 0.01)
    parents.ask(ZONE, [silent])
    assert parents._timer is not None
    parents._timer.join()
    assert parents._idle == []


def test_a_process_that_dies_is_an_answer_and_the_next_question_gets_another_one(
    parents: ParentProcesses, silent: str
) -> None:
    parents.ask(ZONE, [silent])
    os.kill(parents._idle[0].pid, 9)
    assert parents.ask(ZONE, [silent]).error == "no process can be started to ask it, or it was ended: no answer"
    assert parents.ask(ZONE, [silent]).answers


def test_no_process_at_all_is_an_answer(
    parents: ParentProcesses, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent")
    assert parents.ask(ZONE, [silent]).error.endswith("No such file or directory")
