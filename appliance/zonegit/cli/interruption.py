"""What Ctrl-C left behind: a verb that makes a commit says whether anything was written, and long work what holds.

Objects that an interrupted import stored ahead stay in the store, where nothing names them; what counts is whether
a ref moved.
"""

from __future__ import annotations

from contextlib import contextmanager
from signal import SIG_DFL, SIGHUP, SIGINT, SIGTERM, getsignal, signal
from typing import TYPE_CHECKING, Final

from zonegit.cli import location
from zonegit.cli.ownership import chosen_repository

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

    from zonegit.model.ids import ObjectId
    from zonegit.model.refs import RefName
    from zonegit.repo import Repository

_NOTHING: Final = "interrupted; nothing was written"


class Interrupted(KeyboardInterrupt):
    """Work was interrupted by a signal, and the message says what holds now."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


@contextmanager
def interruptible(outcome: Callable[[], str]) -> Iterator[None]:
    """Have work that leaves files behind when it is killed undone by SIGTERM and SIGHUP, too, as it is by Ctrl-C.

    `outcome` says afterwards what holds. A signal that the caller ignores (nohup) stays ignored.
    """
    caught = [number for number in (SIGTERM, SIGHUP) if getsignal(number) is SIG_DFL]
    got: list[int] = [SIGINT]

    def stop(number: int, _frame: object) -> None:
        got.append(number)
        raise KeyboardInterrupt

    for number in caught:
        signal(number, stop)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(outcome(), got[-1]) from None
    finally:
        for number in caught:
            signal(number, SIG_DFL)


def begin(args: Namespace, repo: Repository) -> None:
    """Remember what had moved before a verb does anything."""
    args.journal_end = repo.journal_end()


def outcome(args: Namespace) -> str | None:
    """What an interrupted verb has done; None for one that makes no commit."""
    if not hasattr(args, "signatures"):
        return _NOTHING if getattr(args, "makes_repository", False) and not location.is_made(args) else None
    if args.dry_run or not hasattr(args, "journal_end"):
        return _NOTHING
    from zonegit.repo import Repository

    with Repository.open(chosen_repository(args), readonly=True) as repo:
        moved = repo.moved_since(args.journal_end)
        left = hasattr(args, "going_on") and repo.stopped_at() is not None
    if moved is None:
        return "interrupted, and the repository has changed; `zonegit reflog` shows by what"
    if not moved:
        return _NOTHING
    told = "interrupted, but committed before: " + ", ".join(_place(name, tip) for name, tip in moved.items())
    return f"{told}; 'zonegit status' shows how to go on with the rest" if left else told


def _place(name: RefName, tip: ObjectId | None) -> str:
    from zonegit.model.ids import short
    from zonegit.model.refs import parse

    ref = parse(name)
    return f"[{ref.zone} {ref.name} {short(tip) if tip else 'deleted'}]"
