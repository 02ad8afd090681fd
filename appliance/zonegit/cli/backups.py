"""The verbs on backups: `backup`, `restore` (which also restores records, see `cli.undo`)."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from signal import SIGKILL
from typing import Final

from zonegit.cli import location, options, typed_names
from zonegit.cli.output import Output
from zonegit.cli.ownership import as_owner
from zonegit.cli.verbs import Verb
from zonegit.errors import AlreadyThere, NoBackup, StoreError, UsageError, ZonegitError

_STREAM: Final = "-"
_FROM: Final = "; to restore the records of a name: 'zonegit restore {} --from REV'"
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def _backup(args: Namespace, out: Output) -> int:
    from zonegit.cli.interruption import interruptible

    repository = location.existing(args)
    if args.file == _STREAM:
        if out.stdout.isatty():
            raise UsageError("refusing to write a backup to a terminal: redirect it to a file or a program")
        with interruptible(lambda: "interrupted; the backup that was written is incomplete"):
            return _apart(repository, out.stdout.fileno(), "standard output", out)
    with interruptible(lambda: "interrupted; no backup was written"):
        return _to_file(repository, Path(args.file), out)


def _to_file(repository: Path, target: Path, out: Output) -> int:
    if target.exists() or target.is_symlink():
        raise AlreadyThere(f"{target} already exists: name a new file for each backup")
    beside = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        file = os.open(beside, _NEW, 0o600)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror}") from None
    try:
        failed = _apart(repository, file, str(target), out)
        if failed:
            return failed
        size = os.fstat(file).st_size
        os.link(beside, target, follow_symlinks=False)  # unlike a rename, it never replaces a file
    except FileExistsError:
        raise AlreadyThere(f"{target} already exists: name a new file for each backup") from None
    finally:
        os.close(file)
        beside.unlink()
    out.note(f"wrote {target}: {size >> 10:,} KiB")
    return 0


def _apart(repository: Path, file: int, name: str, out: Output) -> int:
    """Write the backup in a child process; returns its exit code.

    The child gives up root's rights. LMDB copies in one call, which only the end of the process interrupts.
    """
    from zonegit.cli.main import guarded
    from zonegit.store.backup import back_up

    def write() -> int:
        back_up(as_owner(repository), file, name)
        return 0

    out.flush()
    out.stderr.flush()
    child = os.fork()
    if not child:
        code = 1
        try:
            code = guarded(write, out)
            out.stderr.flush()
        finally:
            os._exit(code)
    try:
        status = os.waitpid(child, 0)[1]
    except KeyboardInterrupt:
        os.kill(child, SIGKILL)
        os.waitpid(child, 0)
        raise
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        raise StoreError(f"the process that wrote {name} was killed by signal {number}: the backup is incomplete")
    return os.waitstatus_to_exitcode(status)


def _restore(args: Namespace, out: Output) -> int:
    if args.revision is not None:
        from zonegit.cli.undo import restore_records

        return restore_records(args, out)
    if args.type is not None or args.below:
        raise UsageError(
            "restore: to restore records, name a version with --from REV; to restore a backup, give one argument"
        )
    if (given := next((option for option, value in _of_records(args) if value), None)) is not None:
        raise UsageError(f"restore: {given} is for restoring records, which needs --from REV")
    return _restore_backup(args, out)


def _of_records(args: Namespace) -> list[tuple[str, object]]:
    """Options that only apply to restoring records, each with whether it was given."""
    return [
        ("--message", args.message is not None),
        ("--author", args.author),
        ("--branch", args.branch),
        ("--unsign", args.signatures == "unsign"),
        ("--break-signatures", args.signatures == "break"),
        ("--strict", args.strict),
        ("--json", args.json),
    ]


def _restore_backup(args: Namespace, out: Output) -> int:
    from zonegit.cli.interruption import interruptible
    from zonegit.store.backup import restore

    name = "standard input" if args.source == _STREAM else args.source
    source = _opened(args.source)
    try:
        target = as_owner(_target(args))
        before = _data_file(target)

        def outcome() -> str:
            done = _data_file(target) != before
            return f"interrupted, but {name} was restored" if done else "interrupted; nothing was changed"

        with interruptible(outcome), out.progress("checking objects") as progress:
            kept = restore(target, source, name, dry_run=args.dry_run, progress=progress)
    except NoBackup as error:
        raise NoBackup(f"{error}{_records_hint(args)}") from None
    finally:
        os.close(source)
    if args.dry_run:
        out.note(f"dry run, nothing written: {name} is complete, and would become the repository in {target}")
        return 0
    out.note(f"restored the repository in {target} from {name}; its peers have to accept its new epoch")
    if kept:
        out.note(f"the previous repository is in {kept}: remove it when you no longer need it")
    return 0


def _data_file(repository: Path) -> tuple[int, int] | None:
    """Device and inode of the repository's data file; None without one."""
    try:
        found = (repository / location.DATA).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _opened(source: str) -> int:
    """Open a backup file, or the data file of a clone that nobody writes to."""
    if source == _STREAM:
        if sys.stdin.isatty():
            raise UsageError("restore -: standard input is a terminal; redirect it from a file or a pipe")
        return os.dup(sys.stdin.fileno())
    file = Path(source)
    if file.is_dir():
        file /= location.DATA
        if not file.exists():
            inside = Path(source, location.HERE)
            what = (
                str(inside)
                if (inside / location.DATA).exists()
                else "a file written by `zonegit backup`, or a clone's directory"
            )
            raise StoreError(f"{source} holds no repository: name {what}")
    try:
        opened = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        hint = _FROM.format(source)
        may_be_name = isinstance(error, FileNotFoundError) and "/" not in source
        raise StoreError(f"cannot read the backup {file}: {error.strerror}{hint if may_be_name else ''}") from None
    os.set_blocking(opened, True)  # a pipe that a shell names has a writer that may be slow
    return opened


def _records_hint(args: Namespace) -> str:
    """A hint at --from, if the file has the name of an owner in the zone; else empty."""
    from zonegit.repo import Repository

    if "/" in args.source or args.source == _STREAM:
        return ""
    try:
        with Repository.open(location.existing(args), readonly=True) as repo:
            there = repo.rrsets_at(args.source, zone=args.zone)
    except ZonegitError:
        return ""
    return _FROM.format(args.source) if there else ""


def _target(args: Namespace) -> Path:
    """The repository that is meant, whether it exists or is lost."""
    try:
        return location.existing(args)
    except StoreError:
        return location.new(args)


def _backup_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a new file; - writes to standard output")


def _restore_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="BACKUP|NAME",
        help="a backup file, a clone's directory, or - for standard input; with --from: a name",
    )
    parser.add_argument(
        "type", metavar="TYPE", nargs="?", help="with --from: only this type (default: all of NAME)"
    )
    parser.add_argument("--from", dest="revision", metavar="REV", help="restore records from this version")
    parser.add_argument("--below", action="store_true", help="with --from: all names below NAME too")
    typed_names.relative_option(parser)
    options.commit_options(parser)


_BACKUP_DETAILS: Final = """\
The file holds every zone with its complete history and the reflog, as of one moment; others may write meanwhile.
Only its owner can read it. It doesn't contain keys or the daemon's configuration."""
_RESTORE_DETAILS: Final = """\
With --from, one commit makes the records at NAME what they were in REV; records that weren't there then are
deleted. No backup is read.

Without --from, a backup replaces the repository. It is copied and checked first; the previous repository is kept in
a directory beside it. This is refused while zonegitd or a zonegit command uses the repository. Afterwards run
`zonegit peer accept-epoch` on each secondary. To restore a removed zone see `zone restore`; for an older version of
a whole branch see `undo` and `reset --hard`."""

VERBS: Final = {
    "backup": Verb(_backup_arguments, _backup, _BACKUP_DETAILS),
    "restore": Verb(_restore_arguments, _restore, _RESTORE_DETAILS),
}
