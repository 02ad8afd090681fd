"""The verb `query`: what zonegitd would answer from this repository, in the style of dig."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, typed_names
from zonegit.cli.location import SERVICE_CONFIG
from zonegit.cli.output import Output, Style
from zonegit.cli.ownership import chosen_repository
from zonegit.cli.verbs import Verb
from zonegit.errors import CorruptStore, UsageError
from zonegit.model.ids import short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zonegit.daemon.dns_responder import Answered, Chosen
    from zonegit.dns.wire.reading import Record, Response, ResponseOpt

_FLAGS: Final = {0x8000: "qr", 0x0400: "aa", 0x0200: "tc", 0x0100: "rd", 0x0080: "ra", 0x0020: "ad", 0x0010: "cd"}
_VERSION: Final = "@"
"""What a version begins with, to distinguish it from a type."""


def _query(args: Namespace, out: Output) -> int:
    from zonegit.daemon.dns_responder import DnsResponder
    from zonegit.dns.wire.reading import read_response
    from zonegit.model.names import is_absolute
    from zonegit.ops.answering import answering
    from zonegit.zonefile.types import parse_type

    type_name, revision = _type_and_version(args)
    rtype = parse_type(type_name)
    path = chosen_repository(args)
    file, config = answering(path, Path(SERVICE_CONFIG), args.config)
    with DnsResponder(path, config) as responder:
        zone = args.zone
        if not is_absolute(args.name):
            zone = typed_names.zone_of(args, args.name, responder.repository, out, rtype)
        found = responder.query(
            args.name,
            rtype,
            revision=revision,
            zone=zone,
            client=args.client,
            subnet=args.subnet,
            dnssec=args.dnssec,
        )
    response = read_response(found.response)
    for problem in found.problems:
        out.warn(str(problem))
    if args.subnet is not None and not _has_subnet(response):
        out.warn(f"the subnet is ignored: {args.client} isn't in ecs_trusted")
    if args.json:
        out.json(_shape(found, response, args.client, file))
    else:
        _show(found, response, args.client, file, out)
    damaged = any(isinstance(problem, CorruptStore) for problem in found.problems)
    return CorruptStore.exit_code if damaged else 0


def _type_and_version(args: Namespace) -> tuple[str, str | None]:
    """The words after NAME: a type, `@` and a version, or both in this order."""
    first, second = args.type, args.revision
    if second is None and first.startswith(_VERSION):
        first, second = "A", first
    if second is not None and (not second.startswith(_VERSION) or second == _VERSION):
        raise UsageError(f"{second[:80]!r} is not a version here: write NAME TYPE @REV, such as www A @HEAD~1")
    return first, None if second is None else second.removeprefix(_VERSION)


def _has_subnet(response: Response) -> bool:
    from zonegit.dns.access.client_subnet import CLIENT_SUBNET

    return response.opt is not None and any(code == CLIENT_SUBNET for code, _ in response.opt.options)


def _show(found: Answered, response: Response, client: str, file: Path | None, out: Output) -> None:
    """Print a response as dig does, and which version it is from."""
    opt = response.opt
    sections = {"answer": response.answer, "authority": response.authority, "additional": response.additional}
    flags = " ".join(_flags(response.flags))
    sizes = {name: len(records) for name, records in sections.items()}
    sizes["additional"] += opt is not None
    counts = "".join(f", {name.upper()}: {size}" for name, size in sizes.items())
    questions = int(response.question is not None)
    out.line(f";; ->>HEADER<<- opcode: QUERY, status: {response.status}, id: {response.ident}", Style.HEADING)
    out.line(f";; flags: {flags}; QUERY: {questions}{counts}")
    if opt is not None:
        out.line()
        out.line(";; OPT PSEUDOSECTION:")
        for line in _opt_lines(opt):
            out.line(line)
    if response.question is not None:
        out.line(";; QUESTION SECTION:")
        out.line(f";{_question(response)}")
    for name, records in sections.items():
        if records:
            out.line()
            out.line(f";; {name.upper()} SECTION:")
            for record in records:
                out.line(_line(record))
    out.line()
    out.line(f";; VERSION: {_version(found.chosen)}")
    if found.chosen is not None:
        out.line(f";; CHOSEN BY: {_rule(found.chosen)}")
    out.line(f";; CONFIGURATION: {'none, so the defaults of zonegitd apply' if file is None else file}")
    out.line(f";; CLIENT: {client} ({found.transport.name})")
    out.line(f";; MSG SIZE  rcvd: {len(found.response)}")


def _version(chosen: Chosen | None) -> str:
    if chosen is None:
        return "none; no zone is served to this client under this name"
    text = f"{chosen.zone} at {short(chosen.commit)}"
    if chosen.serial is not None:
        text += f", serial {chosen.serial}"
    return text + (", past its SOA expire" if chosen.expired else "")


def _rule(chosen: Chosen) -> str:
    return f"{_VERSION}{chosen.setting}" if chosen.rule == "revision" else f"{chosen.rule} {chosen.setting}"


def _flags(flags: int) -> list[str]:
    return [name for bit, name in _FLAGS.items() if flags & bit]


def _question(response: Response) -> str:
    from zonegit.zonefile.name_text import name_text
    from zonegit.zonefile.types import type_text

    if response.question is None:
        return ""
    name, rtype = response.question
    return f"{name_text(name, None)}\tIN\t{type_text(rtype)}"


def _opt_lines(opt: ResponseOpt) -> Iterator[str]:
    yield f"; EDNS: version: {opt.version}, flags:{' do' if opt.do else ''}; udp: {opt.udp_size}"
    for code, data in opt.options:
        yield f"; {_option(code, data)}"


def _option(code: int, data: bytes) -> str:
    from zonegit.dns.access.client_subnet import CLIENT_SUBNET, read_answered
    from zonegit.dns.edns import ERROR, Reason

    if code == ERROR and len(data) >= 2:
        reason = int.from_bytes(data[:2], "big")
        known = reason in set(Reason)
        return f"EDE: {reason}" + (f" ({Reason(reason).name.replace('_', ' ').title()})" if known else "")
    if code == CLIENT_SUBNET and (subnet := read_answered(data)) is not None:
        return f"CLIENT-SUBNET: {subnet}"
    return f"OPT={code}: {data.hex(' ')}"


def _line(record: Record) -> str:
    from zonegit.zonefile.name_text import name_text
    from zonegit.zonefile.text import rdata_text
    from zonegit.zonefile.types import type_text

    owner, rtype, ttl, rdata = record
    return f"{name_text(owner, None)}\t{ttl}\tIN\t{type_text(rtype)}\t{rdata_text(rtype, rdata)}"


def _shape(found: Answered, response: Response, client: str, file: Path | None) -> dict[str, object]:
    from zonegit.zonefile.rfc8427 import record_object

    def records(section: list[Record]) -> list[dict[str, str | int]]:
        return [record_object(*record) for record in section]

    name, _, rtype = _question(response).split("\t") if response.question else ("", "", "")
    opt, chosen = response.opt, found.chosen
    return {
        "name": name,
        "type": rtype,
        "client": client,
        "transport": found.transport.name.lower(),
        "status": response.status,
        "flags": _flags(response.flags),
        "answer": records(response.answer),
        "authority": records(response.authority),
        "additional": records(response.additional),
        "edns": None if opt is None else _shape_of_opt(opt),
        "size": len(found.response),
        "message": found.response.hex(),
        "chosen": None if chosen is None else {**chosen._asdict(), "commit": chosen.commit.hex()},
        "file": None if file is None else str(file),
    }


def _shape_of_opt(opt: ResponseOpt) -> dict[str, object]:
    return {**opt._asdict(), "options": [{"code": code, "data": data.hex()} for code, data in opt.options]}


def _query_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", nargs="?", default="A", help="(default: A)")
    parser.add_argument(
        "revision", metavar="@REV", nargs="?", help="answer from this version (default: what zonegitd serves)"
    )
    parser.add_argument(
        "--client", metavar="ADDR", default="127.0.0.1", help="the address that asks (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--subnet", metavar="NETWORK", help="the network that it asks for, if it is a resolver (RFC 7871)"
    )
    parser.add_argument("--dnssec", action="store_true", help="ask for DNSSEC records, as dig's +dnssec does")
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help=f"zonegitd's configuration (default: the repository's zonegitd.toml, else {SERVICE_CONFIG} if that is "
        "for this repository, else zonegitd's defaults)",
    )
    typed_names.relative_option(parser)
    options.json_option(parser)


_QUERY_DETAILS: Final = """\
Answers as zonegitd would with this configuration; no daemon has to run. The last lines say which version the answer
is from, and which setting chose it: route, canary, at or branch, or @REV if you named one. The exit code is 0
whatever the rcode is.
  zonegit query www AAAA --client 192.0.2.1
  zonegit query @ SOA @HEAD~1"""

VERBS: Final = {"query": Verb(_query_arguments, _query, _QUERY_DETAILS, pages=True)}
