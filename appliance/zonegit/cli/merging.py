"""The verbs that combine histories: `merge`, `revert`, `cherry-pick`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import conflicts, options, render, shapes
from zonegit.cli.committed import changes_with_serials, tell
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.errors import MergeConflict, UsageError
from zonegit.model.names import owner_key, parse_apex, to_text
from zonegit.zonefile.types import parse_type, type_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zonegit.repo import Committed, Repository
    from zonegit.repo.merges import Side
    from zonegit.repo.writing import CommitOptions

_CHOICES: Final = ("ours", "theirs", "base", "both")


def _merge(args: Namespace, out: Output) -> int:
    if args.revision is None:
        return _stopped(args, out, "merge")
    _refuse_going_on(args, "merge")
    if args.resolve:
        raise UsageError("merge: --resolve is for a stopped merge; with REV, use --ours or --theirs")
    with options.open_repository(args, out) as repo:

        def work() -> list[Committed]:
            return [repo.merge(args.revision, ff=args.ff, prefer=args.every, **_how(args, repo))]

        return _run(args, out, repo, "merge", work)


def _revert(args: Namespace, out: Output) -> int:
    if not args.revisions:
        return _stopped(args, out, "revert")
    _refuse_going_on(args, "revert")
    _refuse_choices(args, "revert")
    with options.open_repository(args, out) as repo:

        def work() -> list[Committed]:
            return repo.revert(*args.revisions, mainline=args.mainline, **_how(args, repo))

        return _run(args, out, repo, "revert", work)


def _cherry_pick(args: Namespace, out: Output) -> int:
    if not args.revisions:
        return _stopped(args, out, "cherry-pick")
    _refuse_going_on(args, "cherry-pick")
    _refuse_choices(args, "cherry-pick")
    with options.open_repository(args, out) as repo:

        def work() -> list[Committed]:
            how = _how(args, repo)
            return repo.cherry_pick(*args.revisions, mainline=args.mainline, note_origin=args.noted, **how)

        return _run(args, out, repo, "cherry-pick", work)


def _stopped(args: Namespace, out: Output, verb: str) -> int:
    """Continue or abort what stopped, or resolve some of its conflicts."""
    resolutions = [(name, parse_type(rtype), _choice(verb, choice)) for name, rtype, choice in args.resolve]
    every: Side | None = args.every
    if args.going_on in ("abort", "skip") and (resolutions or every):
        raise UsageError(f"{verb}: --{args.going_on} can't be combined with --resolve, --ours or --theirs")
    if args.going_on is None and not (resolutions or every):
        ways = "--continue, --abort or --resolve" if verb == "merge" else "--continue, --skip, --abort or --resolve"
        raise UsageError(f"{verb}: name a REV, or continue a stopped {verb} with {ways}")
    with options.open_repository(args, out) as repo:
        if args.going_on != "abort":
            _check_place(args, repo, verb)
        if args.going_on == "abort":
            name = repo.abort_stopped(verb, dry_run=args.dry_run)
            what = f"the {verb} of {name}" if name else f"the {verb}"
            said = f"dry run, nothing written: would abort {what}" if args.dry_run else f"aborted {what}"
            if args.json:
                out.json({"aborted": name or None})
            out.note(f"{said}; the branch is unchanged")
            return 0
        if args.going_on == "skip":
            return _run(args, out, repo, verb, lambda: repo.skip_stopped(verb, **_how(args, repo)))
        if args.going_on == "continue":
            needless = _needless(repo, resolutions)

            def work() -> list[Committed]:
                done = repo.continue_stopped(verb, resolutions, every, **_how(args, repo))
                _tell_needless(out, needless)
                return done

            return _run(args, out, repo, verb, work)
        needless = _needless(repo, resolutions)
        left = repo.resolve_conflicts(verb, resolutions, every, dry_run=args.dry_run)
        _tell_needless(out, needless)
        head = repo.head_status().head
    if args.json:
        out.json(conflicts.shape_of_unfinished(left, head))
    else:
        conflicts.show_unfinished(out, left, head)
    if args.dry_run:
        out.note("dry run, nothing written: no choice was recorded")
    return 0


def _needless(repo: Repository, resolutions: Sequence[tuple[str, int, str]]) -> list[str]:
    """The resolved RRsets that don't conflict; none if the merged zone has errors, which any RRset may cause."""
    before = repo.unfinished() if resolutions else None
    if before is None or before.together or before.problem:
        return []
    from zonegit.repo.context import owner_of

    apex = parse_apex(before.zone)
    known = {(owner_key(each.owner), each.rtype) for each in before.left}
    known |= {(owner_key(owner), rtype) for owner, rtype, _ in before.chosen}
    given = [(owner_of(name, apex), rtype) for name, rtype, _ in resolutions]
    return [
        f"{render.owner_name(owner, apex)} {type_text(rtype)}"
        for owner, rtype in given
        if (owner_key(owner), rtype) not in known
    ]


def _tell_needless(out: Output, needless: Sequence[str]) -> None:
    for named in needless:
        out.note(f"{named} is not in conflict; the choice was recorded anyway")


def _check_place(args: Namespace, repo: Repository, verb: str) -> None:
    """Refuse another zone or branch than the one on which it stopped."""
    place = repo.stopped_at()
    if place is None:
        return
    if args.branch not in (None, place.branch) or (args.zone and to_text(parse_apex(args.zone)) != place.zone):
        raise UsageError(
            f"{verb}: the {verb} stopped on {place.branch} of {place.zone}, and can only continue there"
        )
    args.zone = place.zone


def _choice(verb: str, text: str) -> str:
    if text not in _CHOICES:
        raise UsageError(f"{verb}: --resolve NAME TYPE expects ours, theirs, base or both, not {text[:40]!r}")
    return text


def _how(args: Namespace, repo: Repository) -> CommitOptions:
    from zonegit.repo.merges import ACCEPTED

    zone = args.zone if args.going_on else repo.position(args.zone).zone
    how = options.commit_how(args, zone or "")
    if args.strict == list(ACCEPTED):
        how["strict"] = ACCEPTED
    how["zone"] = args.zone
    return how


def _run(args: Namespace, out: Output, repo: Repository, verb: str, work: Callable[[], Sequence[Committed]]) -> int:
    """Run `work`, and report what was committed or what stopped it."""
    try:
        done = work()
    except MergeConflict as conflict:
        _tell_conflict(args, out, repo, verb, conflict)
        raise with_ways(conflict, verb, args, repo) from None
    _tell_done(args, out, repo, verb, done)
    return 0


def _tell_done(args: Namespace, out: Output, repo: Repository, verb: str, done: Sequence[Committed]) -> None:
    if verb != "merge" and args.json:
        out.json({"commits": [shapes.committed(each, changes_with_serials(repo, each)) for each in done]})
        return
    for each in done:
        unchanged = each.old is not None and each.old == each.new
        if unchanged and verb == "merge" and not args.json:
            out.note(f"[{each.zone} {each.branch}] already up to date")
        else:
            tell(repo, each, args, out)
        if unchanged and verb == "merge" and _newest_is_undo(repo, each):
            out.note(
                "the last operation is an undo, and what it undid still counts as merged; 'zonegit redo' redoes it"
            )
        if verb == "merge" and args.message and each.new and not unchanged and _message(repo, each) != args.message:
            out.note("a fast-forward makes no commit, so the message was not used; --no-ff makes one")
        if unchanged and verb != "merge":
            out.note(f"{verb}: skipped a commit that changes nothing on {each.branch}")
    if not done:
        out.note(f"{verb}: nothing left to do")


def _newest_is_undo(repo: Repository, done: Committed) -> bool:
    """Whether the branch's last operation is an undo."""
    from zonegit.repo.undo import UNDO

    newest = next(repo.reflog(done.branch, zone=done.zone), None)
    return newest is not None and newest.reason.startswith(UNDO)


def _message(repo: Repository, done: Committed) -> str:
    return repo.resolve(done.new.hex(), zone=done.zone).commit.message if done.new else ""


def _tell_conflict(args: Namespace, out: Output, repo: Repository, verb: str, conflict: MergeConflict) -> None:
    from zonegit.repo import Committed

    done = [each for each in conflict.done if isinstance(each, Committed)]
    zone = repo.position(args.zone).zone
    apex = parse_apex(zone)
    found = conflicts.contradictions(conflict)
    if args.json:
        out.json(
            {
                "operation": verb,
                "zone": zone,
                "commits": [shapes.committed(each, changes_with_serials(repo, each)) for each in done],
                "conflicts": [conflicts.shape(each, apex) for each in found],
                "together": list(conflict.together),
            }
        )
        return
    if done:
        _tell_done(args, out, repo, verb, done)
    show_conflict(out, zone, conflict)


def show_conflict(out: Output, zone: str, conflict: MergeConflict) -> None:
    """Print the conflicts."""
    conflicts.show(out, conflicts.contradictions(conflict), parse_apex(zone))
    for problem in conflict.together:
        out.line(f"conflict: both together: {problem}")


def with_ways(conflict: MergeConflict, verb: str, args: Namespace, repo: Repository) -> MergeConflict:
    """The error, with advice on how to continue."""
    moved = "nothing moved" if not conflict.done else "only the commits before it were made"
    choose = f", or choose with 'zonegit {verb} --resolve NAME TYPE ours|theirs|base|both'"
    go_on = f"'zonegit {verb} --continue'"
    if not conflict.conflicts:
        go_on = f"{go_on} (add '--strict none' to accept warnings)"
    place = repo.stopped_at() or repo.target(args.zone, args.branch)
    right = conflicts.set_right(repo.head_status().head, place.zone, place.branch)
    way = f"{moved}: {right}{choose}, then {go_on}; to give up: 'zonegit {verb} --abort'"
    if args.dry_run:
        way = "dry run, nothing written"
    return MergeConflict(f"{conflict}; {way}", conflict.conflicts, conflict.together, conflict.done)


def _refuse_going_on(args: Namespace, verb: str) -> None:
    if args.going_on:
        raise UsageError(f"{verb}: --{args.going_on} takes no REV")


def _refuse_choices(args: Namespace, verb: str) -> None:
    if args.resolve or args.every:
        raise UsageError(f"{verb}: --resolve, --ours and --theirs are for a stopped {verb}")


def _going_on_options(parser: ArgumentParser, verb: str, *, skips: bool) -> None:
    """The options that continue a stopped operation."""
    group = parser.add_mutually_exclusive_group()
    ways = {"continue": f"commit the stopped {verb} with its resolutions", "abort": f"abort the stopped {verb}"}
    if skips:
        ways["skip"] = "skip the commit that it stopped at, and continue"
    for way, description in ways.items():
        group.add_argument(f"--{way}", dest="going_on", action="store_const", const=way, help=description)
    sides = parser.add_mutually_exclusive_group()
    sides.add_argument(
        "--ours",
        dest="every",
        action="store_const",
        const="ours",
        help="resolve each conflict with the branch's records",
    )
    sides.add_argument(
        "--theirs",
        dest="every",
        action="store_const",
        const="theirs",
        help="resolve each conflict with the other side's records",
    )
    parser.add_argument(
        "--resolve",
        nargs=3,
        action="append",
        default=[],
        metavar=("NAME", "TYPE", "ours|theirs|base|both"),
        help="resolve one RRset; without --continue, only record the choice",
    )


def _merge_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("revision", metavar="REV", nargs="?", help="a branch, tag, id or PEER/BRANCH")
    options.fast_forward_options(parser, "only fast-forward; never make a commit")
    _going_on_options(parser, "merge", skips=False)
    options.commit_options(parser)


def _revert_arguments(parser: ArgumentParser) -> None:
    _pick_arguments(parser, "revert", "commits, or ranges A..B; in a range, the newest is reverted first")


def _cherry_pick_arguments(parser: ArgumentParser) -> None:
    _pick_arguments(parser, "cherry-pick", "commits, or ranges A..B; in a range, the oldest is picked first")
    parser.add_argument("-x", dest="noted", action="store_true", help="name the original commit in each message")


def _pick_arguments(parser: ArgumentParser, verb: str, what: str) -> None:
    parser.add_argument("revisions", metavar="REV", nargs="*", help=what)
    parser.add_argument(
        "-m",
        "--mainline",
        metavar="N",
        type=_parent,
        default=0,
        help="for a merge: the parent to take its change against, from 1",
    )
    _going_on_options(parser, verb, skips=True)
    options.commit_options(parser, "--message")


def _parent(text: str) -> int:
    from argparse import ArgumentTypeError

    if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) < 100):
        raise ArgumentTypeError(
            f"-m expects the number of a parent from 1 to 99, not {text[:40]!r}; for a message use --message TEXT"
        )
    return int(text)


_MERGE_DETAILS: Final = """\
Records are merged one by one: a change that only one side made is taken. If both sides changed the same records in
different ways, the merge stops, exits with code 4 and moves nothing. Correct those records (`zonegit set …` commits
at once) or choose a side with --resolve, then run --continue, which merges again. `zonegit status` shows what is
left to resolve."""
_REVERT_DETAILS: Final = """\
Each commit is reverted by a commit of its own. If the same records have changed since, that is a conflict, to be
resolved as in a merge."""
_PICK_DETAILS: Final = """\
Each commit's change is applied to this branch, with its author and message. Conflicts are resolved as in
a merge."""

VERBS: Final = {
    "merge": Verb(_merge_arguments, _merge, _MERGE_DETAILS),
    "revert": Verb(_revert_arguments, _revert, _REVERT_DETAILS),
    "cherry-pick": Verb(_cherry_pick_arguments, _cherry_pick, _PICK_DETAILS),
}
