"""The verbs on TSIG keys, which name servers share. Secrets are neither read from nor printed on a terminal."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from typing import Final

from zonegit.cli import options, render
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.errors import KeyFileExists


def _new(args: Namespace, out: Output) -> int:
    from zonegit.auth.tsigfile import check_algorithm, new_tsig, tsig_path

    if args.dry_run:
        check_algorithm(args.algorithm, args.legacy)
        path = tsig_path(args.keys, args.name)
        if path.exists():
            raise KeyFileExists(f"{path}: already exists; choose another name")
        out.note(f"dry run, nothing written: would write {path}")
        return 0
    path = new_tsig(args.keys, args.name, args.algorithm, os.urandom, args.legacy)
    out.made(f"but {path} was written")
    out.line(str(path))
    out.note("configure its name, algorithm and secret at the other server, then reload zonegitd (SIGHUP)")
    return 0


def _list(args: Namespace, out: Output) -> int:
    from zonegit.auth.tsigfile import list_tsig
    from zonegit.model.names import to_text

    keys = [(to_text(key.name).removesuffix("."), key.algorithm) for key in list_tsig(args.keys)]
    if args.json:
        out.json([{"name": name, "algorithm": algorithm} for name, algorithm in keys])
        return 0
    for line in render.table(keys):
        out.line(line)
    if not keys:
        out.note(f"no TSIG keys in {args.keys}; `zonegit tsig new NAME --keys {args.keys}` writes one")
    return 0


def _new_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the key's name, a domain name that both servers use")
    options.keys_option(parser)
    parser.add_argument(
        "--algorithm",
        choices=("hmac-sha256", "hmac-sha384", "hmac-sha512", "hmac-sha1", "hmac-md5"),
        default="hmac-sha256",
        help="the key's algorithm (default: hmac-sha256)",
    )
    parser.add_argument(
        "--legacy", action="store_true", help="accept hmac-sha1 and hmac-md5, for clients that have no better one"
    )
    options.dry_run_option(parser)


def _list_arguments(parser: ArgumentParser) -> None:
    options.keys_option(parser)
    options.json_option(parser)


VERBS: Final = {
    "tsig new": Verb(_new_arguments, _new),
    "tsig list": Verb(_list_arguments, _list),
}
