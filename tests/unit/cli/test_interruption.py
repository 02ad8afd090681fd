"""Ctrl-C ends a verb that makes a commit with one line that says whether anything was written."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from zonegit.cli.interruption import interruptible
from zonegit.repo import Repository
from zonegit.store.lmdb import LmdbStore

INTERRUPTED = 130
NOTHING = "zonegit: interrupted; nothing was written\n"


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "moment",
    [
        "zonegit.zonefile.reader.read_zone",
        "zonegit.cli.interruption.begin",
        "zonegit.repo.checking_process.check_entries",
        "zonegit.store.writer.StoreWriter.insert",
        "zonegit.store.writer.StoreWriter.finish",
    ],
)
def test_before_the_commit_nothing_was_written(run, zone_file, monkeypatch, moment) -> None:
    run("init")
    with monkeypatch.context() as patched:
        patched.setattr(moment, interrupt)
        result = run("import", zone_file)
    assert (result.code, result.out, result.err) == (INTERRUPTED, "", NOTHING)
    assert run("zone", "list").out == ""
    assert run("import", zone_file).code == 0


def test_between_two_transactions_of_an_import(run, zone_file, monkeypatch) -> None:
    run("init")
    monkeypatch.setattr("zonegit.repo.store_ahead._GROUP", 1)
    done = iter([None])

    def once(self: LmdbStore, *args: object) -> None:
        if next(done, self) is self:
            raise KeyboardInterrupt

    with zone_file.open("a") as file:
        file.writelines(f"h{number} 60 IN A 192.0.2.1\n" for number in range(2000))
    with monkeypatch.context() as patched:
        patched.setattr("zonegit.store.writer.StoreWriter.finish", once)
        assert run("import", zone_file).err == NOTHING
    assert run("zone", "list").out == ""


def test_behind_the_commit_it_says_what_was_written(zone, monkeypatch) -> None:
    before = zone("log", "--json").json[0]["commit"]
    for module, *verb in (
        ("records", "set", "www", "A", "60", "192.0.2.9"),
        ("zonefiles", "import", "-", "--replace"),
        ("records", "delete", "www"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(f"zonegit.cli.{module}.tell", interrupt)
            text = zone("export").out.replace("192.0.2.53", "192.0.2.54").encode()
            result = zone(*verb, stdin=text)
        commit = zone("log", "--json").json[0]["commit"]
        assert commit != before
        assert result.err == f"zonegit: interrupted, but already committed: [example.org. main {commit[:12]}]\n"
        assert (result.code, result.out) == (INTERRUPTED, "")
        before = commit


@pytest.mark.parametrize("moment", ["zonegit.cli.verbs.load", "zonegit.cli.parser.parse"])
@pytest.mark.parametrize("argv", ["init example.org", "set www A 60 192.0.2.9"])
def test_while_modules_are_loaded_nothing_was_written(run, monkeypatch, argv, moment) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(moment, interrupt)
        result = run(*argv.split())
    assert (result.code, result.out, result.err) == (INTERRUPTED, "", NOTHING)


def test_before_a_repository_is_made_nothing_was_written(run, monkeypatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("zonegit.cli.repository._rehearse", interrupt)
        result = run("init", "example.org")
    assert (result.code, result.out, result.err) == (INTERRUPTED, "", NOTHING)
    assert run("init", "example.org").code == 0


def test_a_dry_run_wrote_nothing(zone, monkeypatch) -> None:
    monkeypatch.setattr("zonegit.cli.records.tell", interrupt)
    assert zone("set", "www", "A", "60", "192.0.2.9", "--dry-run").err == NOTHING


def test_a_verb_that_only_reads_is_silent(zone, monkeypatch) -> None:
    monkeypatch.setattr("zonegit.repo.Repository.log", interrupt)
    result = zone("log")
    assert (result.code, result.out, result.err) == (INTERRUPTED, "", "")


@pytest.fixture
def heeded() -> Iterator[None]:
    """No signal is ignored here, even if whoever started the tests had them ignore some: nohup, a shell's `&`."""
    default = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in default.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("heeded")
def test_the_second_of_two_interrupts_does_not_hide_what_the_first_one_left(zone, monkeypatch) -> None:
    moved_since = Repository.moved_since

    def interrupted_again(*arguments: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return moved_since(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr("zonegit.store.writer.StoreWriter.finish", interrupt)
        patched.setattr(Repository, "moved_since", interrupted_again)
        result = zone("set", "www", "A", "60", "192.0.2.9")
    assert (result.code, result.out, result.err) == (INTERRUPTED, "", NOTHING)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_backup_a_restore_and_a_check_say_what_holds(zone, monkeypatch, tmp_path, number, code) -> None:
    assert zone("backup", tmp_path / "whole").code == 0
    before = set(tmp_path.rglob("*"))

    def stop(*_: object, **__: object) -> None:
        monkeypatch.undo()
        monkeypatch.setenv("ZONEGIT_REPO", str(tmp_path / "repo"))
        os.kill(os.getpid(), number)
        time.sleep(5)

    for place, told, *argv in (
        ("os.waitpid", "no backup was written", "backup", tmp_path / "monday"),
        ("zonegit.store.backup.fsck", "nothing was changed", "restore", tmp_path / "whole"),
        ("zonegit.repo.Repository.fsck", "nothing was changed", "fsck"),
    ):
        monkeypatch.setattr(place, stop)
        result = zone(*argv)
        assert (result.code, result.out, result.err) == (code, "", f"zonegit: interrupted; {told}\n")
        assert set(tmp_path.rglob("*")) == before, "something was left behind"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_behind_its_rename_a_restore_is_said_to_be_done(zone, monkeypatch, tmp_path) -> None:
    backup = tmp_path / "whole"
    zone("backup", backup)
    monkeypatch.setattr("os.fsync", interrupt)
    result = zone("restore", backup)
    assert (result.code, result.err) == (INTERRUPTED, f"zonegit: interrupted, but {backup} was restored\n")


def test_what_the_caller_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible(lambda: ""):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
