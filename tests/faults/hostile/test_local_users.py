"""Who may write to a repository's directory leads nobody else to another file, and root above all.

A member of the group that shares a repository, or the service's user that was taken over, may put anything into its
directory at any moment. Tests that need root say so; all else is the same for an ordinary user.
"""

import ast
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import lmdb
import pytest

import zonegit
from otherkit import OTHER, command, place_for_all, python
from zonegit.errors import StoreError
from zonegit.repo import Repository
from zonegit.store.environment import is_unfinished
from zonegit.store.lmdb import LmdbStore

VICTIM = b"root:x:0:0:root:/root:/bin/sh\n"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to act as two users")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = tmp_path / "repo"
    with Repository.init(path) as repository:
        repository.add_zone("example.org")
    path.chmod(0o2770)
    return path


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A file outside of the repository, which must stay as it is."""
    path = tmp_path / "victim"
    path.write_bytes(VICTIM)
    path.chmod(0o600)
    before = path.stat()
    yield path
    after = path.stat()
    assert path.read_bytes() == VICTIM
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (before.st_mode, before.st_uid, before.st_mtime_ns)


OPENING: list[Callable[[Path], object]] = [
    LmdbStore.open,
    partial(LmdbStore.open, readonly=True),
    LmdbStore.create,
]


@pytest.mark.parametrize("call", OPENING, ids=["open", "read", "create"])
@pytest.mark.parametrize("name", ["data.mdb", "lock.mdb"])
@pytest.mark.parametrize("to", ["victim", "nothing", "itself"])
def test_no_file_is_opened_through_a_link(
    repo: Path, victim: Path, call: Callable[[Path], object], name: str, to: str
) -> None:
    target = {"victim": victim, "nothing": victim.parent / "made", "itself": Path(name)}[to]
    (repo / name).unlink()
    (repo / name).symlink_to(target)
    with pytest.raises(StoreError):
        call(repo)
    assert not (victim.parent / "made").exists()
    assert (repo / name).is_symlink()


@pytest.mark.parametrize("name", ["data.mdb", "lock.mdb"])
def test_a_link_is_named(repo: Path, victim: Path, name: str) -> None:
    (repo / name).unlink()
    (repo / name).symlink_to(victim)
    with pytest.raises(StoreError, match=rf"{name} is a symbolic link, so it isn't opened"):
        LmdbStore.open(repo)


@pytest.mark.parametrize("name", ["data.mdb", "lock.mdb"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_plain_file_is_refused_at_once(repo: Path, name: str, make: Callable[[Path], None]) -> None:
    (repo / name).unlink()
    make(repo / name)
    for call in OPENING:
        with pytest.raises(StoreError):
            call(repo)


@pytest.mark.parametrize("readonly", [True, False])
@pytest.mark.parametrize("name", ["data.mdb", "lock.mdb"])
def test_who_exchanges_a_file_while_it_is_opened_gains_nothing(
    repo: Path, victim: Path, name: str, readonly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the worst moment: all was looked at, and LMDB is about to open it."""
    opened = lmdb.Environment

    def exchanged(*arguments: object, **more: object) -> object:
        (repo / name).unlink()
        (repo / name).symlink_to(victim)
        return opened(*arguments, **more)

    monkeypatch.setattr(lmdb, "Environment", exchanged)
    with suppress(StoreError):
        LmdbStore.open(repo, readonly=readonly).close()
    assert (repo / name).is_symlink()


def test_nothing_is_left_behind_where_links_were_made(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{room}:{tmp_path}")
    for age in (0, 7200):  # of processes that were killed
        (left := room / f"zonegit-opening-{age}").mkdir()
        (left / "data.mdb").symlink_to("/proc/self/fd/3")
        os.utime(left, (time.time() - age,) * 2)
    mine = room / "zonegit-opening-mine"
    Repository.init(mine).close()
    os.utime(mine, (time.time() - 7200,) * 2)
    seen = []
    mkdir = os.mkdir
    monkeypatch.setattr(os, "mkdir", lambda path, mode: seen.append((Path(path).parent, mode)) or mkdir(path, mode))
    LmdbStore.open(repo).close()
    (repo / "data.mdb").write_bytes(b"junk" * 5000)
    with pytest.raises(StoreError):
        LmdbStore.open(repo)
    assert seen == [(room, 0o700)] * 2
    assert sorted(left.name for left in room.iterdir()) == ["zonegit-opening-0", "zonegit-opening-mine"]
    LmdbStore.open(mine, readonly=True).close()


def test_the_locks_of_lmdb_outlive_our_descriptors(repo: Path) -> None:
    """A second process would take the table of readers for abandoned, and empty it, if they were gone."""
    with Repository.open(repo):
        inode = (repo / "lock.mdb").stat().st_ino
        held = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    kinds = [words[1] for words in held if words[4] == str(os.getpid()) and words[5].endswith(f":{inode}")]
    assert "POSIX" in kinds


def _calls(file: Path, names: set[str]) -> set[str]:
    """Which of these functions or methods a module calls."""
    found = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            found |= {name} & names
    return found


def test_nothing_is_given_another_mode_or_owner_by_its_name() -> None:
    room = Path(zonegit.__file__).parent
    by_name = {"chmod", "lchmod", "chown", "lchown"}
    assert {file: _calls(file, by_name) for file in room.rglob("*.py") if _calls(file, by_name)} == {}


def test_one_module_opens_the_files_of_a_repository() -> None:
    store = Path(zonegit.__file__).parent / "store"
    opens = {"read_bytes", "read_text", "write_bytes", "write_text", "fdopen", "mkfifo"}
    found = {file.name for file in store.glob("*.py") if _calls(file, opens)}
    assert found == {"writer_lock.py", "backup.py"}, "which reads /proc, and which has opened what it wraps"
    named = {
        f"{file.name}:{ast.unparse(node.args[0])}"
        for file in store.glob("*.py")
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("os.open", "open") and node.args
    }
    assert named == {
        "files.py:name",  # relative to the directory, never through a link
        "files.py:path",  # the directory
        "files.py:f'{_OPEN}/{self.data}'",  # what is open already
        "environment.py:path",  # the directory, for its lock
        "backup.py:path",  # likewise
        "backup.py:name",  # a new directory in it, never through a link
        "compact.py:path",  # the directory
        "compact.py:DATA",  # a new file in a new directory, never through a link
        "keeping.py:f'/proc/self/fd/{file}'",  # what is open already
        "backup.py:DATA",  # a new file in that
    }


@pytest.fixture
def place() -> Iterator[Path]:
    with place_for_all() as path:
        yield path


@pytest.fixture
def others(place: Path) -> Path:
    """A repository of another user, which root made for them."""
    path = place / "repo"
    path.mkdir(mode=0o750)
    os.chown(path, OTHER, OTHER)
    done = command("--repo", str(path), "init", "example.org", SUDO_UID=str(OTHER))
    assert done.returncode == 0, done.stderr
    return path


@needs_root
def test_root_makes_a_repository_as_the_user_that_the_directory_belongs_to(others: Path) -> None:
    assert {(file.stat().st_uid, file.stat().st_gid) for file in others.iterdir()} == {(OTHER, OTHER)}


@needs_root
@pytest.mark.parametrize("verb", ["status", "log", "fsck", "checkout main", "set www A 300 192.0.2.1", "reindex"])
def test_root_opens_no_repository_of_a_stranger(others: Path, verb: str) -> None:
    before = (others / "lock.mdb").stat(), (others / "data.mdb").read_bytes()
    for environment in ({}, {"SUDO_UID": "12346", "SUDO_USER": "bob"}):
        done = command("--repo", str(others), *verb.split(), **environment)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"zonegit: {others} belongs to {OTHER}, and root opens only its own repositories: run this as {OTHER}\n"
        )
    assert before == ((others / "lock.mdb").stat(), (others / "data.mdb").read_bytes())


@needs_root
@pytest.mark.parametrize("name", ["data.mdb", "lock.mdb"])
def test_a_link_to_a_file_of_root_s_is_worth_nothing(others: Path, place: Path, name: str) -> None:
    victim = place / "shadow"
    victim.write_bytes(VICTIM)
    victim.chmod(0o600)
    (others / name).unlink()
    (others / name).symlink_to(victim)
    done = command("--repo", str(others), "status", SUDO_UID=str(OTHER))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "symbolic link" in done.stderr
    assert victim.read_bytes() == VICTIM


@needs_root
def test_nothing_is_made_as_root_below_a_directory_of_others(others: Path, place: Path) -> None:
    done = command("--repo", str(others / "a" / "b"), "init", SUDO_UID=str(OTHER))
    assert done.returncode == 0, done.stderr
    assert {file.stat().st_uid for file in (others / "a").rglob("*")} == {OTHER}
    done = command("--repo", str(others / "c"), "init")
    assert done.returncode == 1
    assert not (others / "c").exists()


@needs_root
def test_who_is_at_work_stays_the_same(others: Path) -> None:
    def run(*words: str) -> str:
        done = command("--repo", str(others), *words, SUDO_UID=str(OTHER), SUDO_USER="alice")
        assert done.returncode == 0, done.stderr
        return done.stdout

    others.chmod(0o2770)
    run("set", "www", "A", "300", "192.0.2.1")
    assert "Author: alice (sudo)" in run("log", "-n", "1")
    run("checkout", "-b", "staging")
    executable, environment = python()
    call = (executable, "-c", SETTINGS, others)
    with_settings = subprocess.run(
        call, user=OTHER, env=environment, capture_output=True, text=True, check=True, cwd="/"
    )
    assert with_settings.stdout.split() == ["HEAD", f"HEAD/{OTHER}"]


SETTINGS = """
import sys
import time
from pathlib import Path
from zonegit.store.lmdb import LmdbStore
store = LmdbStore.open(Path(sys.argv[1]), readonly=True)
with store.read() as reader:
    print(*[name for name in ("HEAD", "HEAD/0", "HEAD/12345") if reader.setting(name) is not None])
"""


@needs_root
def test_root_has_no_way_back(place: Path) -> None:
    script = (
        "import os; from zonegit.repo import caller; caller.continue_as(12345, 12345)\n"
        "print(os.getresuid(), os.getresgid(), os.getgroups())\n"
        "try: os.setuid(0)\nexcept PermissionError: print('refused')"
    )
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{(OTHER,) * 3} {(OTHER,) * 3} [{OTHER}]", "refused"]


@needs_root
def test_a_zone_file_that_root_alone_may_read_is_imported(others: Path, place: Path) -> None:
    file = place / "example.org.zone"
    file.write_text("$ORIGIN example.org.\n@ 300 SOA ns1 h 1 1 1 1 1\n@ 300 NS ns1\nns1 300 A 192.0.2.53\n")
    file.chmod(0o600)
    done = command("--repo", str(others), "import", "--replace", "--yes", str(file), SUDO_UID=str(OTHER))
    assert done.returncode == 0, done.stderr


@needs_root
def test_root_checks_the_configuration_of_another_users_repository(others: Path, place: Path) -> None:
    (place / "c.toml").write_text(f'repo = "{others}"\n[dns]\nlisten = "127.0.0.1:53"\n')
    assert "is valid" in command("config", "check", str(place / "c.toml"), SUDO_UID=str(OTHER)).stdout


@needs_root
def test_where_root_works_need_not_be_seen_by_the_owner(place: Path) -> None:
    """As /root is not: the repository isn't looked for again from there."""
    inside = place / "work" / "private"
    inside.mkdir(mode=0o700, parents=True)
    os.chown(inside.parent, OTHER, OTHER)
    change = ("set", "www.example.org.", "A", "60", "192.0.2.1")
    for words in (("--repo", str(inside.parent / ".zonegit"), "init", "example.org"), ("-C", str(inside), *change)):
        done = command(*words, SUDO_UID=str(OTHER))
        assert done.returncode == 0, done.stderr


@needs_root
@pytest.mark.parametrize("name", ["data.mdb", "lock.mdb"])
def test_root_restores_nothing_through_a_link(others: Path, place: Path, name: str) -> None:
    """The service's user plants a link where a restore is about to write."""
    victim, backup = place / "shadow", place / "backup"
    victim.write_bytes(VICTIM)
    victim.chmod(0o600)
    done = command("--repo", str(others), "backup", str(backup), SUDO_UID=str(OTHER))
    assert done.returncode == 0, done.stderr
    assert (backup.stat().st_uid, backup.stat().st_mode & 0o777) == (0, 0o600)
    (others / name).unlink()
    (others / name).symlink_to(victim)
    for number in range(3):  # and where it was interrupted before
        (others / f"restoring-{number}").symlink_to(place)
    command("--repo", str(others), "restore", str(backup), SUDO_UID=str(OTHER))
    assert victim.read_bytes() == VICTIM
    assert victim.stat().st_uid == 0
    assert {file.name for file in place.iterdir()} == {"repo", "shadow", "backup"}
    assert {file.lstat().st_uid for file in others.rglob("*") if not file.is_symlink()} == {OTHER}


@needs_root
def test_a_repository_of_others_is_backed_up_and_restored_as_its_owner(others: Path, place: Path) -> None:
    backup = place / "backup"
    for words in (("backup", str(backup)), ("restore", str(backup)), ("fsck",)):
        done = command("--repo", str(others), *words, SUDO_UID=str(OTHER))
        assert done.returncode == 0, done.stderr
    assert {file.stat().st_uid for file in others.rglob("*")} == {OTHER}
    done = command("--repo", str(others), "backup", str(place / "more"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert not list(place.glob(".more*"))


ROOT_WRITES = re.compile(
    r"\b(cp|mv|chown|chmod|tee|install|ln|touch|rm|flock|rsync|tar|mkdir)\b[^\n`]*/var/lib/zonegit(?!\.)"
)
"""Commands that write by name where the service's user may put links."""


def test_no_documented_command_writes_as_root_where_the_service_may() -> None:
    top = Path(__file__).resolve().parents[3]
    pages = [
        top / "README.md",
        *(top / "docs").rglob("*"),
        *(top / "packaging" / "debian").iterdir(),
        *(top / "systemd").iterdir(),
    ]
    for page in filter(Path.is_file, pages):
        for line in page.read_text(errors="replace").splitlines():
            assert not ROOT_WRITES.search(line) or "runuser -u zonegit" in line, f"{page}: {line}"


def test_what_was_never_finished_is_looked_at_without_following_a_link(repo: Path, victim: Path) -> None:
    (repo / "data.mdb").unlink()
    (repo / "data.mdb").symlink_to(victim)
    with pytest.raises(StoreError):
        is_unfinished(repo)
