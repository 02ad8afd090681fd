"""The verbs on desired states: `apply`, `plan`."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from argparse import ArgumentParser, Namespace
from contextlib import contextmanager
from io import BufferedReader, FileIO, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

from zonegit.cli import checks, conflicts, options, plan_files, render, shapes, typed_names
from zonegit.cli.committed import tell
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.cli.zonefiles import file_name
from zonegit.errors import BaseGone, BranchGone, MergeConflict, UsageError, ZoneFileError
from zonegit.model.names import parse_apex, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zonegit.repo import Repository
    from zonegit.repo.plan import Plan
    from zonegit.repo.planning import Planned
    from zonegit.repo.writing import CommitOptions
    from zonegit.zonefile.reader import ParsedZone

_STDIN: Final = "-"
_BEGIN: Final = 32
"""How many leading bytes distinguish a plan from a zone file."""
_BELOW_RULE: Final = """\
FILE holds the complete zone or, with --below, all records at NAME and below it; any other record there is deleted.
A file for --below needs no SOA or NS records; names in it are relative to the zone unless $ORIGIN says otherwise,
and records elsewhere are refused. The SOA serial in FILE is ignored: the zone gets its next serial."""


class _Given(NamedTuple):
    """The file named on the command line, opened as the user who ran the command."""

    begin: bytes
    """Its first bytes."""
    stream: BinaryIO
    path: Path | None
    """None for a pipe, which can't be read twice."""
    user: int

    @property
    def source(self) -> Path | BinaryIO:
        """The path or the stream to read: the repository's owner, which root becomes (`cli.ownership`), may not be
        able to open the path."""
        return self.path if self.path is not None and os.geteuid() == self.user else self.stream


def _apply(args: Namespace, out: Output) -> int:
    from zonegit.repo.plan import is_plan

    with _opened(args.file) as given:
        if is_plan(given.begin):
            return _apply_plan(args, given, out)
        if args.rebase or args.output or args.force:
            raise UsageError(f"apply: --rebase, -o and --force need a plan, and {args.file} is a zone file")
        with _state(args, given, out, reads=False) as (repo, wanted):
            how = options.commit_how(args, to_text(wanted.apex))
            return tell(repo, repo.apply(wanted, source=file_name(args.file), **how), args, out)


def _apply_plan(args: Namespace, given: _Given, out: Output) -> int:
    _check_rebase(args)
    plan = plan_files.read(given.stream)
    _check_options(args, plan)
    try:
        return _rebase(args, plan, out) if args.rebase else _carry_out(args, plan, out)
    except BranchGone as error:
        where = shlex.quote(error.renamed) if error.renamed else "NAME"
        how = f"`zonegit apply PLAN --rebase --branch {where} -o NEW` makes a new plan for that branch"
        raise BranchGone(f"{error}; {how}", error.renamed) from None
    except BaseGone as error:
        raise BaseGone(f"{error}; make a new plan from the wanted state: `zonegit plan FILE -o NEW`") from None


def _carry_out(args: Namespace, plan: Plan, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        done = repo.apply_plan(
            plan,
            who=args.author,
            message=args.message,
            dry_run=args.dry_run,
            strict=checks.strict(args, plan.zone),
            sign=args.sign,
            not_before=args.at,
        )
        return tell(repo, done, args, out, more={"plan": plan.hash})


def _check_rebase(args: Namespace) -> None:
    if args.rebase and not args.output:
        raise UsageError("apply: --rebase commits nothing, it writes a new plan: name the file with -o NEW")
    if not args.rebase and (args.output or args.force):
        raise UsageError("apply: -o and --force need --rebase, which writes a new plan")
    if args.rebase and (args.message or args.author or args.sign is not None or args.at is not None):
        raise UsageError(
            "apply: the new plan keeps message and author; give -m, --author, -S and --at when you apply it"
        )


def _check_options(args: Namespace, plan: Plan) -> None:
    """Refuse options that contradict the plan. `UsageError`."""
    if args.below is not None or args.signatures != "keep":
        raise UsageError("apply: a plan is exact; give --below, --unsign and --break-signatures to `plan`")
    zone = None if args.zone is None else to_text(parse_apex(args.zone))
    branch = None if args.rebase else args.branch
    if zone not in (None, plan.zone) or branch not in (None, plan.branch):
        raise UsageError(f"apply: the plan is for zone {plan.zone}, branch {plan.branch}, and for no other")


def _rebase(args: Namespace, plan: Plan, out: Output) -> int:
    plan_files.check_free(args.output, force=args.force or args.dry_run)
    plan = plan._replace(branch=args.branch or plan.branch)
    with options.open_repository(args, out, reads=True) as repo:
        try:
            made = repo.rebase_plan(plan, strict=checks.strict(args, plan.zone))
        except MergeConflict as conflict:
            conflicts.tell(args, out, "apply", plan.zone, conflict)
            how = shlex.join(["zonegit", "plan", "FILE", "--branch", plan.branch, "-o", args.output])
            what = f"{conflict}; no plan was written: make one from the state that you want now, `{how}`"
            raise MergeConflict(what, conflict.conflicts, conflict.together) from None
        return _write(args, made, out)


def _plan(args: Namespace, out: Output) -> int:
    plan_files.check_free(args.output, force=args.force or args.dry_run)
    if args.sign is not None:
        raise UsageError("plan: a plan isn't signed; give -S to `apply`, which makes the commit")
    if args.at is not None:
        raise UsageError("plan: a plan has no time; give --at to `apply`, which makes the commit")
    with _opened(args.file) as given, _state(args, given, out, reads=True) as (repo, wanted):
        how: CommitOptions = {**options.commit_how(args, to_text(wanted.apex)), "sign": False}
        return _write(args, repo.plan(wanted, source=file_name(args.file), **how), out)


def _write(args: Namespace, made: Planned, out: Output) -> int:
    """Write the plan unless it changes nothing, and report it."""
    plan, would = made
    written = bool(plan.steps) and not args.dry_run
    if written:
        plan_files.write(args.output, plan, force=args.force)
        out.made(f"but {args.output} was written")
    changes = [render.served(change, *plan.serials) for change in would.changes]
    if args.json:
        named = plan.hash if plan.steps else None
        out.json({**shapes.committed(would, changes), "plan": named, "file": args.output if written else None})
        return 0
    apex = parse_apex(plan.zone)
    render.show_changes(out, changes, apex)
    checks.warn(args, out, would.findings, apex, committed=False)
    place = f"[{plan.zone} {plan.branch}]"
    if not plan.steps:
        out.note(f"{place} nothing to change, so no plan was written")
        return 0
    done = f"planned in {args.output}" if written else "dry run, nothing written"
    count = render.counted(len(plan.steps), "RRset")
    out.note(f"{place} {done}: serial {would.serial}, {count} would change, plan {plan.hash[:12]}")
    return 0


@contextmanager
def _state(args: Namespace, given: _Given, out: Output, *, reads: bool) -> Iterator[tuple[Repository, ParsedZone]]:
    """The repository, and the state that the file describes."""
    wanted = None if args.below else _read(args, given, out)
    with options.open_repository(args, out, reads=reads) as repo:
        yield repo, wanted or _read_part(args, given, repo, out)


@contextmanager
def _opened(file: str) -> Iterator[_Given]:
    """Open the file named on the command line."""
    if file == _STDIN:
        with _buffered(cast(RawIOBase, sys.stdin.buffer)) as stream:
            yield _Given(_begin(stream, file), stream, None, os.geteuid())
        return
    try:
        opened = FileIO(os.open(file, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        raise ZoneFileError(f"{file}: {error.strerror}") from None
    with opened, _buffered(opened) as stream:
        plain = stat.S_ISREG(os.fstat(opened.fileno()).st_mode)
        yield _Given(_begin(stream, file), stream, Path(file) if plain else None, os.geteuid())


def _begin(stream: BufferedReader, file: str) -> bytes:
    try:
        return stream.peek()[:_BEGIN]
    except OSError as error:
        raise ZoneFileError(f"{file}: {error.strerror}") from None


@contextmanager
def _buffered(raw: RawIOBase) -> Iterator[BufferedReader]:
    """A stream that can be peeked into; closing it leaves `raw` open."""
    stream: BufferedReader = BufferedReader(raw)
    try:
        yield stream
    finally:
        stream.detach()


def _read(args: Namespace, given: _Given, out: Output) -> ParsedZone:
    """The state of a whole zone."""
    from zonegit.zonefile.reader import read_zone

    origin = parse_apex(args.zone) if args.zone is not None else None
    name = file_name(args.file)
    with out.progress(f"reading {name}") as bar:
        return read_zone(given.source, name=name, origin=origin, progress=bar.step(0, 100))


def _read_part(args: Namespace, given: _Given, repo: Repository, out: Output) -> ParsedZone:
    """The state of a name and the names below it."""
    from zonegit.repo.context import owner_of
    from zonegit.zonefile.reader import read_zone

    apex = parse_apex(typed_names.zone_of(args, args.below, repo, out))
    below = owner_of(args.below, apex)
    name = file_name(args.file)
    with out.progress(f"reading {name}") as bar:
        return read_zone(given.source, name=name, origin=apex, below=below, progress=bar.step(0, 100))


def _apply_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE|PLAN", help="a zone file, gzipped or not, or a plan; - reads standard input"
    )
    parser.add_argument(
        "--rebase", action="store_true", help="commit nothing; write a new plan for the branch as it is now"
    )
    parser.add_argument("-o", dest="output", metavar="NEW", help="with --rebase: the new plan's file")
    _state_options(parser)


def _plan_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a zone file, gzipped or not; - reads standard input")
    parser.add_argument("-o", dest="output", metavar="PLAN", required=True, help="the plan's file")
    _state_options(parser)


def _state_options(parser: ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="overwrite an existing regular file with the plan")
    parser.add_argument(
        "--below", metavar="NAME", help="FILE holds the records at NAME and below it, not the whole zone"
    )
    typed_names.relative_option(parser)
    options.commit_options(parser)


VERBS: Final = {
    "apply": Verb(_apply_arguments, _apply, _BELOW_RULE),
    "plan": Verb(_plan_arguments, _plan, _BELOW_RULE),
}
