"""The verbs on backups: `backup`, `restore`."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zonegit.cli import location, options
from zonegit.cli.output import Output
from zonegit.cli.ownership import as_owner
from zonegit.cli.verbs import Verb
from zonegit.errors import AlreadyThere, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

_DATA: Final = "data.mdb"
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def _backup(args: Namespace, out: Output) -> int:
    from zonegit.store.backup import back_up

    target: Path = args.file
    if target.exists() or target.is_symlink():
        raise AlreadyThere(f"{target} is there already: name a new file for each backup")
    repository = location.existing(args)
    beside = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        file = os.open(beside, _NEW, 0o600)
    except OSError as error:
        raise StoreError(f"can't write {target}: {error.strerror}") from None
    try:
        failed = _apart(lambda: back_up(as_owner(repository), file), out)
        if failed:
            return failed
        size = os.fstat(file).st_size
        os.link(beside, target, follow_symlinks=False)  # unlike a rename, it never replaces a file
    except FileExistsError:
        raise AlreadyThere(f"{target} is there already: name a new file for each backup") from None
    finally:
        os.close(file)
        beside.unlink()
    out.note(f"wrote {target}: {size >> 10:,} KiB")
    return 0


def _apart(work: Callable[[], None], out: Output) -> int:
    """Do this in a process of its own where root gives up its rights for it; the exit code."""
    if os.geteuid():
        work()
        return 0
    from zonegit.cli.main import guarded

    def told() -> int:
        work()
        return 0

    out.flush()
    out.stderr.flush()
    child = os.fork()
    if not child:
        code = 1
        try:
            code = guarded(told, out)
            out.stderr.flush()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _restore(args: Namespace, out: Output) -> int:
    from zonegit.store.backup import restore

    source = _opened(args.source)
    try:
        target = as_owner(_target(args))
        with out.progress("checking objects") as progress:
            kept = restore(target, source, dry_run=args.dry_run, progress=progress)
    finally:
        os.close(source)
    if args.dry_run:
        out.note(f"dry run, nothing written: {args.source} is whole, and would become the repository in {target}")
        return 0
    out.note(f"restored the repository in {target} from {args.source}, as another one than its peers know")
    if kept:
        out.note(f"what was there is in {kept}: remove it when nothing in it is missed")
    return 0


def _opened(source: Path) -> int:
    """A backup, or the repository of a clone that nobody writes to."""
    file = source / _DATA if source.is_dir() else source
    try:
        return os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"can't read the backup {file}: {error.strerror}") from None


def _target(args: Namespace) -> Path:
    """The repository that is meant, whether it is there or lost."""
    try:
        return location.existing(args)
    except StoreError:
        return location.new(args)


def _backup_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="a new file for it")


def _restore_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="BACKUP", type=Path, help="a file of `zonegit backup`, or a clone's directory"
    )
    options.dry_run_option(parser)


_BACKUP_DETAILS: Final = """\
The file holds every zone with its whole history and the reflog, as of one moment, while anybody may go on writing.
It can be read by its owner alone. Keys and the daemon's configuration are not in it."""
_RESTORE_DETAILS: Final = """\
The backup is copied and checked first; what was there stays in a directory beside it. It is refused while zonegitd
or a zonegit uses the repository. Secondaries have to be told afterwards: `zonegit peer accept-epoch` on each. For a
zone that was removed see `zone restore`, for an older version of a branch `reset --hard`."""

VERBS: Final = {
    "backup": Verb(_backup_arguments, _backup, _BACKUP_DETAILS),
    "restore": Verb(_restore_arguments, _restore, _RESTORE_DETAILS),
}
