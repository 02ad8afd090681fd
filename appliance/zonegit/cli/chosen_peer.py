"""The peer, the branches and the tags that a `push`, `pull` or `sync` is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zonegit.cli import peering
from zonegit.errors import NotFound, UsageError
from zonegit.model.refs import is_plain

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from zonegit.repo import Repository
    from zonegit.repo.remotes import Remote
    from zonegit.repo.sync_default import SyncDefault
    from zonegit.store.port import Reader, Writer
    from zonegit.sync.comparing import Compared
    from zonegit.sync.selection import Selection

_OF_URL = {"name": "", "keys": None, "key": "", "ca": None, "client_cert": None, "client_key": None}
"""Options that need a URL, and their default values."""


class Chosen(NamedTuple):
    remote: Remote
    selection: Selection
    patterns: tuple[str, ...]
    """As given, or as stored by `--set-default`; empty for HEAD's branch."""
    exclude: tuple[str, ...]
    by_url: bool
    zone: str = ""
    """The zone that HEAD names."""

    @property
    def described(self) -> str:
        """What was asked for, to append to "nothing new"; empty for everything."""
        without = f" without {', '.join(self.exclude)}" if self.exclude else ""
        if self.patterns == ("*",):
            return without
        if self.patterns:
            return f" of {', '.join(map(str, self.selection.patterns))}{without}"
        return f" of {self.selection.patterns[0]}, HEAD's branch (--all selects all zones){without}"


def arguments(parser: ArgumentParser, what: str) -> None:
    """The arguments of a verb that does `what` (`push`, `pull`, `sync`) to the selected branches."""
    parser.add_argument(
        "words",
        metavar="REMOTE|URL|ZONE[:BRANCH]",
        nargs="*",
        help=f"the peer (default: the only one), then what to {what}, * allowed (default: HEAD's branch)",
    )
    parser.add_argument("--all", action="store_true", help=f"{what} every branch and tag of every zone")
    parser.add_argument(
        "--exclude", metavar="ZONE[:BRANCH]", action="append", default=[], help="skip these; may be repeated"
    )
    default = parser.add_mutually_exclusive_group()
    default.add_argument(
        "--set-default",
        action="store_true",
        help="make this peer and these branches the default of later calls (without branches: HEAD's branch)",
    )
    default.add_argument("--unset-default", action="store_true", help="undo --set-default")
    parser.add_argument("--name", metavar="NAME", default="", help="with a URL: the peer's name")
    peering.peer_options(parser, required=False)


def choose(args: Namespace, repository: Repository, reader: Reader) -> Chosen:
    """Read the arguments. Raises `UsageError` or `NotFound`."""
    from zonegit.repo.sync_default import SyncDefault, sync_default
    from zonegit.sync.mirror_pull import is_mirror
    from zonegit.sync.selection import Pattern, parse_selection

    kept = SyncDefault() if args.unset_default else sync_default(reader)
    peer, patterns = _split(args.words)
    if args.all and patterns:
        raise UsageError("--all selects everything: leave out --all or the patterns; use --exclude for exceptions")
    head = repository.head_status().head  # also of a zone that was removed: that is pushed
    zone = head.zone if head else ""
    remote = _remote(args, reader, peer, kept, zone)
    given, exclude = tuple(patterns), tuple(args.exclude)
    if args.all:
        given = ("*",)
    elif not given and not args.set_default and (peer is None or remote.name == kept.remote):
        given, exclude = kept.patterns, exclude or kept.exclude
    if not given and not args.zone and is_mirror(reader, remote.name):
        given = ("*",)
    found = parse_selection(given, exclude)
    if not given:
        place = repository.position(args.zone) if args.zone or not head else head
        found = found._replace(patterns=(Pattern(place.zone, place.branch),))
    _check_excluded(found)
    return Chosen(remote, found, given, exclude, "://" in (peer or ""), zone)


def keep(args: Namespace, writer: Writer, chosen: Chosen) -> str:
    """Carry out `--set-default` or `--unset-default`; returns the message that explains the new default."""
    from zonegit.repo.remotes import add_remote
    from zonegit.repo.sync_default import SyncDefault, set_sync_default

    if args.unset_default:
        set_sync_default(writer, None)
        return "the default of push, pull and sync is again HEAD's branch and the only remote"
    if chosen.by_url:
        add_remote(writer, chosen.remote)
    default = SyncDefault(chosen.remote.name, chosen.patterns, chosen.exclude)
    set_sync_default(writer, default)
    return (
        f"the default of push, pull and sync is now {default} and the remote {default.remote}; "
        "--unset-default undoes this"
    )


def check_named(chosen: Chosen, compared: list[Compared], where: str) -> None:
    """`NotFound` for a pattern that covers nothing."""
    idle = chosen.selection.idle((each.ref.zone, each.ref.name) for each in compared)
    if idle and chosen.patterns != ("*",):
        named = ", ".join(map(str, idle))
        hint = "; `zonegit branch` and `zone list` list them"
        if chosen.exclude:
            hint = f", or --exclude {' '.join(chosen.exclude)} leaves it out{hint}"
        elif bare := next((word for word in chosen.patterns if is_plain(word)), ""):
            hint = f"; write a branch with its zone{_as_pattern(chosen.zone, bare)}"
        raise NotFound(f"no branch or tag {where} matches {named[:200]}{hint}")


def _check_excluded(selection: Selection) -> None:
    """`UsageError` for a branch that is both named and excluded."""
    for each in selection.patterns:
        if "*" not in str(each) and each.name != "*" and not selection.takes(each.zone, each.name):
            raise UsageError(f"--exclude leaves nothing of {each}: leave one of the two out")


def _as_pattern(zone: str, branch: str) -> str:
    """An example of how to write a branch with its zone."""
    return f", as {zone}:{branch}" if zone else ", as ZONE:BRANCH"


def _split(words: list[str]) -> tuple[str | None, list[str]]:
    """The peer, if one is named, and the patterns. A word that can't be a peer's name is a pattern."""
    if words and ("://" in words[0] or is_plain(words[0])):
        return words[0], words[1:]
    return None, words


def _remote(args: Namespace, reader: Reader, peer: str | None, kept: SyncDefault, zone: str) -> Remote:
    from zonegit.model.refs import Ref, RefKind
    from zonegit.repo.remotes import remote_named

    if peer is not None and "://" in peer:
        if not args.name:
            raise UsageError("a URL needs --name and --keys; or name a remote (see `zonegit remote list`)")
        return peering.remote_of(args, args.name, peer)
    if given := next((name for name, value in _OF_URL.items() if getattr(args, name) != value), None):
        raise UsageError(f"--{given.replace('_', '-')} needs a URL: a remote has its own setting")
    try:
        return remote_named(reader, peer or kept.remote or None)
    except NotFound as error:
        if peer is not None and "." in peer:
            raise NotFound(f"{error}; write a zone with its final dot, as {peer}.") from None
        if (
            peer is not None
            and zone
            and any(reader.ref(Ref(kind, zone, peer).full) for kind in (RefKind.HEAD, RefKind.TAG))
        ):
            raise NotFound(
                f"no remote {peer!r} here; write a branch or tag with its zone{_as_pattern(zone, peer)}"
            ) from None
        raise
