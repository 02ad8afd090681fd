"""The verbs on records: `set`, `add`, `delete`, `show`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from shlex import quote
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render, shapes, typed
from zonegit.cli.committed import tell
from zonegit.cli.field_order import order_hint
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.errors import InvalidRecord, NotFound, UsageError
from zonegit.model.names import parse_apex
from zonegit.model.rdata import SOA, soa_serial
from zonegit.zonefile.types import cannot_stand, is_meta, parse_ttl, parse_type

if TYPE_CHECKING:
    from zonegit.repo import Committed

_KEEP_TTL: Final = "-"

_RDATA_RULE: Final = """\
NAME is relative to the zone (www), @ for its apex, or absolute with a final dot (www.example.org.), which then
picks its zone, too; so are names in RDATA. TTL is in seconds or with units (1h30m).

Each RDATA argument is one record; quote a record of several fields to make it one argument. Where they aren't
records each, all arguments are the fields of one record, and get back the quotes that the shell took:
  zonegit {verb} www A 300 192.0.2.1 192.0.2.2              two records
  zonegit {verb} @ MX 1h "10 mail" "20 mail2"               two records
  zonegit {verb} @ MX 1h 10 mail                            one record
  zonegit {verb} @ CAA 1h 0 issue "ca.example; a=b"         one record
  zonegit {verb} @ TXT 300 "v=spf1 -all"                    one record, one string
  zonegit {verb} @ TXT 300 '"one string" "another one"'     one record, two strings
Put -- before an argument that begins with a dash."""


def _set(args: Namespace, out: Output) -> int:
    rtype, ttl = head(args, "set")
    with options.open_repository(args, out) as repo:
        zone = typed.zone_of(args, args.name, repo, out, rtype)
        rdatas = typed.rdatas(args, rtype, zone, repo)
        done = repo.set(args.name, rtype, ttl, rdatas, **options.commit_how(args, zone))
        code = tell(repo, done, args, out)
    if rtype == SOA:
        _tell_serial(soa_serial(rdatas[0]), done, out)
    return code


def _tell_serial(asked: int, done: Committed, out: Output) -> None:
    """The serial that was asked for, where it wasn't taken."""
    if done.serial == asked:
        return
    lead = f"the serial {asked} isn't ahead of the zone's"
    if done.new == done.old:
        out.note(f"{lead}, which stays {done.serial}")
    else:
        out.note(f"{lead}; the next one, {done.serial}, was taken")


def _add(args: Namespace, out: Output) -> int:
    rtype, ttl = head(args, "add")
    with options.open_repository(args, out) as repo:
        zone = typed.zone_of(args, args.name, repo, out, rtype)
        done = repo.add(
            args.name, rtype, ttl, typed.rdatas(args, rtype, zone, repo), **options.commit_how(args, zone)
        )
        return tell(repo, done, args, out)


def _delete(args: Namespace, out: Output) -> int:
    rtype = type_to_delete(args)
    with options.open_repository(args, out) as repo:
        zone = typed.zone_of(args, args.name, repo, out, rtype)
        rdatas = [] if rtype is None or not args.rdata else typed.rdatas(args, rtype, zone, repo)
        done = repo.delete(args.name, rtype, rdatas, **options.commit_how(args, zone))
        return tell(repo, done, args, out)


def _show(args: Namespace, out: Output) -> int:
    if args.type is None:
        return _show_commit(args, out)
    if args.stat or args.oneline or args.parent:
        raise UsageError("show: --stat, --oneline and -m are about a version, and NAME TYPE are records of one")
    rtype = typed.type_of(args.type)
    with options.open_repository(args, out) as repo:
        zone = typed.zone_of(args, args.what, repo, out, rtype)
        if rtype is None:
            found = repo.rrsets_at(args.what, args.revision, zone=zone)
            if not found:
                raise NotFound(f"{args.what} has no records in {zone}")
        else:
            found = [repo.rrset(args.what, rtype, args.revision, zone=zone)]
    apex = parse_apex(zone)
    if args.json:
        out.json([record for rrset in found for record in shapes.records(rrset, apex)])
    else:
        for rrset in found:
            for line in render.records(rrset, apex):
                out.line(line)
    return 0


def _show_commit(args: Namespace, out: Output) -> int:
    """A version as git shows it: its commit, and what that changed."""
    from zonegit.cli import commits

    with options.open_repository(args, out) as repo:
        try:
            revision = repo.resolve(args.what, zone=args.zone)
        except NotFound as error:
            raise NotFound(f"{error}{_records_hint(args.what)}") from None
        tag = repo.tag_object(args.what, zone=args.zone)
        of = commits.Differing(repo, revision, args.zone, parent=args.parent)
        if of.parent:
            next(of.changes(), None)  # refuses a parent that isn't there before anything is printed
        if args.json:
            out.json(shapes.shown(revision, of.combined() if of.is_combined else of.changes(), tag))
            return 0
        if tag:
            commits.show_tag(out, tag[1])
        labels = commits.labels(repo, args.zone)
        if args.oneline:
            commits.show_oneline(out, revision, labels)
        else:
            commits.show_commit(out, revision, labels)
        commits.show_changes(out, of, patch=not args.stat, count=args.stat, apart=not args.oneline)
    return 0


def _records_hint(word: str) -> str:
    """How records are shown, where a word that is no version may be a name."""
    if typed.is_bare_type(word):
        return f"; the records of the apex: `zonegit show @ {word}`"
    return f"; the records of a name: `zonegit show {quote(word[:80])} ANY`" if typed.may_be_name(word) else ""


def head(args: Namespace, verb: str) -> tuple[int, int | None]:
    """TYPE and TTL; None keeps the TTL that is there. `InvalidRecord` tells the order of the fields."""
    try:
        rtype = parse_type(args.type)
        ttl = None if args.ttl == _KEEP_TTL or is_meta(rtype) else parse_ttl(args.ttl)
    except InvalidRecord as error:
        raise InvalidRecord(f"{error}; {order_hint(verb, args.name, [args.type, args.ttl, *args.rdata])}") from None
    if is_meta(rtype):
        raise InvalidRecord(cannot_stand(rtype))
    return rtype, ttl


def type_to_delete(args: Namespace) -> int | None:
    """TYPE; None for every type at the name."""
    rtype = parse_type(args.type) if args.type else None
    if rtype is not None and is_meta(rtype):
        raise InvalidRecord(f"{cannot_stand(rtype)}; leave TYPE out to delete every type at {args.name}")
    return rtype


def _parent(text: str) -> int:
    if not text.isdecimal() or not int(text[:9]) >= 1:
        raise ArgumentTypeError(f"{text[:40]!r} is no parent's number: 1 is the first")
    return int(text[:9])


def _set_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", help="a mnemonic, or TYPE65280 (RFC 3597)")
    parser.add_argument("ttl", metavar="TTL", help="seconds, or 1h30m; - keeps the one they have")
    parser.add_argument("rdata", metavar="RDATA", nargs="+", help="one record each; see below")
    typed.relative_option(parser)
    options.commit_options(parser)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", help="a mnemonic, or TYPE65280 (RFC 3597)")
    parser.add_argument("ttl", metavar="TTL", help="of all records of the type; - keeps the one they have")
    parser.add_argument("rdata", metavar="RDATA", nargs="+", help="one record each; see below")
    typed.relative_option(parser)
    options.commit_options(parser)


def _delete_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", nargs="?", help="(default: everything at the name)")
    parser.add_argument("rdata", metavar="RDATA", nargs="*", help="single records, as `set` reads them")
    typed.relative_option(parser)
    options.commit_options(parser)


def _show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what", metavar="REV|NAME", nargs="?", default="HEAD", help="a version (default: HEAD); a name"
    )
    parser.add_argument("type", metavar="TYPE", nargs="?", help="the records of NAME; ANY shows every type")
    parser.add_argument("revision", metavar="REV", nargs="?", default="HEAD", help="(default: HEAD)")
    parser.add_argument("--stat", action="store_true", help="of a version: only how many RRsets it changed")
    parser.add_argument("--oneline", action="store_true", help="of a version: its commit in one line")
    parser.add_argument(
        "-m", dest="parent", metavar="N", type=_parent, help="of a merge: what it changed against its Nth parent"
    )
    typed.relative_option(parser)
    options.json_option(parser)


_SHOW_DETAILS: Final = """\
With one argument or none: that version's commit and the records that it changed. With NAME TYPE: the records there,
in HEAD or in REV. One word is always a version: `zonegit show www ANY` shows a name's records. Of a merge what
differs from all of its parents is shown, with a column of `-` and `+` for each."""

VERBS: Final = {
    "set": Verb(_set_arguments, _set, _RDATA_RULE.format(verb="set")),
    "add": Verb(_add_arguments, _add, _RDATA_RULE.format(verb="add")),
    "delete": Verb(_delete_arguments, _delete),
    "show": Verb(_show_arguments, _show, _SHOW_DETAILS, pages=True),
}
