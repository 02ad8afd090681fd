"""The verbs on replication keys. Secrets are neither read from nor printed on a terminal."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.errors import KeyFileExists

if TYPE_CHECKING:
    from zonegit.auth.rotation import Change


def _new(args: Namespace, out: Output) -> int:
    from zonegit.auth.keyfile import key_path, new_key
    from zonegit.auth.scope import parse_scope

    scopes = tuple(parse_scope(text) for text in args.scope or ["read:*"])
    if args.dry_run:
        path = key_path(args.keys, args.kid)
        if path.exists():
            raise KeyFileExists(f"{path}: already exists; choose another key id")
        out.note(f"dry run, nothing written: would write {path}")
        return 0
    path = new_key(args.keys, args.kid, scopes, time.time, os.urandom)
    out.made(f"but {path} was written")
    out.line(str(path))
    out.note("copy this file to the other side over a secure channel, then reload both daemons (SIGHUP)")
    return 0


def _promote(args: Namespace, out: Output) -> int:
    from zonegit.auth.rotation import promotion

    return _change(args, out, promotion(args.keys, args.kid, time.time()))


def _retire(args: Namespace, out: Output) -> int:
    from zonegit.auth.rotation import retirement

    return _change(args, out, retirement(args.keys, args.kid, time.time(), force=args.force))


def _change(args: Namespace, out: Output, changes: list[Change]) -> int:
    from zonegit.auth.rotation import write_states

    if not args.dry_run:
        write_states(args.keys, changes, os.urandom)
        out.made("but the key files were changed" if changes else "")
    for kid, state in changes:
        out.line(f"{kid} {state}")
    if not changes:
        out.note(f"{args.kid} was already in that state")
    elif args.dry_run:
        out.note("dry run, nothing written")
    else:
        out.note("reload the daemon that reads this directory (SIGHUP)")
    return 0


def _list(args: Namespace, out: Output) -> int:
    from zonegit.auth.keyfile import list_keys

    keys = list_keys(args.keys)
    if args.json:
        out.json(
            [
                {
                    "kid": key.kid,
                    "state": key.state.value,
                    "scopes": [str(scope) for scope in key.scopes],
                    "not_before": key.not_before,
                    "not_after": key.not_after,
                    "client_cert": key.client_cert or None,
                }
                for key in keys
            ]
        )
        return 0
    rows = [
        (key.kid, key.state.value, " ".join(map(str, key.scopes)), _from(key.not_before), _until(key.not_after))
        for key in keys
    ]
    for line in render.table(rows):
        out.line(line)
    if not keys:
        out.note(f"no keys in {args.keys}; `zonegit key new KID --keys {args.keys}` writes one")
    return 0


def _from(when: float | None) -> str:
    return f"from {_day(when)}" if when is not None else "no start"


def _until(when: float | None) -> str:
    return f"until {_day(when)}" if when is not None else "no end"


def _day(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _new_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("kid", metavar="KID", help="the key's id: 1 to 32 of a-z 0-9 . _ -")
    options.keys_option(parser)
    parser.add_argument(
        "--scope",
        metavar="SCOPE",
        action="append",
        help="what the key permits: read:ZONE or push:ZONE, * for every zone; append :BRANCH for one branch only; "
        "may be repeated (default: read:*)",
    )
    options.dry_run_option(parser)


def _list_arguments(parser: ArgumentParser) -> None:
    options.keys_option(parser)
    options.json_option(parser)


def _promote_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("kid", metavar="KID", help="the key to sign with")
    options.keys_option(parser)
    options.dry_run_option(parser)


def _retire_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("kid", metavar="KID", help="the key to refuse")
    options.keys_option(parser)
    parser.add_argument("--force", action="store_true", help="retire even the only key that clients sign with")
    options.dry_run_option(parser)


VERBS: Final = {
    "key new": Verb(_new_arguments, _new),
    "key list": Verb(_list_arguments, _list),
    "key promote": Verb(_promote_arguments, _promote),
    "key retire": Verb(_retire_arguments, _retire),
}
