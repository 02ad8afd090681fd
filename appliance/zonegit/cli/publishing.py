"""`publish`: let the gate of a zone's policy judge its branches now, and tell what it holds."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zonegit.cli import location, options, render
from zonegit.cli.output import Output, Style
from zonegit.cli.verbs import Verb
from zonegit.errors import Refused, ZonegitError
from zonegit.model.foreign import printable
from zonegit.model.ids import short
from zonegit.model.names import parse_apex, to_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from zonegit.cli.shapes import JsonObject
    from zonegit.repo import Repository
    from zonegit.repo.dnssec.parents import Ask
    from zonegit.repo.publishing.policy import Held, PublishPolicy
    from zonegit.repo.publishing.reading import Publication
    from zonegit.repo.results import Position, Revision

HELD: Final = 1
"""Exit code: a commit doesn't pass."""


def _publish(args: Namespace, out: Output) -> int:
    return publish_by(_chosen(args), args, out)


def publish_by(
    chosen: Mapping[Position, PublishPolicy], args: Namespace, out: Output, *, quiet: bool = False
) -> int:
    """Publish these branches; returns the exit code. `Refused` if there are none. `quiet`: nothing is printed."""
    from zonegit.ops.validator import validate

    with options.open_repository(args, out) as repo:
        if not chosen:
            raise _without_policy(repo, args)
        done = [
            repo.publish(
                policy,
                validate,
                zone=place.zone,
                branch=place.branch,
                dry_run=args.dry_run,
                ask_parent=asker(policy),
            )
            for place, policy in chosen.items()
        ]
        if args.json and not quiet:
            out.json([shape(each) for each in done])
        elif not quiet:
            for each in done:
                _tell(each, args, out)
    return HELD if any(each.held for each in done) else 0


def asker(policy: PublishPolicy) -> Ask | None:
    """Who asks the parent of a zone that is signed for its DS records."""
    if policy.dnssec is None:
        return None
    from zonegit.net.dns.parent import ask_parent

    return ask_parent


def _chosen(args: Namespace) -> Mapping[Position, PublishPolicy]:
    """The branches that are meant, and their policies; none for a zone without one."""
    found = policies(args)
    name = args.zone_name or args.zone
    if name is None:
        if found:
            return found
        raise Refused('no zone has a policy: [zone."ZONE".publish] in zonegitd.toml sets one')
    zone = to_text(parse_apex(name))
    return {place: policy for place, policy in found.items() if place.zone == zone}


def policies(args: Namespace) -> Mapping[Position, PublishPolicy]:
    """The policies in the repository's configuration. `ConfigError`."""
    from zonegit.ops.publish_policies import configured

    return configured(location.existing(args), Path(location.SERVICE_CONFIG))


def policy_of(args: Namespace, place: Position) -> PublishPolicy | None:
    """The policy of a branch in the repository's configuration. `ConfigError`."""
    return policies(args).get(place)


def hold_of(repo: Repository, args: Namespace, zone: str, branch: str) -> Held | None:
    """What holds a branch's tip, apart from the validator. None also where nothing is published, or in doubt."""
    from zonegit.repo.results import Position

    if not any(each.branch == branch for each in repo.publications(zone)):
        return None
    try:
        policy = policy_of(args, Position(zone, branch))
        if policy is None:
            return None
        return repo.publish(policy, lambda *_: None, zone=zone, branch=branch, dry_run=True).held
    except ZonegitError:  # the commit is made all the same; `status` and zonegitd say what is wrong
        return None


def _without_policy(repo: Repository, args: Namespace) -> Refused:
    """The error for a zone without a policy. `NotFound` if there is no such zone."""
    zone = repo.position(args.zone_name or args.zone).zone
    where = f'[zone."{zone}".publish] in zonegitd.toml'
    return Refused(f"{zone} has no policy, and is served from its tip: {where} sets one")


def _tell(done: Publication, args: Namespace, out: Output) -> None:
    place = f"{done.zone} {done.branch}"
    if done.released is not None:
        verb = "would publish" if args.dry_run else "published"
        what = f"{short(done.released.id)} {printable(done.released.commit.subject)}"
        out.line(f"{place}: {verb} {what}", Style.NEW)
    elif done.held is None:
        out.line(f"{place}: nothing to publish")
    if done.held is not None:
        out.line(f"{place}: {held_text(done.held)}", Style.OLD)


def held_text(held: Held) -> str:
    """What holds a commit, in a line."""
    what = f"{short(held.commit)} is held by {held.reason}"
    if held.until is not None:
        return f"{what} until {render.local_date(held.until)}; {held.remedy}"
    return f"{what}: {printable(held.detail)}; {held.remedy}"


def shape(done: Publication) -> JsonObject:
    """A branch's publication as JSON."""
    version, held = done.published, done.held
    serves = version is not None and not version.version.commit.is_tombstone
    return {
        "zone": done.zone,
        "branch": done.branch,
        "published": version.of.hex() if version and serves else None,
        "serial": version.version.commit.serial if version and serves else None,
        "time": version.version.commit.committer.time if version else None,
        "released": done.released.id.hex() if done.released else None,
        "held": held_shape(held),
    }


def held_shape(held: Held | None) -> JsonObject | None:
    """What holds a commit, as JSON."""
    return {**held._asdict(), "commit": held.commit.hex()} if held else None


def status_text(done: Publication) -> str:
    """Where a branch is published, for `status`."""
    version = done.published
    if version is None or version.version.commit.is_tombstone:
        return "nothing yet"
    commit = version.version.commit
    return f"{short(version.of)}, serial {commit.serial}, since {render.date(commit.committer)}"


def tell_held(publications: Sequence[Publication], not_judged: Mapping[str, Revision], out: Output) -> None:
    """Warn of what is held, and of tips that nobody has judged yet."""
    for each in publications:
        if each.held is not None:
            out.warn(f"{each.branch}: {held_text(each.held)}")
    for branch, tip in not_judged.items():
        why = "zonegitd isn't running, is still judging it, or hasn't loaded the policy"
        out.warn(f"{printable(branch)}: {short(tip.id)} isn't published yet: {why}")


def tell_unloaded(args: Namespace, zone: str, branches: Collection[str], out: Output) -> None:
    """Warn of those of these branches, of which nothing is published, that have a policy in the configuration."""
    from zonegit.ops.own_config import settings_for

    try:
        # Without these words in the file, the rooms that read all of it aren't loaded.
        mentioned = settings_for(location.existing(args), Path(location.SERVICE_CONFIG), b"publish", b"dnssec")[1]
        found = policies(args) if mentioned else {}
    except ZonegitError as error:
        out.warn(printable(str(error)))
        return
    for place in found:
        if place.zone == zone and place.branch in branches:
            out.warn(f"{printable(place.branch)}: the policy isn't in force yet: start zonegitd, or reload it")


def tell_gone(repo: Repository, out: Output) -> None:
    """Warn of removed zones that are still served, because their removal is held."""
    here = repo.zone_names()
    for each in repo.publications():
        if each.held is not None and each.zone not in here:
            text = f"{each.zone} was removed and is still served: {each.branch}: {held_text(each.held)}"
            by_peer = each.published is not None and each.held.commit == each.published.of
            back = "" if by_peer else f"; 'zonegit zone restore {each.zone}' takes the removal back"
            out.warn(text + back)


def _publish_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("zone_name", metavar="ZONE", nargs="?", help="a zone (default: every zone with a policy)")
    options.dry_run_option(parser)
    options.json_option(parser)


_DETAILS: Final = """\
zonegitd does this by itself whenever a branch moves. A zone has a policy if zonegitd's configuration has a table
[zone."ZONE".publish]; without one it is served from its tip. Exits with code 1 if a commit is held."""

VERBS: Final = {"publish": Verb(_publish_arguments, _publish, _DETAILS)}
