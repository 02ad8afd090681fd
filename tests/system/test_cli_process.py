"""`zonegit` as a process: pipes that close, disks that are full, signals, locales and start-up."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from random import Random
from time import monotonic

import pytest

from spawnkit import interruptible, without_children
from zonegit.store.lmdb import LmdbStore

ZONEGIT = Path(sys.executable).parent / "zonegit"


@pytest.fixture
def environment(tmp_path):
    """For a process with a repository of the test's own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "ZONEGIT_REPO": str(tmp_path / "repo"), "ZONEGIT_AUTHOR": "Ada <ada@example.org>"}


@pytest.fixture
def zonegit(environment):
    """`zonegit("set", "www", …)` runs the installed command; more keywords go to `subprocess.run`."""

    def call(*argv, **more):
        more.setdefault("env", environment)
        return subprocess.run([ZONEGIT, *argv], **{"capture_output": True, "text": True, "timeout": 60, **more})

    return call


@pytest.fixture
def many(zonegit, tmp_path):
    """`zonegit`, on a zone whose export is longer than a pipe holds."""
    file = tmp_path / "many.zone"
    hosts = "".join(f"host{number} 300 IN A 192.0.2.{number % 250}\n" for number in range(20000))
    file.write_text("$ORIGIN example.org.\n@ 60 SOA ns1 a 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n" + hosts)
    assert zonegit("init").returncode == 0
    assert zonegit("import", file).returncode == 0
    return zonegit


def test_the_whole_way_through_the_installed_command(zonegit) -> None:
    assert zonegit("init", "example.org").returncode == 0
    assert zonegit("set", "www", "A", "300", "192.0.2.1").stdout == "+www.example.org.\t300\tIN\tA\t192.0.2.1\n"
    assert zonegit("show", "www", "A").stdout == "www.example.org.\t300\tIN\tA\t192.0.2.1\n"
    failed = zonegit("show", "nowhere", "A")
    assert (failed.returncode, failed.stdout) == (5, "")
    assert failed.stderr.startswith("zonegit: ")
    assert failed.stderr.count("\n") == 1


def test_answers_stand_before_what_is_said_of_them_in_one_pipe(zonegit) -> None:
    assert zonegit("init", "example.org").returncode == 0
    call = {"capture_output": False, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    told = zonegit("set", "www", "A", "300", "192.0.2.1", **call).stdout.splitlines()
    assert [line[0] for line in told] == ["+", "["]


def test_a_closed_pipe_is_quiet(many, environment) -> None:
    process = subprocess.Popen(
        [ZONEGIT, "export"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "$ORIGIN example.org.\n"
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(30) == 141


def test_a_pipe_closed_before_anything_is_written(many, environment) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([ZONEGIT, "log"], env=environment, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


NO_ROOM = "zonegit: cannot write to standard output: No space left on device"
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@needs_full
@pytest.mark.parametrize("argv", ["log", "export", "export --json", "set www A 60 192.0.2.9 --dry-run", "--help"])
def test_a_full_disk_behind_stdout_is_an_error(many, argv) -> None:
    with Path("/dev/full").open("w") as full:
        done = many(*argv.split(), capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == NO_ROOM


@needs_full
@pytest.mark.parametrize(
    "argv",
    [
        "set www A 60 192.0.2.9",
        "set www A 60 192.0.2.9 --json",
        "add www A 60 192.0.2.9",
        "delete ns1 A",
        "ttl ns1 77",
        "ttl ns1 77 --json",
        "rename ns1 ns9 --json",
        "import {file} --replace --json",
        "reset --hard HEAD~1",
        "reset --hard HEAD~1 --json",
    ],
)
def test_a_change_whose_answer_is_lost_is_told_on_stderr(zonegit, tmp_path, argv) -> None:
    file = tmp_path / "zone"
    assert zonegit("init", "example.org").returncode == 0
    assert zonegit("set", "ns1", "A", "60", "192.0.2.1").returncode == 0
    file.write_text(zonegit("export").stdout + "new 60 IN A 192.0.2.2\n")
    with Path("/dev/full").open("w") as full:
        words = [word.format(file=file) for word in argv.split()]
        done = zonegit(*words, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    tip = zonegit("log", "--json", "-1")
    commit = json.loads(tip.stdout)[0]["commit"]
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert any(line.startswith(f"[example.org. main {commit[:12]}] serial ") for line in lines)
    assert any(line.startswith("to undo: ") for line in lines) == argv.startswith("reset")
    assert lines[-1] == f"{NO_ROOM}; but the change was committed"


@needs_full
def test_key_files_whose_names_are_lost_are_told_on_stderr(zonegit, tmp_path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    with Path("/dev/full").open("w") as full:
        for argv, file in (("key new one", "one.key"), ("tsig new two", "two.tsig")):
            done = zonegit(*argv.split(), "--keys", keys, capture_output=False, stdout=full, stderr=subprocess.PIPE)
            assert done.returncode == 1
            assert done.stderr.splitlines()[-1] == f"{NO_ROOM}; but {keys / file} was written"
            assert (keys / file).exists()


def test_a_change_into_a_closed_pipe_says_that_it_was_made(zonegit, environment) -> None:
    assert zonegit("init", "example.org").returncode == 0
    reading, writing = os.pipe()
    os.close(reading)
    argv = [ZONEGIT, "set", "www", "A", "60", "192.0.2.1"]
    done = subprocess.run(argv, env=environment, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.returncode == 141
    summary, error = done.stderr.splitlines()
    assert summary.startswith("[example.org. main ")
    assert error == ("zonegit: cannot write to standard output: Broken pipe; but the change was committed")


@needs_full
def test_a_full_disk_behind_stderr_changes_no_exit_code(zonegit) -> None:
    assert zonegit("init", "example.org").returncode == 0
    with Path("/dev/full").open("w") as full:
        told = {"capture_output": False, "stdout": subprocess.PIPE, "stderr": full}
        for argv, code in (("set www A 60 192.0.2.1", 0), ("show www A", 0), ("show x A", 5), ("set", 2)):
            assert zonegit(*argv.split(), **told).returncode == code, argv


def closed(*numbers):
    """Runs the command without these of its three streams."""
    return " ".join(['exec "$0" "$@"', *(f"{number}>&-" for number in numbers)])


@pytest.mark.parametrize("numbers", [(0,), (1,), (2,), (0, 1, 2)])
def test_streams_that_are_closed_are_done_without(zonegit, environment, tmp_path, numbers) -> None:
    for argv in (
        ["init", "example.org"],
        ["set", "www", "A", "60", "192.0.2.1"],
        ["show", "www", "A"],
        ["show", "x", "A"],
    ):
        done = subprocess.run(
            ["sh", "-c", closed(*numbers), ZONEGIT, *argv],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        lost = 1 in numbers and argv[0] == "show"
        assert done.returncode == (5 if "x" in argv else 1 if lost else 0)
        if lost and "x" not in argv and 2 not in numbers:
            assert done.stderr == "zonegit: cannot write to standard output: Bad file descriptor\n"
        assert "unexpected" not in done.stderr
        assert "Traceback" not in done.stderr
    assert zonegit("fsck").returncode == 0
    assert zonegit("log", "--oneline").stdout.count("\n") == 2


def test_no_other_file_gets_the_number_of_a_closed_stream(zonegit, environment) -> None:
    zonegit("init", "example.org")
    code = (
        "import os, sys\n"
        "from zonegit.cli.main import main\n"
        "main(['status'])\n"
        "sys.exit({os.readlink(f'/proc/self/fd/{number}') for number in range(3)} != {os.devnull})\n"
    )
    argv = ["sh", "-c", closed(0, 1, 2), sys.executable, "-c", code]
    assert subprocess.run(argv, env=environment, check=False).returncode == 0


def test_a_child_process_is_waited_for_whatever_the_caller_ignores(zonegit, environment, tmp_path) -> None:
    zonegit("init", "example.org")
    argv = without_children(str(ZONEGIT), "backup", str(tmp_path / "backup"))
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.partition(":")[0]) == (0, f"wrote {tmp_path / 'backup'}")


def test_standard_input_that_is_closed_is_empty(zonegit, environment) -> None:
    zonegit("init")
    argv = ["sh", "-c", closed(0), ZONEGIT, "import", "-"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "this is empty" in done.stderr


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        ("status", ""),
        ("set www A 60 192.0.2.1", "zonegit: interrupted; nothing was written\n"),
        ("init example.org --repo other", "zonegit: interrupted; nothing was written\n"),
    ],
)
def test_an_interrupt_while_modules_load(zonegit, environment, argv, told) -> None:
    code = (
        "import os, signal, sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *more):\n"
        "        if name == sys.argv[1]: os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from zonegit.cli.main import main\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "sys.exit(main(sys.argv[2:]))\n"
    )
    zonegit("init", "example.org")
    verbs = "zonegit.cli.records" if argv.startswith("set") else "zonegit.cli.repository"
    for module in ("zonegit.cli.output", "zonegit.cli.parser", "argparse", verbs, "zonegit.repo", "lmdb"):
        words = [sys.executable, "-c", code, module, *argv.split()]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (130, "", told), module


def interrupted(process):
    """The exit code after SIGINT; sent again while Python, between two reads, hasn't looked at the first one."""
    for _ in range(12):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.wait(5)
    return process.kill()


def started(environment, *argv, **more):
    """`zonegit` as a child that heeds SIGINT."""
    return subprocess.Popen(
        interruptible(ZONEGIT, *argv), env=environment, stderr=subprocess.PIPE, text=True, **more
    )


def test_an_interrupt_keeps_the_repository(many, environment) -> None:
    process = started(environment, "import", "-", stdin=subprocess.PIPE)
    process.stdin.write("$ORIGIN example.org.\n@ 60 SOA ns1 a 9 2 3 4 5\n" + "; a comment\n" * 20000)
    process.stdin.flush()  # more than a pipe holds: the command has begun to read
    assert interrupted(process) == 130
    assert process.stderr.read() == "zonegit: interrupted; nothing was written\n"
    for stream in (process.stdin, process.stderr):
        with suppress(BrokenPipeError):
            stream.close()
    assert len(many("log", "--oneline").stdout.splitlines()) == 1
    assert many("fsck").returncode == 0


def test_names_that_a_locale_can_t_write_are_escaped(zonegit, environment) -> None:
    zonegit("init", "example.org", "--author", "Zoë <zoe@example.org>")
    ascii_only = {**environment, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = zonegit("log", env=ascii_only)
    assert done.returncode == 0
    assert "Author: Zo" in done.stdout


def test_json_is_json_in_any_locale(zonegit, environment) -> None:
    zonegit("init", "example.org", "--author", "Zoë <zoe@example.org>")
    for more in ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "latin-1"}):
        done = zonegit("log", "--json", env={**environment, **more}, text=False)
        assert json.loads(done.stdout)[0]["author"]["name"] == "Zoë <zoe@example.org>"


def test_a_file_may_have_any_name(zonegit, environment, tmp_path) -> None:
    zonegit("init")
    for number, name in enumerate((b"caf\xe9.zone", b"x\nsignature ed25519 00", b"\x1b[31m.zone")):
        file = os.fsencode(tmp_path) + b"/" + name
        Path(os.fsdecode(file)).write_text(
            f"$ORIGIN example.org.\n@ 60 SOA ns1 a {number + 1} 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n"
        )
        done = zonegit("import", file)
        assert done.returncode == 0, done
    commits = json.loads(zonegit("log", "--json").stdout)
    assert [commit["message"] for commit in commits] == [
        "Import \\x1b[31m.zone",
        "Import x\\nsignature ed25519 00",
        "Import caf\\udce9.zone",
    ]
    assert "\nsignature" not in zonegit("cat-object", commits[1]["commit"]).stdout


def test_a_repository_may_have_any_name(zonegit, tmp_path) -> None:
    repo = os.fsencode(tmp_path) + b"/caf\xe9 \x1b[31m"
    for argv in (["init", "example.org"], ["set", "www", "A", "60", "192.0.2.1"], ["fsck"]):
        done = zonegit("--repo", repo, *argv)
        assert (done.returncode, done.stderr.count("unexpected")) == (0, 0), done
    assert "caf\\udce9 \\x1b[31m: 1 zone" in zonegit("--repo", repo, "status").stdout


def test_arguments_that_are_not_utf_8_are_refused_in_one_line(zonegit) -> None:
    zonegit("init", "example.org")
    for argv in (["show", b"\xff", "A"], ["set", "www", "A", "300", "192.0.2.1", "-m", b"\xff"], ["log", b"\xff"]):
        done = zonegit(*argv, text=False)
        assert done.returncode in (1, 2, 5)
        assert done.stderr.startswith(b"zonegit: ")
        assert done.stderr.count(b"\n") == 1
        assert b"unexpected" not in done.stderr


def test_a_user_without_a_name_can_commit(zonegit, environment) -> None:
    nameless = {name: value for name, value in environment.items() if name != "ZONEGIT_AUTHOR"}
    assert zonegit("init", "example.org", env=nameless).returncode == 0
    assert "@" in zonegit("log", env=nameless).stdout


def test_dates_have_the_offset_that_they_were_written_at(zonegit, environment) -> None:
    zonegit("init", "example.org", env={**environment, "TZ": "XYZ-5:45"})
    assert " +0545\n" in zonegit("log").stdout


def test_a_repository_that_may_not_be_read(zonegit, tmp_path) -> None:
    (tmp_path / "repo").write_text("a file, not a directory")
    done = zonegit("status")
    assert done.returncode == 1
    assert done.stderr.startswith("zonegit: ")
    assert "unexpected" not in done.stderr


def test_a_foreign_file_is_no_repository(zonegit, tmp_path) -> None:
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "data.mdb").write_bytes(b"\0" * 8192)
    done = zonegit("status")
    assert done.returncode in (1, 6)
    assert done.stderr.startswith("zonegit: ")
    assert "unexpected" not in done.stderr


def test_reading_never_waits_for_a_writer(many, environment) -> None:
    with LmdbStore.open(Path(environment["ZONEGIT_REPO"])).write():
        for argv in (["log"], ["show", "ns1", "A"], ["check"], ["set", "www", "A", "60", "192.0.2.1", "--dry-run"]):
            assert many(*argv, timeout=30).returncode == 0


def test_no_progress_bar_without_a_terminal(many, tmp_path) -> None:
    done = many("import", str(tmp_path / "many.zone"))
    assert "\r" not in done.stderr


def test_an_interrupted_import_says_what_it_did(zonegit, environment, tmp_path) -> None:
    assert zonegit("init").returncode == 0
    seed = int(os.environ.get("ZONEGIT_SEED", "17"))
    random = Random(seed)
    hosts = "".join(f"host{number} 300 IN A 192.0.2.{number % 250}\n" for number in range(20000))
    text = "$ORIGIN {0}.example.\n@ 60 SOA ns1 a 1 2 3 4 5\n@ 60 NS ns1\nns1 60 A 192.0.2.53\n" + hosts
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    longest = 0.0
    for number in range(12):
        child = started(environment, "import", pipe)
        pipe.write_text(text.format(number))  # returns when the child is reading
        began = monotonic()
        if number:
            with suppress(subprocess.TimeoutExpired):
                child.wait(random.uniform(0, longest))
            child.send_signal(signal.SIGINT)
        told = child.communicate(timeout=60)[1]
        longest = longest or monotonic() - began
        there = f"{number}.example." in zonegit("zone", "list").stdout
        if told.endswith("zonegit: interrupted; nothing was written\n"):
            assert (child.returncode, there) == (130, False), seed
        else:
            assert there, (seed, told)
            assert "serial 1" in told or "interrupted, but already committed: [" in told, (seed, told)
    assert "0 errors" in zonegit("check").stderr
    assert zonegit("fsck").returncode == 0
