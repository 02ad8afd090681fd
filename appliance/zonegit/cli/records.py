"""The verbs on records: `set`, `add`, `delete`, `show`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render, shapes
from zonegit.cli.committed import tell
from zonegit.cli.output import Output
from zonegit.cli.rdata import read_rdatas
from zonegit.cli.verbs import Verb
from zonegit.errors import InvalidRecord, NotFound
from zonegit.zonefile.types import parse_ttl, parse_type

if TYPE_CHECKING:
    from zonegit.repo import Repository

_ANY: Final = "ANY"
_KEEP_TTL: Final = "-"

_RDATA_RULE: Final = """\
NAME is relative to the zone (www), @ for its apex, or absolute with a final dot (www.example.org.); so are names
in RDATA. TTL is in seconds or with units (1h30m).

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
    rtype = parse_type(args.type)
    ttl = _ttl(args)
    with options.open_repository(args) as repo:
        done = repo.set(args.name, rtype, ttl, _rdatas(repo, args, rtype), **options.commit_how(args))
        return tell(repo, done, args, out)


def _add(args: Namespace, out: Output) -> int:
    rtype = parse_type(args.type)
    ttl = None if args.ttl == _KEEP_TTL else _ttl(args)
    with options.open_repository(args) as repo:
        done = repo.add(args.name, rtype, ttl, _rdatas(repo, args, rtype), **options.commit_how(args))
        return tell(repo, done, args, out)


def _delete(args: Namespace, out: Output) -> int:
    rtype = parse_type(args.type) if args.type else None
    with options.open_repository(args) as repo:
        rdatas = [] if rtype is None or not args.rdata else _rdatas(repo, args, rtype)
        done = repo.delete(args.name, rtype, rdatas, **options.commit_how(args))
        return tell(repo, done, args, out)


def _show(args: Namespace, out: Output) -> int:
    rtype = None if args.type.upper() == _ANY else parse_type(args.type)
    with options.open_repository(args) as repo:
        apex = options.apex(args, repo)
        if rtype is None:
            found = repo.rrsets_at(args.name, args.revision, zone=args.zone)
            if not found:
                raise NotFound(f"{args.name} has no records in {repo.position(args.zone).zone}")
        else:
            found = [repo.rrset(args.name, rtype, args.revision, zone=args.zone)]
    if args.json:
        out.json([record for rrset in found for record in shapes.records(rrset, apex)])
    else:
        for rrset in found:
            for line in render.records(rrset, apex):
                out.line(line)
    return 0


def _ttl(args: Namespace) -> int:
    try:
        return parse_ttl(args.ttl)
    except InvalidRecord as error:
        raise InvalidRecord(f"{error}; the order is NAME TYPE TTL RDATA") from None


def _rdatas(repo: Repository, args: Namespace, rtype: int) -> list[bytes]:
    return read_rdatas(rtype, args.rdata, options.apex(args, repo))


def _set_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", help="a mnemonic, or TYPE65280 (RFC 3597)")
    parser.add_argument("ttl", metavar="TTL", help="seconds, or 1h30m")
    parser.add_argument("rdata", metavar="RDATA", nargs="+", help="one record each; see below")
    options.commit_options(parser)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", help="a mnemonic, or TYPE65280 (RFC 3597)")
    parser.add_argument("ttl", metavar="TTL", help="of all records of the type; - keeps the one they have")
    parser.add_argument("rdata", metavar="RDATA", nargs="+", help="one record each; see below")
    options.commit_options(parser)


def _delete_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", nargs="?", help="(default: everything at the name)")
    parser.add_argument("rdata", metavar="RDATA", nargs="*", help="single records, as `set` reads them")
    options.commit_options(parser)


def _show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", help="ANY shows every type")
    parser.add_argument("revision", metavar="REV", nargs="?", default="HEAD", help="(default: HEAD)")
    options.json_option(parser)


VERBS: Final = {
    "set": Verb(_set_arguments, _set, _RDATA_RULE.format(verb="set")),
    "add": Verb(_add_arguments, _add, _RDATA_RULE.format(verb="add")),
    "delete": Verb(_delete_arguments, _delete),
    "show": Verb(_show_arguments, _show),
}
