"""The verbs on zone files: `import`, `export`, `check`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zonegit.acyclic import acyclic
from zonegit.cli import checks, location, options, render, shapes, transferring
from zonegit.cli.committed import tell, tell_begun
from zonegit.cli.output import Output
from zonegit.cli.undoing import Undoing
from zonegit.cli.verbs import Verb
from zonegit.cli.way_back import reset_way_back
from zonegit.errors import MergeConflict
from zonegit.model.foreign import printable
from zonegit.model.names import parse_apex, to_text

if TYPE_CHECKING:
    from zonegit.model.names import WireName
    from zonegit.repo import Committed
    from zonegit.zonefile.findings import Finding
    from zonegit.zonefile.reader import ParsedZone
    from zonegit.zonefile.source import Progress

_STDIN: Final = "-"
_HEAD: Final = "HEAD"
_READ: Final = 35
_READ_TO_CHECK: Final = 65
"""The share of reading the file in the progress of an import and of a check, in per cent."""
_HELD: Final = 10
"""The most records that a warning lists."""
_SUFFIXES: Final = (".zone", ".gz", ".txt")


@acyclic()
def _import(args: Namespace, out: Output) -> int:
    transferring.check_options(args)
    server: str | None = None
    if args.axfr is None:
        what, source = "the file", file_name(args.file)
    else:
        what, source = "the transfer", printable(f"{args.file} from {args.axfr}")
    bar = out.progress(f"importing {source}")
    with bar:
        if args.axfr is None:
            parsed = read_file(args.file, args.zone, bar.step(0, _READ))
        else:
            parsed, server = transferring.transferred(args, bar)
    undoing = Undoing(args, out, bar, what)
    with options.open_repository(args, out) as repo:
        with bar:
            try:
                done = repo.import_zone(
                    parsed,
                    replace=undoing,
                    merge=not args.replace,
                    keep_serial=args.keep_serial,
                    keep_signatures=args.keep_signatures,
                    source=source,
                    server=server,
                    progress=bar.step(_READ, 100),
                    **options.commit_how(args, to_text(parsed.apex)),
                )
            except MergeConflict as conflict:
                bar.clear()
                _tell_conflict(args, out, parsed.apex, conflict)
                raise
        held = [shapes.change(change, parsed.apex) for change in done.held]
        more = {**undoing.json(), "merged_over": shapes.oid(done.merged_over), "held": held}
        tell(repo, done, args, out, list_changes=args.dry_run, more=more)
        tell_begun(repo, done, out)
        back = reset_way_back(repo, done, args) if undoing.happened else None
    if back:
        out.note(back)
    if done.merged_over:
        lead = "would be merged" if args.dry_run else "merged"
        out.note(
            f"{lead} the file's changes since serial {parsed.serial}, on which it is based, with those of "
            f"{done.branch}; --replace makes the zone equal to the file"
        )
        _tell_held(out, done, parsed.serial)
    elif done.serial != parsed.serial and done.new != done.old:
        out.note(f"{what}'s serial {parsed.serial} is not ahead of the zone's; used the next one, {done.serial}")
    return 0


def _tell_held(out: Output, done: Committed, serial: int) -> None:
    """Warn about records that an earlier import over the same version changed differently."""
    if not done.held:
        return
    apex = parse_apex(done.zone)
    sides = [(render.records(each.old, apex), render.records(each.new, apex)) for each in done.held]
    lines = [line for old, new in sides for line in (*(f"-{it}" for it in old), *(f"+{it}" for it in new))]
    out.warn(
        f"kept records that an earlier import over serial {serial} changed differently (- not in the file, + only "
        "in the file); change them with `set` or `delete`, or use --replace to take the file's:"
    )
    for line in lines[:_HELD]:
        out.note(f"  {line}")
    if len(lines) > _HELD:
        out.note(f"  and {len(lines) - _HELD:,} more")


def _tell_conflict(args: Namespace, out: Output, apex: WireName, conflict: MergeConflict) -> None:
    """The RRsets that the file and the branch changed in different ways."""
    from zonegit.cli import conflicts

    found = conflicts.contradictions(conflict)
    if args.json:
        out.json(
            {
                "operation": "import",
                "zone": to_text(apex),
                "commits": [],
                "conflicts": [conflicts.shape(each, apex) for each in found],
                "together": list(conflict.together),
            }
        )
        return
    conflicts.show(out, found, apex)
    for problem in conflict.together:
        out.line(f"conflict: both together: {problem}")


def _export(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        apex = options.apex(args, repo)
        rrsets = repo.rrsets(args.revision, zone=args.zone)
        if args.json:
            out.json_array(record for rrset in rrsets for record in shapes.records(rrset, apex))
            return 0
        from zonegit.zonefile.writer import write_zone

        for line in write_zone(apex, rrsets, mnemonics=args.mnemonics):
            out.text(line + "\n")  # ASCII: other characters are escaped as in zone files
    return 0


def _check(args: Namespace, out: Output) -> int:
    from zonegit.zonefile.findings import how_many
    from zonegit.zonefile.strict import raised

    if _is_file(args.what):
        apex, findings = _check_file(args, out)
    else:
        apex, findings = _check_version(args, out)
    findings = raised(findings, checks.strict(args, to_text(apex)))
    errors = how_many(each for each in findings if each.severity.name == "ERROR")
    if args.json:
        out.json([shapes.finding(finding, apex) for finding in findings])
    else:
        checks.show(args, out, findings, apex)
        out.note(f"{render.counted(errors, 'error')}, {render.counted(how_many(findings) - errors, 'warning')}")
    return 1 if errors else 0


def _is_file(what: str) -> bool:
    """Whether a file is meant, even one that doesn't exist. No version begins with a dot or a slash."""
    path = Path(what)
    if what == _STDIN or what.startswith((".", "/")) or path.suffix in _SUFFIXES:
        return True
    return path.exists() and not path.is_dir()


def _check_version(args: Namespace, out: Output) -> tuple[WireName, list[Finding]]:
    """Check a version. If it doesn't exist, the error also says that there is no such file."""
    from zonegit.errors import StoreError, UnknownVersion

    try:
        location.existing(args)
    except StoreError as error:
        raise StoreError(_no_file(args.what, str(error))) from None
    with options.open_repository(args, out) as repo, out.progress("checking") as progress:
        apex = options.apex(args, repo)
        try:
            return apex, repo.check(args.what, zone=args.zone, progress=progress)
        except UnknownVersion as error:
            raise UnknownVersion(_no_file(args.what, str(error)), error.name) from None


def _no_file(what: str, and_more: str) -> str:
    return and_more if what == _HEAD else f"there is no file {what}; {and_more}"


@acyclic()
def _check_file(args: Namespace, out: Output) -> tuple[WireName, list[Finding]]:
    from time import time

    from zonegit.dnssec.check import check_signatures
    from zonegit.zonefile.check import check_entries
    from zonegit.zonefile.serial import check_serial

    with out.progress(f"checking {file_name(args.what)}") as bar:
        parsed = read_file(args.what, args.zone, bar.step(0, _READ_TO_CHECK))
        checking = bar.step(_READ_TO_CHECK, 100)
        found = check_entries(parsed.apex, parsed.entries, lambda done: checking(round(done * 1000), 1000))
    findings = [*check_serial(parsed.serial), *found]
    with out.progress("verifying signatures") as bar:
        findings += check_signatures(parsed.apex, parsed.serial, parsed.entries, time(), bar)
    return parsed.apex, [*parsed.warnings, *findings]


def read_file(file: str, zone: str | None, progress: Progress) -> ParsedZone:
    """Read the zone file named on the command line. `ZoneFileError`."""
    from zonegit.zonefile.reader import read_zone

    origin = parse_apex(zone) if zone is not None else None
    source = sys.stdin.buffer if file == _STDIN else Path(file)
    return read_zone(source, name=file_name(file), origin=origin, progress=progress)


def file_name(file: str) -> str:
    """The file's name in messages and in the commit."""
    return "<stdin>" if file == _STDIN else printable(Path(file).name or ".").replace("\t", "\\t")


def _import_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE|ZONE",
        help="a zone file, gzipped or not; - reads standard input; with --axfr the zone's name",
    )
    transferring.transfer_options(parser)
    parser.add_argument(
        "--replace", action="store_true", help="make the zone equal to the file, undoing other commits made since"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="with --replace: don't ask for confirmation")
    parser.add_argument(
        "--keep-serial", action="store_true", help="refuse the file if its serial isn't ahead of the zone's"
    )
    options.commit_options(parser, of_file=True)


def _export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("revision", metavar="REV", nargs="?", default=_HEAD, help="(default: HEAD)")
    parser.add_argument(
        "--mnemonics",
        action="store_true",
        help="write every type and SVCB parameter by name, even those that older name servers don't know",
    )
    options.json_option(parser)


def _check_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what",
        metavar="FILE|REV",
        nargs="?",
        default=_HEAD,
        help="a zone file, - for standard input, or a version (default: HEAD)",
    )
    checks.check_options(parser)
    options.json_option(parser)


VERBS: Final = {
    "import": Verb(_import_arguments, _import),
    "export": Verb(_export_arguments, _export, pages=True),
    "check": Verb(_check_arguments, _check),
}
