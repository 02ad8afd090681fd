"""`dnssec rollover`, `disable` and `sign`: ask zonegitd to replace keys or to end signing; publish by hand."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, publishing, render
from zonegit.cli.dnssec import zone_argument, zone_named
from zonegit.cli.verbs import Verb
from zonegit.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zonegit.cli.output import Output
    from zonegit.dnssec.policy import DnssecPolicy
    from zonegit.dnssec.rollover.state import State
    from zonegit.dnssec.rollover.timetable import Planned
    from zonegit.repo import Repository
    from zonegit.repo.dnssec.requests import Wanted
    from zonegit.repo.publishing.policy import PublishPolicy
    from zonegit.repo.results import Position


def _rollover(args: Namespace, out: Output) -> int:
    from zonegit.repo.dnssec.requests import Wanted

    wanted = {"ksk": Wanted.KSK, "zsk": Wanted.ZSK, "algorithm": Wanted.ALGORITHM}[args.what]
    return _ask(args, out, wanted)


def _disable(args: Namespace, out: Output) -> int:
    from zonegit.repo.dnssec.requests import Wanted

    return _ask(args, out, Wanted.DISABLE)


def _ask(args: Namespace, out: Output, wanted: Wanted) -> int:
    """Leave a request for the publisher, and show its timetable if the key state can be read."""
    with options.open_repository(args, out) as repo:
        zone = repo.position(zone_named(args)).zone
        if (peer := repo.mirrored_from(zone)) is not None:
            raise Refused(f"{zone} is mirrored from {peer}, which has its keys: run this there")
        policy = _policy(args, repo, zone)
        if (status := repo.dnssec_status(zone)) is None or status.is_over:
            raise Refused(_not_signed(zone, policy))
        plan = _plan(zone, policy, wanted, must=args.dry_run)
        if not args.dry_run:
            repo.request_dnssec(wanted, zone)
            out.made("but zonegitd was asked for it")
    if args.json:
        steps = [step._asdict() for step in plan]
        out.json({"zone": zone, "wanted": wanted.value, "requested": not args.dry_run, "steps": steps})
    else:
        for line in render.table((render.local_date(step.earliest), step.step, step.words) for step in plan):
            out.line(line)
    out.note(_outcome(args, zone, wanted, plan))
    return 0


def _policy(args: Namespace, repo: Repository, zone: str) -> DnssecPolicy | None:
    """How a zone is signed: as the configuration says, or as it was last; None if it isn't."""
    found = (each.dnssec for place, each in publishing.policies(args).items() if place.zone == zone)
    return next(filter(None, found), None) or next(iter(repo.dnssec_policies(zone).values()), None)


def _not_signed(zone: str, policy: DnssecPolicy | None) -> str:
    if policy is None:
        return f"{zone} is not signed here; `zonegit dnssec enable {zone}` has it signed"
    return f"{zone} is not signed yet, because zonegitd hasn't loaded its table: reload it, or remove the table"


def _plan(zone: str, policy: DnssecPolicy | None, wanted: Wanted, *, must: bool) -> Sequence[Planned]:
    """The timetable; empty if this user can't read the key state, unless there `must` be one. `DnssecError`."""
    from zonegit.dnssec.rollover.table import Kind
    from zonegit.dnssec.rollover.timetable import timetable
    from zonegit.dnssec.rollover.values import Facts

    state = _state(zone, policy)
    if policy is None or state is None:
        if must:
            raise Refused(f"the timetable is in the key state of {zone}: run this as root or as zonegitd's user")
        return ()
    none: frozenset[bytes] = frozenset()
    facts = Facts(int(time.time()), none, none, none, none, 0, None)
    kind = {"rollover-ksk": Kind.KSK, "rollover-zsk": Kind.ZSK, "rollover-algorithm": Kind.ALGORITHM}
    return timetable(state, kind.get(wanted, Kind.DISABLE), policy, facts)


def _state(zone: str, policy: DnssecPolicy | None) -> State | None:
    from zonegit.dnssec.rollover.state import from_json
    from zonegit.repo.dnssec.key_directory import KeyDirectory

    if policy is None or not os.access(policy.directory, os.R_OK | os.X_OK):
        return None
    data = KeyDirectory(policy.directory).zone(zone).read_state()
    return None if data is None else from_json(data)


def _outcome(args: Namespace, zone: str, wanted: Wanted, plan: Sequence[Planned]) -> str:
    from zonegit.repo.dnssec.requests import Wanted

    end = f"; done on {render.local_date(plan[-1].earliest)} at the earliest" if plan else ""
    if args.dry_run:
        return f"dry run, zonegitd was not asked{end}"
    asked = f"zonegitd was asked for it; `zonegit dnssec status {zone}` shows how it goes{end}"
    if wanted is not Wanted.DISABLE:
        return asked
    return (
        f"{asked}; keep the table in the configuration until {zone} is unsigned, and have the parent remove its DS"
    )


def signed_branches(args: Namespace, repo: Repository, zone: str) -> Mapping[Position, PublishPolicy]:
    """The branches of a zone that are signed, and their policies; without a table, those of last. `Refused`."""
    from zonegit.repo.publishing.policy import PublishPolicy

    last = {place: PublishPolicy(dnssec=policy) for place, policy in repo.dnssec_policies(zone).items()}
    found = {place: policy for place, policy in publishing.policies(args).items() if place.zone == zone}
    signed = {place: policy for place, policy in {**last, **found}.items() if policy.dnssec is not None}
    if not signed:
        raise Refused(_not_signed(zone, None))
    return signed


def _sign(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out, reads=True) as repo:
        zone = repo.position(zone_named(args)).zone
        if (peer := repo.mirrored_from(zone)) is not None:
            raise Refused(f"{zone} is mirrored from {peer}, which has its keys: run this there")
        signed = signed_branches(args, repo, zone)
    return publishing.publish_by(signed, args, out)


def _request_arguments(parser: ArgumentParser) -> None:
    zone_argument(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


def _rollover_arguments(parser: ArgumentParser) -> None:
    choices = ("ksk", "zsk", "algorithm")
    parser.add_argument("what", choices=choices, metavar="ksk|zsk|algorithm", help="which keys to replace")
    _request_arguments(parser)


_ROLLOVER_DETAILS: Final = """\
zonegitd takes the steps, each of them when caches and the parent allow it. `ksk` and `zsk` both replace a CSK.
`algorithm` replaces all keys by ones of the algorithm and layout that the configuration has now. zonegitd does that
by itself when it loads such a configuration; --dry-run shows the timetable before. For that, this needs the rights
of zonegitd's user."""
_DISABLE_DETAILS: Final = """\
The safe way: CDS records ask the parent to remove its DS records (RFC 8078), and once no cache can hold those any
more, the zone becomes unsigned. Where the parent reads no CDS records, have them removed through your registrar."""
_SIGN_DETAILS: Final = """\
zonegitd does this by itself. It needs the rights of zonegitd's user, and takes at most one step of a rollover."""

VERBS: Final = {
    "dnssec rollover": Verb(_rollover_arguments, _rollover, _ROLLOVER_DETAILS),
    "dnssec disable": Verb(_request_arguments, _disable, _DISABLE_DETAILS),
    "dnssec sign": Verb(_request_arguments, _sign, _SIGN_DETAILS),
}
