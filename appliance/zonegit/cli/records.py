"""The verbs on records: `set`, `add`, `delete`, `show`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from shlex import quote
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render, shapes, typed_names
from zonegit.cli.committed import tell
from zonegit.cli.field_order import order_hint
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.errors import InvalidRecord, NotFound, UsageError
from zonegit.model.names import parse_apex
from zonegit.model.rdata import SOA, soa_serial
from zonegit.zonefile.types import cannot_stand, is_meta, parse_ttl, parse_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zonegit.repo import Committed, Decided, Repository, Revision
    from zonegit.repo.publishing.policy import PublishPolicy
    from zonegit.repo.results import Position

_KEEP_TTL: Final = "-"

_RDATA_RULE: Final = """\
NAME is relative to the zone (www), @ for its apex, or absolute with a final dot (www.example.org.), which also
selects the zone. The same holds for names in RDATA. TTL is in seconds or has units (1h30m).

Each RDATA argument is one record; quote a record of several fields to make it one argument. If not every argument
is a record, all arguments together are the fields of one record, with the quotes restored that the shell removed:
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
        zone = typed_names.zone_of(args, args.name, repo, out, rtype)
        rdatas = typed_names.rdatas(args, rtype, zone, repo)
        signed = _signed(args, repo, zone) if args.auto_sign else {}
        done = repo.set(args.name, rtype, ttl, rdatas, **options.commit_how(args, zone))
        code = tell(repo, done, args, out)
    if rtype == SOA:
        _tell_serial(soa_serial(rdatas[0]), done, out)
    return _publish(signed, args, out) if signed and not args.dry_run else code


def _signed(args: Namespace, repo: Repository, zone: str) -> Mapping[Position, PublishPolicy]:
    """The branches of a signed zone. `Refused` if it isn't signed here."""
    from zonegit.cli.rollovers import signed_branches

    return signed_branches(args, repo, zone)


def _publish(signed: Mapping[Position, PublishPolicy], args: Namespace, out: Output) -> int:
    from zonegit.cli.publishing import publish_by

    return publish_by(signed, args, out, quiet=args.json)


def _tell_serial(asked: int, done: Committed, out: Output) -> None:
    """Note which serial was used, if not the requested one."""
    if done.serial == asked:
        return
    lead = f"the serial {asked} is not ahead of the zone's"
    if done.new == done.old:
        out.note(f"{lead}, which remains {done.serial}")
    else:
        out.note(f"{lead}; used the next one, {done.serial}")


def _add(args: Namespace, out: Output) -> int:
    rtype, ttl = head(args, "add")
    with options.open_repository(args, out) as repo:
        zone = typed_names.zone_of(args, args.name, repo, out, rtype)
        done = repo.add(
            args.name, rtype, ttl, typed_names.rdatas(args, rtype, zone, repo), **options.commit_how(args, zone)
        )
        return tell(repo, done, args, out)


def _delete(args: Namespace, out: Output) -> int:
    rtype = type_to_delete(args)
    with options.open_repository(args, out) as repo:
        zone = typed_names.zone_of(args, args.name, repo, out, rtype)
        rdatas = [] if rtype is None or not args.rdata else typed_names.rdatas(args, rtype, zone, repo)
        done = repo.delete(args.name, rtype, rdatas, **options.commit_how(args, zone))
        return tell(repo, done, args, out)


def _show(args: Namespace, out: Output) -> int:
    if args.type is None:
        return _show_commit(args, out)
    if args.stat or args.oneline or args.parent:
        raise UsageError("show: --stat, --oneline and -m are for showing a version, not the records of NAME TYPE")
    rtype = typed_names.type_of(args.type)
    with options.open_repository(args, out) as repo:
        zone = typed_names.zone_of(args, args.what, repo, out, rtype)
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
    """A version, as `git show` prints it: its commit, and what it changed."""
    from zonegit.cli import commits, verdicts

    with options.open_repository(args, out) as repo:
        try:
            revision = repo.resolve(args.what, zone=args.zone)
        except NotFound as error:
            raise NotFound(f"{error}{_records_hint(args.what)}") from None
        tag = repo.tag_object(args.what, zone=args.zone)
        of = commits.Differing(repo, revision, args.zone, parent=args.parent)
        if of.parent:
            next(of.changes(), None)  # refuses a missing parent before anything is printed
        decided = repo.decided(revision.id.hex(), zone=args.zone) if args.parent is None else []
        judged = verdicts.verdicts(repo, out)
        signature = judged(revision.commit)
        if args.json:
            shown = shapes.shown(revision, of.combined() if of.is_combined else of.changes(), tag)
            told = {"signature": verdicts.shape(signature), "tag_signature": verdicts.shape(tag and judged(tag[1]))}
            out.json({**shown, **told, **_shape_of_decided(revision, decided)})
            return 0
        if tag:
            commits.show_tag(out, tag[1], verdicts.line(judged(tag[1]), ""))
        labels = commits.labels(repo, args.zone)
        if args.oneline:
            commits.show_oneline(out, revision, labels, verdicts.line(signature, ""))
        else:
            commits.show_commit(out, revision, labels, verdicts.line(signature, ""))
        commits.show_changes(out, of, patch=not args.stat, count=args.stat, apart=not args.oneline)
        if decided:
            from zonegit.cli.decided import show

            out.line()
            show(out, repo, revision, decided)
    return 0


def _shape_of_decided(revision: Revision, found: list[Decided]) -> shapes.JsonObject:
    """What rules decided in an automatic merge; empty for any other commit."""
    if not found:
        return {}
    from zonegit.cli.decided import shape

    return {"conflicts": [shape(each, parse_apex(revision.commit.zone)) for each in found]}


def _records_hint(word: str) -> str:
    """How to show records, if a word that isn't a version may be a name."""
    if typed_names.is_bare_type(word):
        return f"; for the apex: `zonegit show @ {word}`"
    return (
        f"; for the records of a name: `zonegit show {quote(word[:80])} ANY`"
        if typed_names.may_be_name(word)
        else ""
    )


def head(args: Namespace, verb: str) -> tuple[int, int | None]:
    """TYPE and TTL; None keeps the present TTL. `InvalidRecord` names the expected order of the fields."""
    try:
        rtype = parse_type(args.type)
        ttl = None if args.ttl == _KEEP_TTL or is_meta(rtype) else parse_ttl(args.ttl)
    except InvalidRecord as error:
        raise InvalidRecord(f"{error}; {order_hint(verb, args.name, [args.type, args.ttl, *args.rdata])}") from None
    if is_meta(rtype):
        raise InvalidRecord(cannot_stand(rtype))
    return rtype, ttl


def type_to_delete(args: Namespace) -> int | None:
    """TYPE; None means every type at the name."""
    rtype = parse_type(args.type) if args.type else None
    if rtype is not None and is_meta(rtype):
        raise InvalidRecord(f"{cannot_stand(rtype)}; leave TYPE out to delete every type at {args.name}")
    return rtype


def _parent(text: str) -> int:
    if not text.isdecimal() or not int(text[:9]) >= 1:
        raise ArgumentTypeError(f"{text[:40]!r} is not the number of a parent: expected 1 or more; 1 is the first")
    return int(text[:9])


def _set_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", help="a mnemonic, or TYPE65280 (RFC 3597)")
    parser.add_argument("ttl", metavar="TTL", help="seconds, or 1h30m; - keeps the present TTL")
    parser.add_argument("rdata", metavar="RDATA", nargs="+", help="one record each; see below")
    parser.add_argument(
        "--auto-sign",
        action="store_true",
        help="then publish the zone, which is signed, as `dnssec sign` does, instead of leaving that to zonegitd",
    )
    typed_names.relative_option(parser)
    options.commit_options(parser)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", help="a mnemonic, or TYPE65280 (RFC 3597)")
    parser.add_argument("ttl", metavar="TTL", help="for all records of the type; - keeps the present TTL")
    parser.add_argument("rdata", metavar="RDATA", nargs="+", help="one record each; see below")
    typed_names.relative_option(parser)
    options.commit_options(parser)


def _delete_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", nargs="?", help="(default: everything at the name)")
    parser.add_argument("rdata", metavar="RDATA", nargs="*", help="single records, written as for `set`")
    typed_names.relative_option(parser)
    options.commit_options(parser)


def _show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "what", metavar="REV|NAME", nargs="?", default="HEAD", help="a version (default: HEAD), or a name"
    )
    parser.add_argument("type", metavar="TYPE", nargs="?", help="the records of NAME; ANY shows every type")
    parser.add_argument("revision", metavar="REV", nargs="?", default="HEAD", help="(default: HEAD)")
    parser.add_argument("--stat", action="store_true", help="for a version: only how many RRsets it changed")
    parser.add_argument("--oneline", action="store_true", help="for a version: its commit in one line")
    parser.add_argument(
        "-m", dest="parent", metavar="N", type=_parent, help="for a merge: what it changed against its Nth parent"
    )
    typed_names.relative_option(parser)
    options.json_option(parser)


_SHOW_DETAILS: Final = """\
With one argument or none: shows that version's commit and the records that it changed. With NAME TYPE: shows the
records there, in HEAD or in REV. A single word is always a version: use `zonegit show www ANY` for a name's
records. For a merge, shows what differs from all of its parents, with one column of `-` and `+` for each parent."""

VERBS: Final = {
    "set": Verb(_set_arguments, _set, _RDATA_RULE.format(verb="set")),
    "add": Verb(_add_arguments, _add, _RDATA_RULE.format(verb="add")),
    "delete": Verb(_delete_arguments, _delete),
    "show": Verb(_show_arguments, _show, _SHOW_DETAILS, pages=True),
}
