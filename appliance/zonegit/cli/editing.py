"""The verb `edit`: a zone, or a part of it, in the user's editor."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from io import BytesIO
from typing import Final

from zonegit.cli import conflicts, edited_text, editor, options, private_text, typed_names
from zonegit.cli.committed import tell
from zonegit.cli.edited_text import Subject
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.errors import BaseGone, BranchGone, MergeConflict, Refused, UsageError, ZonegitError
from zonegit.model.foreign import printable
from zonegit.model.names import absolute, to_text

_RULE: Final = """\
The editor is $VISUAL, else $EDITOR (both may have arguments), else `editor` or `vi`. Commits made on the branch
while you edit are kept. If your text can't be read, breaks the zone, or conflicts with those commits, nothing is
committed and the text is kept: --retry opens it again. Conflicts are shown in comments; resolve them in the text,
and --retry commits it."""

_MERGED: Final = "the text was merged with the branch, with the conflicts in comments"


def _edit(args: Namespace, out: Output) -> int:
    if args.retry and (args.name or args.zone):
        raise UsageError("edit: --retry takes NAME and zone from the text; leave NAME and --zone out")
    caller = os.geteuid()
    words = editor.command()
    about, before, path = _kept(args, out) if args.retry else _new(args, out)
    worth = bool(args.retry)
    try:
        code = editor.run(words, path, caller)
        worth = os.path.lexists(path)  # whatever the editor left, until it is known
        text = private_text.read(path)
        worth = bool(args.retry) or text != before
        if code:
            raise Refused(f"the editor exited with code {code}; nothing was committed")
        return _commit(args, about, text, path, out)
    except ZonegitError as error:
        if worth and not isinstance(error, MergeConflict):
            error.args = (f"{error}; the text is kept: {_kept_how(about, path, error)}",)
        raise
    finally:
        if not worth:
            private_text.remove(path)


def _go_on(path: str) -> str:
    import shlex

    return shlex.join(["zonegit", "edit", "--retry", path])


def _kept_how(about: Subject, path: str, error: ZonegitError) -> str:
    """How to continue with a kept text after an error."""
    import shlex

    if isinstance(error, BranchGone):
        return (
            f"`{_go_on(path)} --branch {shlex.quote(error.renamed) if error.renamed else 'NAME'}` continues there"
        )
    if isinstance(error, BaseGone):
        below = ["--below", to_text(absolute(about.below, about.apex))] if about.below else []
        how = shlex.join(["zonegit", "apply", path, *below, "--branch", about.branch, "--dry-run"])
        return f"`{how}` shows what applying it would change"
    return f"`{_go_on(path)}` opens it again"


def _new(args: Namespace, out: Output) -> tuple[Subject, bytes, str]:
    """What is edited, its text, and the path of the file."""
    with options.open_repository(args, out, reads=True) as repo:
        zone = args.zone if args.name is None else typed_names.zone_of(args, args.name, repo, out)
        found = repo.editable(args.name, zone=zone, branch=args.branch, signatures=args.signatures)
        text = edited_text.write(found)
    return edited_text.subject(found), text, private_text.write(text)


def _kept(args: Namespace, out: Output) -> tuple[Subject, bytes, str]:
    """The same for a kept text."""
    with options.open_repository(args, out, reads=True):  # root becomes the repository's owner here
        text = private_text.read(args.retry)
    about = edited_text.read_subject(text, args.retry)
    return about._replace(branch=args.branch or about.branch), text, args.retry


def _commit(args: Namespace, about: Subject, text: bytes, path: str, out: Output) -> int:
    """Commit the text, and remove its file."""
    from zonegit.zonefile.reader import read_zone

    wanted = read_zone(BytesIO(text), name=printable(path), origin=about.apex, below=about.below)
    args.branch = about.branch
    with options.open_repository(args, out) as repo:
        try:
            done = repo.edit(wanted, base=about.base, **options.commit_how(args, about.zone))
        except MergeConflict as conflict:
            conflicts.tell(args, out, "edit", about.zone, conflict)
            again = repo.edit_again(wanted, base=about.base, branch=about.branch, signatures=args.signatures)
            private_text.replace(path, edited_text.write(again.editable, again.conflicts, conflict.together))
            what = f"{conflict}; nothing was committed, and {_MERGED}: edit {path} and run `{_go_on(path)}`"
            raise MergeConflict(what, conflict.conflicts, conflict.together) from None
        kept = done.new is None
        if not kept:
            private_text.remove(path)
        code = tell(repo, done, args, out)
    if kept:
        out.note(f"the text is kept: `{_go_on(path)}` opens it again")
    return code


def _edit_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="edit this name and the names below it (default: the whole zone)"
    )
    parser.add_argument("--retry", metavar="PATH", help="open a kept text again")
    typed_names.relative_option(parser)
    options.commit_options(parser)


VERBS: Final = {"edit": Verb(_edit_arguments, _edit, _RULE)}
