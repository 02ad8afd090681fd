"""Long answers on a terminal: through the pager that is asked for, all of them, and nothing else through any."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

ZONEGIT = Path(sys.executable).parent / "zonegit"
HOSTS = 60


@pytest.fixture
def place(tmp_path):
    """A repository with a zone of more records than a terminal has lines."""
    hosts = "".join(f"host{number} 300 IN A 192.0.2.{number}\n" for number in range(HOSTS))
    (tmp_path / "zone").write_text(
        "$ORIGIN example.org.\n@ 60 SOA ns1 a 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n" + hosts
    )
    subprocess.run([ZONEGIT, "--repo", tmp_path / "repo", "init"], check=True, capture_output=True)
    subprocess.run(
        [ZONEGIT, "--repo", tmp_path / "repo", "import", tmp_path / "zone"], check=True, capture_output=True
    )
    return tmp_path


@pytest.fixture
def on_terminal(place):
    """Runs the command on a terminal of 24 lines; gives its exit code, and what came to the terminal."""

    def call(*argv, **environment):
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        env = {
            **kept,
            "TERM": "xterm",
            "LINES": "24",
            "COLUMNS": "80",
            "ZONEGIT_REPO": str(place / "repo"),
            **environment,
        }
        leading, following = pty.openpty()
        with subprocess.Popen(
            [ZONEGIT, *argv], env=env, stdin=following, stdout=following, stderr=following
        ) as process:
            os.close(following)
            found = b""
            while True:
                try:
                    piece = os.read(leading, 65536)
                except OSError:
                    break
                if not piece:
                    break
                found += piece
            code = process.wait(60)
        os.close(leading)
        return code, found.decode().replace("\r\n", "\n")

    return call


@pytest.mark.parametrize(
    ("argv", "lines"),
    [
        (["export"], HOSTS),
        (["show"], HOSTS),
        (["diff"], HOSTS),
        (["log", "-p"], HOSTS),
        (["log", "-p", "--graph"], HOSTS),
    ],
    ids=str,
)
def test_a_long_answer_goes_through_the_pager(on_terminal, place, argv, lines) -> None:
    paged = place / "paged"
    code, shown = on_terminal(*argv, ZONEGIT_PAGER=f"cat > '{paged}'; echo paged", PAGER="false")
    assert (code, shown) == (0, "paged\n")
    assert paged.read_text().count("IN\tA\t" if argv != ["export"] else "host") >= lines
    if argv == ["show"]:
        assert "\x1b[32m" in paged.read_text()


def test_the_pager_of_other_programs_is_the_second_choice(on_terminal) -> None:
    code, shown = on_terminal("show", PAGER="wc -l")
    assert code == 0 and int(shown) > HOSTS


@pytest.mark.parametrize(
    ("argv", "environment"),
    [
        (["show", "www", "A"], {}),
        (["log"], {}),
        (["reflog"], {}),
        (["blame", "host1"], {}),
        (["when", "host1", "A", "192.0.2.1"], {}),
        (["diff", "--stat"], {}),
        (["show", "--no-pager"], {}),
        (["--no-pager", "export"], {}),
        (["show"], {"TERM": "dumb"}),
        (["show"], {"ZONEGIT_PAGER": ""}),
        (["show"], {"ZONEGIT_PAGER": "cat"}),
        (["branch"], {}),
        (["status"], {}),
    ],
    ids=str,
)
def test_nothing_else_goes_through_one(on_terminal, argv, environment) -> None:
    code, shown = on_terminal(*argv, **{"ZONEGIT_PAGER": "echo paged", **environment})
    assert "paged" not in shown
    assert "zonegit: warning" not in shown and "Traceback" not in shown
    assert code == (5 if "www" in argv else 0)


def test_a_pager_that_is_left_early_is_no_error(on_terminal) -> None:
    for pager in ("true", "head -1", "sh -c 'exec <&-; sleep 0.1'"):
        code, shown = on_terminal("log", "-p", ZONEGIT_PAGER=pager)
        assert code == 0, (pager, shown)
        assert "zonegit:" not in shown and "Traceback" not in shown
    assert on_terminal("diff", "--exit-code", ZONEGIT_PAGER="wc -l")[0] == 3


def test_a_pager_that_isnt_there_is_told(on_terminal) -> None:
    code, shown = on_terminal("show", ZONEGIT_PAGER="no-such-pager -x")
    assert code == 0
    assert "there is no pager 'no-such-pager -x'" in shown and "host59" in shown
    assert "Traceback" not in shown
    code, shown = on_terminal("show", ZONEGIT_PAGER="A=1 no-such-pager")
    assert code == 0 and "cannot run the pager" in shown and "Traceback" not in shown


def test_an_error_stands_behind_what_was_shown(on_terminal) -> None:
    code, shown = on_terminal("log", "nowhere", ZONEGIT_PAGER="echo paged")
    assert code == 5
    assert shown.startswith("zonegit: no branch")


def test_less_is_the_pager_where_none_is_named(on_terminal, place) -> None:
    programs = place / "programs"
    programs.mkdir()
    (programs / "less").write_text('#!/bin/sh\necho "less $*"\n')
    (programs / "less").chmod(0o755)
    code, shown = on_terminal("show", PATH=f"{programs}:{os.environ['PATH']}")
    assert (code, shown) == (0, "less -FRX\n")


def test_what_is_no_terminal_gets_the_answer_as_it_is(place) -> None:
    env = {**os.environ, "ZONEGIT_REPO": str(place / "repo"), "ZONEGIT_PAGER": "echo paged", "TERM": "xterm"}
    done = subprocess.run([ZONEGIT, "show"], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.count("host") >= HOSTS and "paged" not in done.stdout
