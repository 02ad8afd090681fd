"""`dnssec enable`, `status` and `ds`: have a zone signed, and show where that stands."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zonegit.cli import dnssec_text, location, options
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.errors import DnssecError, NotFound, Refused, ZonegitError
from zonegit.model.names import APEX, parse_apex
from zonegit.model.rdata import CDS, DNSKEY, DS, RRSIG
from zonegit.model.rrset import RRset

if TYPE_CHECKING:
    from zonegit.repo import Repository
    from zonegit.repo.dnssec.status import DnssecStatus

PROBLEM: Final = 1
"""Exit code: something keeps a zone from being signed or renewed."""
_DS_TTL: Final = 3600
"""The TTL that DS records are shown with; that of the parent decides."""
_COMMENT: Final = (
    "Signed by zonegitd; `zonegit dnssec status` shows how. Before it is removed: `zonegit dnssec disable`."
)


def zone_named(args: Namespace) -> str | None:
    """The zone that is meant; None for HEAD's."""
    named: str | None = args.zone_name or args.zone
    return named


def has_table(args: Namespace, zone: str) -> bool:
    """Whether the repository's configuration has a zone (canonical name) signed. `ConfigError`."""
    from zonegit.ops.publish_policies import configured

    found = configured(location.existing(args), Path(location.SERVICE_CONFIG))
    return any(place.zone == zone and policy.dnssec is not None for place, policy in found.items())


def signed_elsewhere(repo: Repository, zone: str) -> list[bytes]:
    """The RDATA of a zone's own DNSKEY records, if its tip is signed; empty if it isn't."""
    try:
        rrsets = {rrset.rtype: rrset for rrset in repo.rrsets_at("@", zone=zone)}
    except NotFound:  # nothing at HEAD
        return []
    return list(rrsets[DNSKEY].rdatas) if {RRSIG, DNSKEY} <= rrsets.keys() else []


# -- enable -----------------------------------------------------------------------------------------------------


def _enable(args: Namespace, out: Output) -> int:
    from zonegit.ops.config_edit import signed_zone, write
    from zonegit.ops.own_config import NAME, file_for

    repo = Path(os.path.abspath(location.existing(args)))  # noqa: PTH100  symbolic links stay as they are
    file = args.config or file_for(repo, Path(location.SERVICE_CONFIG))
    if file is None:
        raise Refused(
            f"no configuration is about {repo}: name zonegitd's file with --config, or write {repo / NAME}"
        )
    zone, begins = _zone_to_sign(args, out, apart=file != repo / NAME)
    lines = [f'{key} = "{value}"' for key, value in _chosen(args) if value is not None]
    edit = signed_zone(file, zone, _COMMENT, lines)
    if edit is None and lines and begins is not _Begins.AGAIN:
        raise Refused(
            f"{file} has a table for {zone} already: change it there, and reload zonegitd; "
            f"`zonegit dnssec rollover algorithm {zone} --dry-run` shows what follows from other keys"
        )
    if edit is not None and not args.dry_run:
        write(edit)
        out.made(f"but {file} was changed")
    added = edit.added if edit else ""
    if args.json:
        out.json({"zone": zone, "file": str(file), "added": added})
    else:
        out.text(added)
    out.note(_outcome(args, zone, file, is_new=edit is not None, begins=begins))
    return 0


def _chosen(args: Namespace) -> list[tuple[str, str | None]]:
    return [("algorithm", args.algorithm), ("keys", args.keys), ("denial", args.denial)]


def _outcome(args: Namespace, zone: str, file: Path, *, is_new: bool, begins: _Begins) -> str:
    if not is_new and begins is _Begins.AGAIN:
        asked = "would be asked" if args.dry_run else "was asked"
        return f"zonegitd {asked} to go on signing {zone}; `zonegit dnssec status {zone}` shows how it goes"
    if not is_new:
        return f"nothing to do: {file} has a table for {zone} already"
    if args.dry_run:
        return f"dry run, nothing written: this would be added to {file}"
    if begins is _Begins.TAKEN_OVER:
        return (
            f"added to {file}; next, `systemctl reload zonegitd`. The signatures made elsewhere are served until "
            f"`zonegit reset --hard HEAD --unsign --zone {zone}` replaces them by zonegitd's"
        )
    return (
        f"added to {file}; next, `systemctl reload zonegitd` signs {zone}. "
        f"When `zonegit dnssec ds {zone}` prints DS records, and not before, give them to the parent"
    )


class _Begins(StrEnum):
    """How the signing of a zone begins."""

    FIRST = "first"
    AGAIN = "again"
    """It was ended."""
    TAKEN_OVER = "taken-over"
    """From another signer, whose keys are imported and whose signatures are served."""


def _zone_to_sign(args: Namespace, out: Output, *, apart: bool) -> tuple[str, _Begins]:
    """The zone that is meant, if it can be signed here, and how that begins.

    With `apart`, root stays root for the rest of the verb.
    """
    from zonegit.cli.child import in_child
    from zonegit.repo.dnssec.requests import Wanted

    def find() -> str:
        with options.open_repository(args, out, reads=True) as repo:
            zone = repo.position(zone_named(args)).zone
            if (peer := repo.mirrored_from(zone)) is not None:
                raise Refused(
                    f"{zone} is mirrored from {peer}: enable DNSSEC there, and its signatures come with it"
                )
            if (catalog := repo.catalog_of(zone)) is not None:
                raise Refused(
                    f'{zone} came from the catalog {catalog}: [catalog."{catalog}".zone.dnssec] in zonegitd.toml '
                    "has all of its members signed, and a table of a group those in the group"
                )
            if foreign := signed_elsewhere(repo, zone):
                if _are_imported(args, zone, foreign):
                    return f"{zone} {_Begins.TAKEN_OVER}"
                raise Refused(
                    f"{zone} is signed elsewhere, and its signatures are served as they are: first import all its "
                    "keys (`zonegit dnssec import-key`), and leave the signatures in the zone until zonegitd has "
                    "loaded the table; without the keys, validators would refuse the zone"
                )
            status = repo.dnssec_status(zone)
        if status is None or not dnssec_text.has_ended(status):
            return f"{zone} {_Begins.FIRST}"
        if not args.dry_run:
            with options.open_repository(args, out) as repo:
                repo.request_dnssec(Wanted.ENABLE, zone)
        return f"{zone} {_Begins.AGAIN}"

    zone, begins = (in_child(find) if apart and not os.geteuid() else find()).split()
    return zone, _Begins(begins)


def _are_imported(args: Namespace, zone: str, dnskeys: list[bytes]) -> bool:
    """Whether the key directory has keys of these, as far as this user can read it."""
    from zonegit.cli.zone_keys import keys_of

    try:
        return not set(dnskeys).isdisjoint(keys_of(args, zone).dnskeys())
    except DnssecError:
        return False


# -- status -----------------------------------------------------------------------------------------------------


def _status(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        if args.all:
            return _all(repo.dnssec_statuses(), args, out)
        zone = repo.position(zone_named(args)).zone
        status = repo.dnssec_status(zone)
        requested = repo.dnssec_requested(zone)
        peer = repo.mirrored_from(zone)
        foreign = signed_elsewhere(repo, zone)
    problems = dnssec_text.problems(status, time.time()) if status else []
    if args.json:
        out.json(dnssec_text.shape(zone, status, requested, problems))
    elif status is not None and (problems or not status.is_over):
        for line in dnssec_text.status_lines(status, requested, problems, out):
            out.line(line)
    else:
        out.line(_unsigned(args, zone, peer, foreign, is_over=status is not None))
    return PROBLEM if problems else 0


def _all(statuses: list[DnssecStatus], args: Namespace, out: Output) -> int:
    now = time.time()
    found = [(status, dnssec_text.problems(status, now)) for status in statuses]
    if args.json:
        out.json([dnssec_text.shape(status.zone, status, None, problems) for status, problems in found])
    else:
        for line in dnssec_text.overview(found):
            out.line(line)
        if not found:
            out.note("no zone is signed here; `zonegit dnssec enable ZONE` has one signed")
    return PROBLEM if any(problems for _, problems in found) else 0


def _unsigned(args: Namespace, zone: str, peer: str | None, foreign: list[bytes], *, is_over: bool) -> str:
    """What to say of a zone that no publisher here has signed."""
    if peer is not None:
        return f"{zone} is mirrored from {peer}; whether it is signed is decided there"
    try:
        wanted = has_table(args, zone)
    except ZonegitError as error:
        return f"{zone} is not signed here, and the configuration can't be read: {error}"
    if wanted and is_over:
        return f"{zone} is not signed any more: remove its table; `zonegit dnssec enable {zone}` signs it again"
    if wanted:
        return f"{zone} is to be signed, but zonegitd hasn't begun: start or reload it; its log says what is wrong"
    if foreign:
        return f"{zone} is signed elsewhere, with keys {dnssec_text.tags(foreign)}, and served as it is"
    return f"{zone} is not signed; `zonegit dnssec enable {zone}` has it signed"


# -- ds ---------------------------------------------------------------------------------------------------------


def _ds(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        zone = repo.position(zone_named(args)).zone
        status = repo.dnssec_status(zone)
        foreign = signed_elsewhere(repo, zone)
        if not foreign and (peer := repo.mirrored_from(zone)) is not None:
            raise Refused(f"{zone} is mirrored from {peer}, which has its keys: run this there")
    rtype, rdatas = _ds_records(args, zone, status, foreign)
    rrset = RRset.of(APEX, rtype, _DS_TTL, rdatas) if rdatas else None
    apex = parse_apex(zone)
    if args.json:
        from zonegit.cli.shapes import records

        out.json(records(rrset, apex))
        return 0
    from zonegit.cli.render import records as lines

    for line in lines(rrset, apex):
        out.line(line)
    if not rdatas:
        out.note(f"{zone} publishes no CDS records now")
    elif status is not None and not args.cds:
        out.note(dnssec_text.at_parent(status))
    return 0


def _ds_records(
    args: Namespace, zone: str, status: DnssecStatus | None, foreign: list[bytes]
) -> tuple[int, list[bytes]]:
    if (status is None or status.is_over) and not foreign:
        raise Refused(f"{zone} is not signed, so it has no DS records; `zonegit dnssec status {zone}` says more")
    if args.cds:
        return CDS, list(status.cds) if status else []
    if status is None or status.is_over:
        return DS, dnssec_text.ds_of(parse_apex(zone), foreign)
    if not status.ds:
        waits = " and ".join(map(dnssec_text.awaited, status.waiting))
        why = f"it waits for {waits}" if waits else f"`zonegit dnssec status {zone}` says why"
        raise Refused(f"the parent must not have DS records of {zone} now: {why}")
    return DS, list(status.ds)


# -- declarations -----------------------------------------------------------------------------------------------


def zone_argument(parser: ArgumentParser) -> None:
    """`[ZONE]`."""
    parser.add_argument("zone_name", metavar="ZONE", nargs="?", help="a zone (default: HEAD's)")


def _enable_arguments(parser: ArgumentParser) -> None:
    zone_argument(parser)
    parser.add_argument(
        "--algorithm",
        choices=("ecdsap256sha256", "ed25519", "ecdsap384sha384", "rsasha256"),
        help="sign with this algorithm (default: ecdsap256sha256)",
    )
    parser.add_argument(
        "--keys",
        choices=("csk", "ksk+zsk"),
        help="one key for everything, or one for the DNSKEY records and one for the rest (default: csk)",
    )
    parser.add_argument(
        "--denial",
        choices=("nsec", "nsec3", "nsec3-opt-out"),
        help="how to prove that a name doesn't exist (default: nsec)",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="zonegitd's configuration (default: the repository's zonegitd.toml, else "
        f"{location.SERVICE_CONFIG} if that is about this repository)",
    )
    parser.add_argument("--dry-run", action="store_true", help="show what would be added, and write nothing")
    options.json_option(parser)


def _status_arguments(parser: ArgumentParser) -> None:
    zone_argument(parser)
    parser.add_argument("--all", action="store_true", help="show every zone that is signed here, one on a line")
    options.json_option(parser)


def _ds_arguments(parser: ArgumentParser) -> None:
    zone_argument(parser)
    parser.add_argument("--cds", action="store_true", help="show the CDS records that the zone publishes instead")
    options.json_option(parser)


_ENABLE_DETAILS: Final = """\
Appends a table [zone."ZONE".dnssec] to zonegitd's configuration, and changes nothing else in it. zonegitd makes the
keys and signs the zone when it is reloaded. docs/dnssec.md describes the rest."""
_STATUS_DETAILS: Final = """\
Reads only the repository, no private key. Exits with code 1 if something keeps a zone from being signed or
renewed."""
_DS_DETAILS: Final = """\
For a zone that is signed elsewhere, these are the DS records of its DNSKEY records with the SEP flag."""

VERBS: Final = {
    "dnssec enable": Verb(_enable_arguments, _enable, _ENABLE_DETAILS),
    "dnssec status": Verb(_status_arguments, _status, _STATUS_DETAILS),
    "dnssec ds": Verb(_ds_arguments, _ds, _DS_DETAILS),
}
