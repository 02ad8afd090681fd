"""The verbs on branches and tags: `branch`, `checkout`, `tag`, `reset`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render, shapes
from zonegit.cli.committed import tell
from zonegit.cli.output import Output, Style
from zonegit.cli.removing import DETAILS, others_write, removing, tombstone_option
from zonegit.cli.verbs import Verb
from zonegit.cli.way_back import reset_way_back, way_back
from zonegit.errors import InvalidName, NotFound, UsageError, ZonegitError
from zonegit.model.foreign import printable
from zonegit.model.ids import short
from zonegit.model.refs import DEFAULT_BRANCH

if TYPE_CHECKING:
    from zonegit.model.ids import ObjectId
    from zonegit.repo import Repository

_NOT_DETACHED: Final = (
    "checkout: {name} is not a branch, and HEAD always names one (there is no detached HEAD); "
    "`zonegit show {name}` shows that version, `zonegit branch NAME {name}` creates a branch there"
)


def _branch(args: Namespace, out: Output) -> int:
    if args.rename:
        return _rename_branch(args, out)
    deleting = args.delete or args.force_delete
    if deleting and (args.name is None or args.start is not None):
        raise UsageError("branch: -d and -D take one name, the branch to delete")
    if args.tombstone and not deleting:
        raise UsageError("branch: --tombstone needs -d, -D or -m")
    with options.open_repository(args, out, reads=args.name is None) as repo:
        if args.name is None:
            lost = args.zone is None and repo.head_status().lost
            current = "" if lost else repo.position(args.zone).branch
            found = repo.branches(zone=args.zone)
            if args.json:
                out.json(list(shapes.refs(found, current)))
                return 0
            from zonegit.model.commit import Commit

            rows = []
            for name, oid in found.items():
                commit = Commit.decode(repo.object(oid.hex())[1])
                mark, subject = "*" if name == current else " ", printable(commit.subject)
                rows.append((mark, name, short(oid), str(commit.serial), subject))
            for line in render.table(rows):
                out.line(line, Style.NEW if line.startswith("*") else None)
        elif deleting:
            zone = repo.target(args.zone).zone
            how = removing(args, repo, zone, args.name)
            tip = repo.delete_branch(
                args.name,
                zone=args.zone,
                force=args.force_delete,
                who=args.author,
                dry_run=args.dry_run,
                tombstone=how.tombstone,
                sign=args.sign,
            )
            _tell_deleted(args, out, "branch", tip)
            if how.note:
                out.note(how.note)
            _tell_served(out, zone, args.name)
            _answer(args, out, args.name, None, args.name, tip)
        else:
            start = args.start or "HEAD"
            oid = repo.create_branch(
                args.name, start, zone=args.zone, who=args.author, dry_run=args.dry_run, sign=args.sign
            )
            out.note(_said(args, f"branch {args.name} is at {short(oid)}"))
            _answer(args, out, args.name, oid)
    return 0


def _rename_branch(args: Namespace, out: Output) -> int:
    """`branch -m [OLD] NEW`"""
    if args.name is None:
        raise UsageError("branch: -m takes the new name, or the old name and the new name")
    old, new = (None, args.name) if args.start is None else (args.name, args.start)
    with options.open_repository(args, out) as repo:
        target = repo.target(args.zone, old)
        before = target.branch
        how = removing(args, repo, target.zone, before)
        tip = repo.branches(zone=args.zone).get(before)
        place = repo.rename_branch(
            new,
            old,
            zone=args.zone,
            who=args.author,
            dry_run=args.dry_run,
            tombstone=how.tombstone,
            sign=args.sign,
        )
        out.note(_said(args, f"renamed branch {before} of {place.zone} to {new}"))
        if how.note:
            out.note(how.note)
        if not args.dry_run:
            if repo.head_status().head == place:
                out.note(options.head_note(repo, place))
            out.note(way_back(args, "branch -m", new, before))
        _tell_served(out, place.zone, before)
        _answer(args, out, new, tip, before, tip)
    return 0


def _tell_served(out: Output, zone: str, gone: str) -> None:
    """Warn that zonegitd may serve the branch that is gone, or would be; its configuration isn't known here."""
    if gone == DEFAULT_BRANCH:
        out.warn(
            f"zonegitd serves branch {gone} of {zone} unless configured otherwise, and refuses queries (REFUSED) "
            f'without it; set the branch to serve as `branch` under [zone."{zone}"] in zonegitd.toml'
        )


def _checkout(args: Namespace, out: Output) -> int:
    if args.start is not None and not args.create:
        raise UsageError("checkout: START needs -b, which creates a branch there")
    with options.open_repository(args, out) as repo:
        try:
            position = repo.checkout(
                args.name,
                zone=args.zone,
                create=args.create,
                start=args.start or "HEAD",
                who=args.author,
                dry_run=args.dry_run,
                sign=args.sign,
            )
        except (NotFound, InvalidName) as error:
            if args.create or not _is_version(args, repo):
                raise
            raise NotFound(_NOT_DETACHED.format(name=args.name)) from error
        out.note(_said(args, options.head_note(repo, position)))
    return 0


def _is_version(args: Namespace, repo: Repository) -> bool:
    """Whether the argument names a version without being a branch."""
    if args.name == "-":
        raise NotFound("checkout: HEAD's previous branch isn't recorded; `zonegit branch` lists the branches")
    try:
        repo.resolve(args.name, zone=args.zone)
    except ZonegitError:
        return False
    return True


def _tag(args: Namespace, out: Output) -> int:
    if args.delete and (args.name is None or args.revision is not None):
        raise UsageError("tag: -d takes one name, the tag to delete")
    with options.open_repository(args, out, reads=args.name is None) as repo:
        if args.name is None:
            found = repo.tags(zone=args.zone)
            made = repo.tag_objects(zone=args.zone)
            if args.json:
                out.json([{**item, "tag": shapes.tag(made.get(str(item["name"])))} for item in shapes.refs(found)])
                return 0
            subjects = {name: printable(tag.message.partition("\n")[0]) for name, (_, tag) in made.items()}
            for line in render.table((name, short(oid), subjects.get(name, "")) for name, oid in found.items()):
                out.line(line.rstrip())
        elif args.delete:
            commit = repo.tags(zone=args.zone).get(args.name)
            was = repo.delete_tag(args.name, zone=args.zone, who=args.author, dry_run=args.dry_run)
            _tell_deleted(args, out, "tag", was)
            _answer(args, out, args.name, None, args.name, commit)
        else:
            revision = args.revision or "HEAD"
            repo.create_tag(
                args.name,
                revision,
                zone=args.zone,
                message=args.message,
                who=args.author,
                dry_run=args.dry_run,
                sign=args.sign,
            )
            target = repo.resolve(revision, zone=args.zone)
            out.note(_said(args, f"tag {args.name} is at {short(target.id)}"))
            _answer(args, out, args.name, target.id)
    return 0


def _reset(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        place = repo.target(args.zone, args.branch)
        done = repo.reset(
            args.revision,
            zone=args.zone,
            branch=args.branch,
            who=args.author,
            dry_run=args.dry_run,
            signatures=args.signatures,
            keep_history=others_write(args, repo, place.zone, place.branch),
            sign=args.sign,
        )
        tell(repo, done, args, out)
        if done.kept:
            out.note(f"the branch's history {'would be' if args.dry_run else 'is'} kept: others write the zone too")
        back = reset_way_back(repo, done, args)
    if back:
        out.note(back)
    return 0


def _tell_deleted(args: Namespace, out: Output, what: str, oid: ObjectId) -> None:
    out.note(_said(args, f"deleted {what} {args.name} (was {short(oid)})"))
    if not args.dry_run:
        out.note(way_back(args, what, args.name, short(oid)))


def _answer(
    args: Namespace,
    out: Output,
    name: str,
    commit: ObjectId | None,
    old: str | None = None,
    was: ObjectId | None = None,
) -> None:
    """With `--json`: a branch or tag as it is now (no commit: deleted), and as it was before, if it existed."""
    if args.json:
        before = {"name": old, "commit": shapes.oid(was)} if old else None
        out.json({"name": name, "commit": shapes.oid(commit), "was": before})


def _said(args: Namespace, what: str) -> str:
    return f"dry run, nothing written: {what}" if args.dry_run else what


def _branch_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="the branch to create (default: list them)")
    parser.add_argument("start", metavar="START", nargs="?", help="where it starts (default: HEAD)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "-d", "--delete", action="store_true", help="delete the branch NAME, if HEAD's branch contains its commits"
    )
    how.add_argument("-D", dest="force_delete", action="store_true", help="delete the branch NAME regardless")
    how.add_argument(
        "-m", "--move", dest="rename", action="store_true", help="rename: -m NEW (HEAD's branch), -m OLD NEW"
    )
    tombstone_option(parser)
    options.author_option(parser)
    options.sign_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


def _checkout_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="BRANCH")
    parser.add_argument("start", metavar="START", nargs="?", help="with -b: where it starts (default: HEAD)")
    parser.add_argument("-b", dest="create", action="store_true", help="create the branch first")
    options.author_option(parser)
    options.sign_option(parser)
    options.dry_run_option(parser)


def _tag_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="the tag to create (default: list them)")
    parser.add_argument("revision", metavar="REV", nargs="?", help="the version to tag (default: HEAD)")
    parser.add_argument("-d", "--delete", action="store_true", help="delete the tag NAME")
    parser.add_argument("-m", "--message", metavar="TEXT", help="create an annotated tag, with this message")
    parser.add_argument("-s", "--sign", action="store_true", help="sign the annotated tag with your key")
    options.author_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


def _reset_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("revision", metavar="REV")
    parser.add_argument(
        "--hard", action="store_true", required=True, help="required, as a reminder that the branch moves at once"
    )
    parser.add_argument("--branch", metavar="BRANCH", help="the branch to move (default: HEAD's branch)")
    options.signature_options(parser)
    options.author_option(parser)
    options.sign_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


_BRANCH_DETAILS: Final = f"""\
-d refuses to delete a branch with commits that HEAD's branch (with another --zone: its default branch) doesn't
contain; -D deletes it anyway. Both print the command that restores the branch. The reflog of a deleted branch
is kept, so NAME@{{0}} still names its last tip.

-m OLD NEW renames a branch, -m NEW renames HEAD's branch. Every HEAD that names the branch follows. The reflog
stays under the old name, and `undo` looks there too. If zonegitd's configuration names the branch, change it there
as well. zonegitd serves main by default, so renaming or deleting main prints a warning.

{DETAILS}"""
_RESET_DETAILS: Final = """\
A served serial never decreases. If REV's serial isn't ahead of the branch's, the branch gets another commit with
REV's content and the next serial. If others write the zone too, that commit goes on top of the branch and its
history is kept: otherwise the next sync would bring back what was reset. Others write the zone if zonegitd's
configuration merges it with a peer's; if it configures no peer, if the branch was fetched from one."""

VERBS: Final = {
    "branch": Verb(_branch_arguments, _branch, _BRANCH_DETAILS),
    "checkout": Verb(_checkout_arguments, _checkout),
    "tag": Verb(_tag_arguments, _tag),
    "reset": Verb(
        _reset_arguments,
        _reset,
        _RESET_DETAILS,
    ),
}
