"""The verbs on signatures, and on the settings that they need: `config`, `keygen`, `sign-commit`, `verify`."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zonegit.cli import location, options, render, shapes, verdicts
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.errors import KeyFileExists, NotFound, Refused, UsageError, ZonegitError
from zonegit.model.foreign import printable
from zonegit.model.ids import short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zonegit.model.commit import Commit, Tag
    from zonegit.model.ids import ObjectId
    from zonegit.repo import Repository
    from zonegit.repo.signatures import AllowedSigners, Signature

NOT_GOOD: Final = 7
"""The exit code of `verify` for a signature that isn't good, or missing."""
_DEFAULT_KEY: Final = "~/.ssh/zonegit_ed25519"
_PATHS: Final = ("user.signingkey", "gpg.ssh.allowedSignersFile")


def _config(args: Namespace, out: Output) -> int:
    if args.list == (args.key is not None):
        raise UsageError("config: expected a KEY, --list, or check; see `zonegit config --help`")
    if args.unset and (args.key is None or args.value is not None):
        raise UsageError("config: --unset takes a KEY alone")
    changes = args.unset or args.value is not None
    with options.open_repository(args, out, reads=not changes) as repo:
        if changes:
            return _change(args, out, repo)
        found = repo.settings()
    if args.list:
        if args.json:
            out.json(found)
        else:
            for key, value in found.items():
                out.line(printable(f"{key}={value}"))
        return 0
    if args.key not in found:
        raise NotFound(f"{args.key} is not set; `zonegit config {args.key} VALUE` sets it")
    if args.json:
        out.json({args.key: found[args.key]})
    else:
        out.line(printable(found[args.key]))
    return 0


def _change(args: Namespace, out: Output, repo: Repository) -> int:
    from zonegit.repo.settings import checked_value

    value = None if args.unset else checked_value(args.key, args.value)
    if args.dry_run:
        out.note(f"dry run, nothing written: {args.key} would be {'unset' if value is None else printable(value)}")
        return 0
    repo.configure(args.key, value)
    if value is not None and args.key in _PATHS:
        _warn_if_unreadable(value, out)
    return 0


def _warn_if_unreadable(path: str, out: Output) -> None:
    try:
        Path(path).stat()
    except FileNotFoundError:
        out.warn(f"there is no file {printable(path)}")
    except OSError as error:
        out.warn(f"{printable(path)} can't be read: {error.strerror}")


def _keygen(args: Namespace, out: Output) -> int:
    from zonegit.repo.caller import login
    from zonegit.repo.signatures import mail_of
    from zonegit.ssh.files import write_key_pair
    from zonegit.ssh.signing import new_key

    path = Path(args.file or _DEFAULT_KEY).expanduser()
    author = args.author or os.environ.get("ZONEGIT_AUTHOR") or _configured_author(args)
    principal = mail_of(author or login())
    comment = principal if args.comment is None else args.comment
    if not (principal + comment).isprintable() or '"' in principal:
        raise UsageError("keygen: the author and the comment must be printable, and the author without quotes")
    if args.dry_run:
        for each in (path, path.with_name(f"{path.name}.pub")):
            if os.path.lexists(each):
                raise KeyFileExists(f"{each}: already exists; choose another name")
        out.note(f"dry run, nothing written: would write {path} and {path.name}.pub")
        return 0
    private, public = new_key()
    other = write_key_pair(path, private, public, comment)
    out.made(f"but {path} was written")
    quoted = f'"{principal}"' if " " in principal else principal
    out.line(f'{quoted} namespaces="zonegit" {public.line} {comment}'.rstrip())
    out.note(
        f"wrote {printable(str(path))} and {printable(other.name)}; add the line to the file of allowed signers"
    )
    out.note(f"to sign with it: zonegit config user.signingkey {printable(str(path))}")
    if author is None:
        out.warn(
            f"no user.email is set, so the line is {printable(principal)}'s: if your commits get another author, "
            "write their address there"
        )
    return 0


def _configured_author(args: Namespace) -> str | None:
    """The mail, or else the name, that the user has set in the repository; None without a repository.

    Root doesn't look into a repository of somebody else.
    """
    from zonegit.repo import Repository

    try:
        path = location.existing(args)
        if not os.geteuid() and path.stat().st_uid:
            return None
        with Repository.open(path, readonly=True) as repo:
            values = repo.settings()
    except (ZonegitError, OSError):
        return None
    return values.get("user.email") or values.get("user.name")


def _sign_commit(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        zone = repo.target(args.zone, args.branch).zone
        _refuse_served(args, zone)
        done = repo.sign_commit(
            args.revision, zone=args.zone, branch=args.branch, who=args.author, dry_run=args.dry_run
        )
    if args.json:
        out.json(shapes.committed(done, []))
    elif done.new is None:
        out.note(
            f"[{done.zone} {done.branch}] dry run, nothing written: would sign {render.short_or_none(done.old)}"
        )
    else:
        out.note(f"[{done.zone} {done.branch} {short(done.new)}] serial {done.serial}, signed")
    return 0


def _refuse_served(args: Namespace, zone: str) -> None:
    """`Refused` if zonegitd serves the repository to secondaries: they have fetched the commit already."""
    from zonegit.ops.policies import is_replicated

    if is_replicated(location.existing(args), Path(location.SERVICE_CONFIG)):
        raise Refused(
            f"zonegitd's configuration serves {zone} to secondaries ([replication]), which fetch commits at once: "
            "sign a commit when it is made, with -S or commit.sign"
        )


def _verify(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        allowed = repo.allowed_signers(args.allowed_signers)
        if allowed is None:
            raise UsageError(
                "verify: it isn't known who may sign: 'zonegit config gpg.ssh.allowedSignersFile FILE', or "
                "--allowed-signers FILE"
            )
        if args.chain or ".." in args.revision:
            return _verify_chain(args, out, repo, allowed)
        oid, made = next(_chosen(args, repo))
        found = repo.signature(made, allowed)
    if args.json:
        out.json(_shape(oid, made, found))
    else:
        out.line(f"{short(oid)} {verdicts.line(found)}", verdicts.style(found))
    return 0 if found.is_good else NOT_GOOD


def _verify_chain(args: Namespace, out: Output, repo: Repository, allowed: AllowedSigners) -> int:
    """Check many commits: prints those that aren't good, and a summary."""
    judged = ((oid, made, repo.signature(made, allowed)) for oid, made in _chosen(args, repo))
    if args.json:
        every = list(judged)
        out.json([_shape(*each) for each in every])
        return 0 if all(found.is_good for _, _, found in every) else NOT_GOOD
    good = wrong = 0
    for oid, made, found in judged:
        if found.is_good:
            good += 1
            continue
        wrong += 1
        subject = made.message.partition("\n")[0]
        out.line(f"{short(oid)} {verdicts.line(found)} ({printable(subject)})", verdicts.style(found))
    out.note(f"checked {render.counted(good + wrong, 'signature')}: {good:,} good, {wrong:,} not good")
    return NOT_GOOD if wrong else 0


def _chosen(args: Namespace, repo: Repository) -> Iterator[tuple[ObjectId, Commit | Tag]]:
    """What to verify: a tag that REV names by itself, the commit, and with `--chain` its ancestors."""
    tag = None if ".." in args.revision else repo.tag_object(args.revision, zone=args.zone)
    if tag:
        yield tag
    if not tag or args.chain:
        for revision in repo.chain(args.revision, zone=args.zone):
            yield revision.id, revision.commit


def _shape(oid: ObjectId, made: Commit | Tag, found: Signature) -> shapes.JsonObject:
    kind = "tag" if hasattr(made, "target") else "commit"
    return {"id": oid.hex(), "kind": kind, "signature": verdicts.shape(found)}


def _config_arguments(parser: ArgumentParser) -> None:
    from zonegit.repo.settings import KEYS

    parser.add_argument("key", metavar="KEY", nargs="?", type=_key, choices=KEYS, help=f"one of {', '.join(KEYS)}")
    parser.add_argument("value", metavar="VALUE", nargs="?", help="the new value (default: print the present one)")
    parser.add_argument("--unset", action="store_true", help="remove the value of KEY")
    parser.add_argument("-l", "--list", action="store_true", help="list all values, as KEY=VALUE")
    options.dry_run_option(parser)
    options.json_option(parser)


def _key(text: str) -> str:
    from zonegit.repo.settings import known_key

    try:
        return known_key(text)
    except UsageError as error:
        if "." in text:
            raise
        raise UsageError(f"{error}; `zonegit config check` checks zonegitd's configuration") from None


def _keygen_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help=f"the file of the key (default: {_DEFAULT_KEY})")
    parser.add_argument("--comment", metavar="TEXT", help="the key's comment (default: the author's mail)")
    options.author_option(parser)
    options.dry_run_option(parser)


def _sign_commit_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "revision", metavar="REV", nargs="?", default="HEAD", help="the newest commit of the branch (default: HEAD)"
    )
    parser.add_argument("--branch", metavar="BRANCH", help="the branch (default: HEAD's branch)")
    options.author_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


def _verify_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "revision", metavar="REV", nargs="?", default="HEAD", help="a commit, a tag, or A..B (default: HEAD)"
    )
    parser.add_argument("--chain", action="store_true", help="verify all ancestors, too")
    parser.add_argument(
        "--allowed-signers",
        metavar="FILE",
        type=Path,
        help="who may sign (default: the file that gpg.ssh.allowedSignersFile names)",
    )
    options.json_option(parser)


_CONFIG_DETAILS: Final = """\
user.name and user.email are the author of your commits, unless --author or $ZONEGIT_AUTHOR says otherwise.
user.signingkey is the file of the key to sign with: a private key, or a public one (.pub) whose private half an SSH
agent has. commit.sign (true or false) says whether commits are signed without -S. gpg.ssh.allowedSignersFile is the
file of allowed signers in OpenSSH's format (ssh-keygen(1)), by which `verify`, `show` and `log` judge signatures.

The values are stored in the repository. If several users may write to it, each has their own, and for commit.sign
and gpg.ssh.allowedSignersFile the repository's where they have none. `zonegit config check` checks zonegitd's
configuration."""
_KEYGEN_DETAILS: Final = """\
Writes an Ed25519 key without a passphrase (mode 600), and its public half (FILE.pub). Neither file is ever
overwritten. Prints the line for the file of allowed signers. `ssh-keygen` makes keys with a passphrase or on an
authenticator, which sign as well."""
_SIGN_COMMIT_DETAILS: Final = """\
Replaces the newest commit of the branch by the same commit with your signature, as `git commit --amend -S` does.
Content, parents, serial, author and message stay, and you become the committer. Refused if another branch, a tag
or a peer has the commit, if it is published, or if zonegitd serves the repository to secondaries. -S signs a
commit when it is made."""
_VERIFY_DETAILS: Final = """\
A signature is good if its key is in the file of allowed signers, for the namespace zonegit and at the committer's
time, and if the mails of author and committer match the key's principals. If REV names a tag with a message, the
tag's own signature is verified. Exits with code 0 if all signatures are good, and with 7 if one is missing or not
good. With --chain or A..B, only those that aren't good are listed."""

VERBS: Final = {
    "config": Verb(_config_arguments, _config, _CONFIG_DETAILS),
    "keygen": Verb(_keygen_arguments, _keygen, _KEYGEN_DETAILS),
    "sign-commit": Verb(_sign_commit_arguments, _sign_commit, _SIGN_COMMIT_DETAILS),
    "verify": Verb(_verify_arguments, _verify, _VERIFY_DETAILS, pages=True),
}
