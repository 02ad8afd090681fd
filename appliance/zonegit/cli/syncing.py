"""The verbs that exchange commits with a peer: `clone`, `push`, `pull`, `sync`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from zonegit.cli import chosen_peer, cloning, exchanged, exchanged_reviews, location, options, peering
from zonegit.cli.ownership import chosen_repository
from zonegit.cli.verbs import Verb
from zonegit.errors import Conflict, MergeConflict, UsageError
from zonegit.model.foreign import printable

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Awaitable, Callable, Iterator

    from zonegit.cli.output import Output
    from zonegit.model.commit import Stamp
    from zonegit.net.client.exchange import Exchange, Fetched, Pushed, Synced, TransferHooks
    from zonegit.net.client.peer import PeerClient
    from zonegit.repo import Repository
    from zonegit.store.lmdb import LmdbStore
    from zonegit.sync.arrival import Result
    from zonegit.sync.pulling import How, Pulled, Taken

_T = TypeVar("_T")
_STAYED: Final = frozenset(("held", "refused"))
_MOVED: Final = frozenset(("updated", "merged"))


class _At(NamedTuple):
    """What a verb works on."""

    repository: Repository
    store: LmdbStore
    chosen: chosen_peer.Chosen
    who: Stamp

    @property
    def peer(self) -> str:
        return self.chosen.remote.name


def _push(args: Namespace, out: Output) -> int:
    with _opened(args, out) as at:
        pushed = _exchange(
            at,
            lambda exchange: exchange.push(at.chosen.selection, at.who, atomic=args.atomic, dry_run=args.dry_run),
            out,
        )
        chosen_peer.check_named(at.chosen, pushed.compared, "here")
        _keep_default(args, at, out)
        if args.json:
            out.json({"remote": at.peer, **exchanged.shape_of_push(pushed, dry_run=args.dry_run)})
        elif args.dry_run:
            exchanged.show(out, exchanged.would_push(pushed))
            out.note(f"dry run, nothing sent: {exchanged.size_text(pushed.objects, pushed.size)} would be sent")
        else:
            exchanged.show(out, exchanged.pushed_rows(pushed))
            moved = exchanged_reviews.moved(each.ref for each in pushed.results if each.outcome in _MOVED)
            sent = exchanged.size_text(pushed.objects, pushed.size)
            if moved:
                out.note(f"pushed to {at.peer}: {moved}, {sent} sent")
            elif not pushed.failed:
                out.note(f"nothing new to push to {at.peer}{at.chosen.described}")
            _tell_rules(exchanged.rules_note(pushed.results, there=True), out)
        _refuse(at.peer, pushed.failed)
    return 0


def _pull(args: Namespace, out: Output) -> int:
    from pathlib import Path

    from zonegit.ops.policies import configured_policies
    from zonegit.repo.mirrors import mirrored_from
    from zonegit.sync.policy import Policy

    how: How = "rebase" if args.rebase else "merge"
    with _opened(args, out) as at:
        policies = configured_policies(at.repository.path, Path(location.SERVICE_CONFIG))
        if args.dry_run:
            looked = _exchange(at, lambda exchange: exchange.preview(at.chosen.selection), out)
            chosen_peer.check_named(at.chosen, looked.compared, f"here or of {at.peer}")
            if args.json:
                out.json({"remote": at.peer, **exchanged.shape_of_pull(looked, None)})
            else:
                with at.store.read() as reader:
                    mirrored = mirrored_from(reader, at.peer)

                def by_rules(zone: str) -> bool:
                    return policies.of(zone, at.peer) is not Policy.FF_ONLY

                rows = exchanged.would_pull(looked.compared, by_rules, mirrored, rebase=args.rebase)
                exchanged.show(out, rows)
                out.note(f"dry run, nothing written: {_would_come(looked)}")
            return 0
        fetched, pulled = _exchange(
            at,
            lambda exchange: exchange.pull(
                at.chosen.selection, at.who, how, lambda zone: policies.of(zone, at.peer)
            ),
            out,
        )
        chosen_peer.check_named(at.chosen, fetched.compared, f"here or of {at.peer}")
        _keep_default(args, at, out)
        if any(each.old != each.tip for each in pulled.taken):
            out.made("but the branches were pulled")
        if args.json:
            out.json({"remote": at.peer, **exchanged.shape_of_pull(fetched, pulled)})
        else:
            _tell_pull(at, fetched, pulled, out)
        _stop(args, at, pulled, how, out)
    return 0


def _sync(args: Namespace, out: Output) -> int:
    with _opened(args, out) as at:
        if args.dry_run:
            return _look_both_ways(args, at, out)
        found: Synced = _exchange(at, lambda exchange: exchange.sync(at.chosen.selection, at.who), out)
        chosen_peer.check_named(at.chosen, found.pushed.compared, f"here or of {at.peer}")
        _keep_default(args, at, out)
        if args.json:
            both = {
                "pulled": exchanged.shape_of_pull(found.fetched, found.pulled),
                "pushed": exchanged.shape_of_push(found.pushed, dry_run=False),
            }
            out.json({"remote": at.peer, **both})
        else:
            _tell_pull(at, found.fetched, found.pulled, out)
            exchanged.show(out, exchanged.pushed_rows(found.pushed))
            sent = exchanged.size_text(found.pushed.objects, found.pushed.size)
            out.note(
                f"sent {sent} to {at.peer}"
                if found.pushed.results
                else f"nothing new to push to {at.peer}{at.chosen.described}"
            )
            _tell_rules(exchanged.rules_note(found.pushed.results, there=True), out)
        _refuse(at.peer, found.pushed.failed)
        if stayed := _stayed(found.pulled):
            raise Conflict(printable(stayed[0].message))
    return 0


def _look_both_ways(args: Namespace, at: _At, out: Output) -> int:
    async def work(exchange: Exchange) -> tuple[Fetched, Pushed]:
        looked = await exchange.preview(at.chosen.selection)
        return looked, await exchange.push(at.chosen.selection, at.who, dry_run=True, refs=looked.refs)

    looked, pushed = _exchange(at, work, out)
    chosen_peer.check_named(at.chosen, looked.compared, f"here or of {at.peer}")
    if args.json:
        both = {
            "pulled": exchanged.shape_of_pull(looked, None),
            "pushed": exchanged.shape_of_push(pushed, dry_run=True),
        }
        out.json({"remote": at.peer, **both})
        return 0
    exchanged.show(out, exchanged.would_sync(looked.compared))
    sent = exchanged.size_text(pushed.objects, pushed.size)
    out.note(f"dry run, nothing written: {_would_come(looked)}, {sent} would be sent")
    return 0


def _would_come(looked: Fetched) -> str:
    return f"{exchanged.size_text(looked.objects, looked.size)} would be received"


def _tell_pull(at: _At, fetched: Fetched, pulled: Pulled, out: Output) -> None:
    peering.tell_left_out(fetched.left_out, out)
    exchanged.show(out, exchanged.pulled_rows(pulled))
    received = exchanged.size_text(fetched.objects, fetched.size)
    if fetched.objects:
        out.note(f"received {received} from {at.peer}")
    elif not pulled.taken:
        out.note(f"nothing new at {at.peer}{at.chosen.described}")
    _tell_rules(exchanged.rules_note(pulled.taken), out)


def _tell_rules(message: str, out: Output) -> None:
    if message:
        out.note(message)


def _refuse(peer: str, failed: list[Result]) -> None:
    """`Conflict` if the peer didn't accept all of a push."""
    if not failed:
        return
    first = failed[0]
    place = exchanged_reviews.place(first.ref)
    if first.reason in exchanged.BEHIND:
        message = (
            f"{peer} has commits of {place} that are not here: run 'zonegit pull {peer} {place}', then push again"
        )
    elif first.outcome == "held":
        message = f"{peer} keeps its own version of {place}: {printable(first.message)}"
    elif first.reason in ("scope", "unknown-kind"):
        message = f"{place} was not sent: {printable(first.message)}"
    else:
        message = f"{peer} refuses {place}: {printable(first.message or first.reason)}"
    more = f" (and {len(failed) - 1:,} more)" if len(failed) > 1 else ""
    raise Conflict(f"push: {message}{more}")


def _stayed(pulled: Pulled) -> list[Taken]:
    """The branches and tags that couldn't be pulled. A review or proposal that can't be accepted is only shown."""
    taken, _ = exchanged_reviews.apart(pulled.taken)
    return [each for each in taken if each.outcome in _STAYED]


def _stop(args: Namespace, at: _At, pulled: Pulled, how: How, out: Output) -> None:
    """Report what stopped a merge, with advice; `Conflict` if another ref was held or refused."""
    from zonegit.cli import merging

    if pulled.conflict and pulled.stopped:
        args.zone, args.branch, args.message = pulled.stopped.zone, pulled.stopped.name, None
        if not args.json:
            merging.show_conflict(out, pulled.stopped.zone, pulled.conflict)
        if how == "merge":
            raise merging.with_ways(pulled.conflict, "merge", args, at.repository)
        raise MergeConflict(
            f"{pulled.conflict}; nothing moved: 'zonegit pull' without --rebase merges, so that you can resolve it"
        )
    if stayed := _stayed(pulled):
        first = stayed[0]
        raise Conflict(f"pull: {first.ref.zone}:{first.ref.name}: {printable(first.message)}")


@contextmanager
def _opened(args: Namespace, out: Output) -> Iterator[_At]:
    from zonegit.repo import Repository
    from zonegit.store.lmdb import LmdbStore

    path = chosen_repository(args)
    if args.dry_run and (args.set_default or args.unset_default):
        raise UsageError("--dry-run can't be combined with --set-default or --unset-default")
    store = LmdbStore.open(path, readonly=args.dry_run, patience=options.patience(args, out))
    with Repository(path, store) as repository:
        with store.read() as reader:
            chosen = chosen_peer.choose(args, repository, reader)
        yield _At(repository, store, chosen, peering.stamp(store, args.author))


def _exchange(at: _At, work: Callable[[Exchange], Awaitable[_T]], out: Output) -> _T:
    from asyncio import CancelledError

    from zonegit.net.client.exchange import Exchange

    async def run(peer: PeerClient) -> _T:
        def begun(watch: TransferHooks) -> Awaitable[_T]:
            return work(Exchange(peer, at.peer, at.repository, at.store, watch))

        try:
            return await peering.watched(begun, out)
        except CancelledError:
            at.store.close()  # ends a thread that waits for another writer
            raise

    try:
        return peering.exchange(at.chosen.remote, run)
    except KeyboardInterrupt:
        out.fail("interrupted; both sides keep what arrived; run the same command again to continue")
        raise


def _keep_default(args: Namespace, at: _At, out: Output) -> None:
    if args.set_default or args.unset_default:
        with at.store.write() as writer:
            message = chosen_peer.keep(args, writer, at.chosen)
        out.note(message)


def _push_arguments(parser: ArgumentParser) -> None:
    chosen_peer.arguments(parser, "push")
    parser.add_argument("--atomic", action="store_true", help="move all refs at the peer, or none")
    _common_arguments(parser)


def _pull_arguments(parser: ArgumentParser) -> None:
    chosen_peer.arguments(parser, "pull")
    parser.add_argument(
        "--rebase", action="store_true", help="rebase your own commits onto the peer's, instead of merging"
    )
    _common_arguments(parser)


def _sync_arguments(parser: ArgumentParser) -> None:
    chosen_peer.arguments(parser, "sync")
    _common_arguments(parser)


def _common_arguments(parser: ArgumentParser) -> None:
    options.author_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


_PUSH_DETAILS: Final = """\
The key needs the scope push:ZONE at the peer. A push that isn't a fast-forward is refused with exit code 4, unless
the peer's policy for the zone is `merge`: run `zonegit pull` to get the commits of others, then push again."""
_PULL_DETAILS: Final = """\
A branch that is behind moves forward. If both sides have new commits, they are merged as by `zonegit merge`. A
conflict stops the merge with exit code 4; finish it with `zonegit merge --resolve` and `--continue`. With --rebase
your own commits are rebased onto the peer's: all of them or, if one conflicts, none. All zones that are mirrored
from the peer (`clone --mirror`) are updated too."""
_SYNC_DETAILS: Final = """\
Merges the changes of both sides by rules, without asking (docs/sync.md), and pushes the merge: afterwards both
sides are equal. `zonegit log --merges` shows the merges."""

VERBS: Final = {
    "clone": Verb(cloning.arguments, cloning.run, cloning.DETAILS),
    "push": Verb(_push_arguments, _push, _PUSH_DETAILS),
    "pull": Verb(_pull_arguments, _pull, _PULL_DETAILS),
    "sync": Verb(_sync_arguments, _sync, _SYNC_DETAILS),
}
