"""The verbs on the repository as a whole: `init`, `status`, `fsck`, `reindex`, `cat-object`."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zonegit.cli import location, options, publishing, render, shapes, transfers_in
from zonegit.cli.apart import NAMED, tell_apart
from zonegit.cli.committed import tell
from zonegit.cli.objects import readable
from zonegit.cli.output import Output, Style
from zonegit.cli.ownership import as_owner, chosen_repository
from zonegit.cli.repair import repair, repair_options
from zonegit.cli.verbs import Verb
from zonegit.errors import AlreadyThere, CorruptStore, Refused
from zonegit.model.foreign import printable
from zonegit.model.ids import kind_of, short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zonegit.repo import Repository
    from zonegit.repo.dnssec.status import DnssecStatus
    from zonegit.repo.peer_status import Failing

_OWN_HEAD: Final = "your own; other users of this repository have theirs"
_SHARED_HEAD: Final = "the repository's; `zonegit checkout` or `zonegit zone switch` gives you your own"


def _init(args: Namespace, out: Output) -> int:
    from zonegit.store.environment import is_unfinished

    path = as_owner(location.new(args))
    if args.zone_name is not None:
        _rehearse(args)
    if args.dry_run:
        if path.is_file():
            raise Refused(f"{path} is a file; a repository is a directory")
        if (path / "data.mdb").exists() and not is_unfinished(path):
            raise AlreadyThere(f"there is already a repository at {path}")
        out.note(f"dry run, nothing written: would create a repository in {path}")
        return 0
    with _made(path, args, out) as repo:
        if args.zone_name is not None:
            done = repo.add_zone(args.zone_name, who=args.author)
            tell(repo, done, args, out)
            if "." not in args.zone_name:  # `git init NAME` creates a directory
                out.note(f"{done.zone} is a zone; for a directory, use `zonegit --repo {args.zone_name} init`")
    return 0


def _made(path: Path, args: Namespace, out: Output) -> Repository:
    """A new repository; with a zone, also an empty one that an interrupted `init ZONE` left."""
    from zonegit.repo import Repository

    patience = options.patience(args, out)
    try:
        repo = Repository.init(path, patience=patience)
    except AlreadyThere:
        if args.zone_name is None:
            raise
        repo = Repository.open(path, patience=patience)
        if repo.zones():
            repo.close()
            raise
        out.note(f"continuing with the empty repository in {path}")
        return repo
    out.note(f"created an empty repository in {path}")
    return repo


def _rehearse(args: Namespace) -> None:
    """Refuse a zone that can't be created, before a repository is created for it."""
    from tempfile import TemporaryDirectory

    from zonegit.repo import Repository

    with TemporaryDirectory() as scratch, Repository.init(Path(scratch)) as repo:
        repo.add_zone(args.zone_name, who=args.author, dry_run=True)


def _status(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        stat = repo.stat()
        zones = repo.count_zones()
        failing = repo.failing()
        if not zones:
            code = _empty_status(failing, args, out)
            transfers_in.tell_failing(repo.transfers_failing(), out)
            publishing.tell_gone(repo, out)
            return code
        place = repo.position(args.zone)
        revision = repo.resolve(place.branch, zone=args.zone)
        records = repo.records(place.branch, zone=args.zone)
        branches = list(repo.branches(zone=args.zone))
        refused = {peer: sorted(names) for peer, names in repo.refused().items()}
        full = repo.used_up()
        left_out = repo.left_out()
        apart = repo.diverged()
        between = [] if args.json else [repo.between(each) for each in apart[:NAMED]]
        status = repo.head_status()
        unfinished = repo.unfinished()
        publications, not_judged = repo.publications(place.zone), repo.not_judged(place.zone)
        signed = repo.dnssec_status(place.zone)
        catalogs, catalog = repo.catalogs(only_followed=True), repo.catalog_of(place.zone)
        transferred, untransferred = repo.transfer_state(place.zone), repo.transfers_failing()
    own, head = status.own, status.head
    commit = revision.commit
    if unfinished:
        from zonegit.cli import conflicts
    if args.json:
        out.json(
            {
                "zone": place.zone,
                "branch": place.branch,
                "commit": shapes.commit(revision),
                "records": records,
                "branches": branches,
                "zones": zones,
                "objects": {kind.name.lower(): count for kind, count in stat.objects.items()},
                "shared": repo.shared,
                "own_head": own,
                "map_used": stat.map_used,
                "map_size": stat.map_size,
                "refused": refused,
                "quota_used_up": sorted(full),
                "left_out": left_out,
                "diverged": [{**each._asdict(), "theirs": each.theirs.hex()} for each in apart],
                "failing": _failing(failing),
                "transfer": transfers_in.shape(transferred),
                "transfers_failing": {zone: transfers_in.shape(state) for zone, state in untransferred.items()},
                "publications": [publishing.shape(each) for each in publications],
                "stopped": conflicts.shape_of_unfinished(unfinished, head) if unfinished else None,
            }
        )
        return 0
    others = [name for name in branches if name != place.branch]
    sizes = (render.counted(zones, "zone"), render.counted(sum(stat.objects.values()), "object"))
    rows = [
        ("zone", place.zone),
        ("branch", place.branch + (f" (others: {', '.join(others)})" if others else "")),
        *([("HEAD", _OWN_HEAD if own else _SHARED_HEAD)] if repo.shared else []),
        ("commit", f"{short(revision.id)} {printable(commit.subject)}"),
        ("serial", str(commit.serial)),
        ("records", f"{records:,}"),
        ("changed", f"{render.date(commit.author)} by {printable(commit.author.name)}"),
        *((f"published {each.branch}", publishing.status_text(each)) for each in publications),
        *([("catalog", catalog)] if catalog is not None else []),
        *([("transferred", transfers_in.status_text(transferred))] if transferred is not None else []),
        *([("dnssec", _signed_text(signed))] if signed is not None and not signed.is_over else []),
        ("repository", f"{printable(str(repo.path))}: {', '.join(sizes)}, {stat.map_used >> 10:,} KiB"),
    ]
    for line in render.table(rows):
        out.line(line)
    if unfinished:
        conflicts.show_unfinished(out, unfinished, head)
    publishing.tell_held(publications, not_judged, out)
    publishing.tell_unloaded(args, place.zone, {*branches} - {each.branch for each in publications}, out)
    _tell_failing(failing, out)
    transfers_in.tell_failing(untransferred, out)
    for peer, names in refused.items():
        shown = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
        out.warn(f"not followed from {peer}: {shown}; `zonegit remote adopt ZONE` replaces the local history")
    for peer, found in full.items():
        out.warn(
            f"the daily quota of {peer} is used up until midnight UTC: {found.size:,} bytes were stored today; "
            f"day_bytes in [primary.limits] is {found.most:,}"
        )
    for peer, reasons in left_out.items():
        for name in list(reasons)[:NAMED]:
            out.warn(f"not accepted from {peer}: {name}: {printable(reasons[name])}")
        if len(reasons) > NAMED:
            out.warn(f"not accepted from {peer}: {len(reasons) - NAMED} more zones; --json names them")
    tell_apart(out, apart, between)
    if catalogs:
        from zonegit.cli.catalogs import tell_catalogs

        tell_catalogs(catalogs, out)
    return 0


def _signed_text(status: DnssecStatus) -> str:
    """Where the keys of a zone stand, in a line."""
    from zonegit.cli.dnssec_text import stands

    return stands(status, time.time())


def _empty_status(failing: Mapping[str, Failing], args: Namespace, out: Output) -> int:
    if args.json:
        out.json({"zones": 0, "failing": _failing(failing)})
        return 0
    if failing:
        out.line("no zones yet; a secondary gets its primary's")
    else:
        made = "`zonegit zone add ZONE` or `zonegit import FILE` creates one"
        out.line(f"no zones yet; {made}, and a secondary gets its primary's")
    _tell_failing(failing, out)
    return 0


def _failing(failing: Mapping[str, Failing]) -> dict[str, dict[str, object]]:
    return {peer: {"since": each.since, "reason": each.reason} for peer, each in failing.items()}


def _tell_failing(failing: Mapping[str, Failing], out: Output) -> None:
    for peer, each in failing.items():
        out.warn(printable(each.message(peer)))


def _fsck(args: Namespace, out: Output) -> int:
    from zonegit.cli.interruption import interruptible
    from zonegit.repo import Repository

    repairs = args.repair_from is not None
    changed = "either all damaged objects were replaced or none" if repairs else "nothing was changed"
    with interruptible(lambda: f"interrupted; {changed}"):
        if repairs:
            repair(args, out)
        path = chosen_repository(args)
        with Repository.open(path, readonly=True) as repo, out.progress("checking objects") as progress:
            report = repo.fsck(progress)
    if args.json:
        out.json({"objects": report.objects, "problems": report.problems})
    else:
        for problem in report.problems:
            out.line(problem, Style.OLD)
        found = render.counted(len(report.problems), "problem")
        out.note(f"checked {render.counted(report.objects, 'object')}: {found}")
    return CorruptStore.exit_code if report.problems else 0


def _reindex(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo, out.progress("indexing records") as progress:
        if not args.dry_run:
            repo.reindex(progress)
    out.note("dry run, nothing written" if args.dry_run else "rebuilt the ref index and the served views")
    return 0


def _cat_object(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        oid, data = repo.object(args.id)
    if args.raw:
        out.raw(data)
    elif args.json:
        out.json({"id": oid.hex(), "kind": kind_of(data).name.lower(), "size": len(data), "data": data.hex()})
    else:
        out.line(f"{kind_of(data).name.lower()} {oid.hex()} {len(data)} bytes", Style.ID)
        for line in readable(data):
            out.line(printable(line))
    return 0


def _init_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(makes_repository=True)
    parser.add_argument("zone_name", metavar="ZONE", nargs="?", help="a first zone")
    options.author_option(parser)
    options.dry_run_option(parser)


def _status_arguments(parser: ArgumentParser) -> None:
    options.json_option(parser)


def _fsck_arguments(parser: ArgumentParser) -> None:
    repair_options(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


def _reindex_arguments(parser: ArgumentParser) -> None:
    options.dry_run_option(parser)


def _cat_object_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="an object's id, or its first digits")
    parser.add_argument("--raw", action="store_true", help="write the stored bytes")
    options.json_option(parser)


_FSCK_DETAILS: Final = """\
Exits with code 6 if it finds a problem, also after a repair. --repair-from replaces objects that were damaged on
disk with intact ones from a peer; `zonegit reindex` rebuilds what is derived from objects and refs."""

VERBS: Final = {
    "init": Verb(_init_arguments, _init),
    "status": Verb(_status_arguments, _status),
    "fsck": Verb(_fsck_arguments, _fsck, _FSCK_DETAILS),
    "reindex": Verb(_reindex_arguments, _reindex),
    "cat-object": Verb(_cat_object_arguments, _cat_object),
}
