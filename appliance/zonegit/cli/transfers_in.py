"""`transfer`, and what `status` says of zones that are transferred from other name servers."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import options
from zonegit.cli.verbs import Verb
from zonegit.model.foreign import printable
from zonegit.model.names import parse_apex, to_text
from zonegit.repo.dates import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zonegit.cli.output import Output
    from zonegit.repo.incoming.state import TransferState

_NAMED: Final = 10
"""Failing zones that `status` names."""


def _transfer(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        zone = to_text(parse_apex(args.zone_name)) if args.zone_name else repo.position(args.zone).zone
        state = repo.request_transfer(zone, any_serial=args.any_serial, dry_run=args.dry_run)
        if not args.dry_run:
            out.made("but zonegitd was asked for it")
    if args.json:
        out.json(
            {"zone": zone, "any_serial": args.any_serial, "requested": not args.dry_run, "transfer": shape(state)}
        )
    servers = ", ".join(state.primaries)
    if args.dry_run:
        out.note(f"dry run, zonegitd was not asked to transfer {zone} from {servers}")
    else:
        then = f"`zonegit status --zone {zone}` shows what came of it"
        out.note(f"zonegitd was asked to transfer {zone} from {servers}; {then}")
    return 0


def shape(state: TransferState | None) -> dict[str, object] | None:
    """The state in JSON; times are Unix seconds."""
    if state is None:
        return None
    expires = None if state.checked is None else state.checked + state.expire
    return {
        "branch": state.branch,
        "primaries": list(state.primaries),
        "checked": state.checked,
        "expires": expires,
        "serial": state.serial,
        "primary": state.primary or None,
        "failing_since": state.failing_since,
        "error": state.error or None,
        "expired": state.expired,
    }


def status_text(state: TransferState) -> str:
    """Where a zone comes from, and how old it is, in a line."""
    if state.checked is None:
        return f"from {', '.join(state.primaries)}: nothing yet"
    when = f"confirmed by {state.primary} at {rfc3339(state.checked)} (serial {state.serial})"
    if state.expired:
        return f"{when}; expired: SERVFAIL is answered"
    return f"{when}; expires at {rfc3339(state.checked + state.expire)}"


def tell_failing(failing: Mapping[str, TransferState], out: Output) -> None:
    """Warn of zones that can't be transferred."""
    for zone, state in list(failing.items())[:_NAMED]:
        if state.failing_since is None:
            out.warn(f"{zone} has expired: SERVFAIL is answered until a primary is reached")
            continue
        since = rfc3339(state.failing_since)
        out.warn(printable(f"{zone} {_outlook(state)}; transfers have failed since {since}: {state.error}"))
    if len(failing) > _NAMED:
        out.warn(f"{len(failing) - _NAMED} more zones can't be transferred")


def _outlook(state: TransferState) -> str:
    if state.checked is None:
        return "isn't here yet"
    if state.expired:
        return "has expired: SERVFAIL is answered"
    left = max(0, state.checked + state.expire - int(time.time()))
    return f"expires in {left} s" if left < 3600 else f"expires in {left // 3600} h"


def _transfer_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("zone_name", metavar="ZONE", nargs="?", help="the zone (default: HEAD's)")
    parser.add_argument(
        "--any-serial",
        action="store_true",
        help="transfer the whole zone, even if the primary's serial isn't ahead of the one here",
    )
    options.dry_run_option(parser)
    options.json_option(parser)


_TRANSFER_DETAILS: Final = """\
zonegitd does this by itself, by NOTIFY and by the timers of the zone's SOA. Needed after a primary was repaired, if
the retry shouldn't be waited for. With --any-serial, a version is taken that secondaries of this server refuse,
because to them it is older: they need the same."""

VERBS: Final = {"transfer": Verb(_transfer_arguments, _transfer, _TRANSFER_DETAILS)}
