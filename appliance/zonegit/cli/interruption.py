"""Interruptions: a verb that commits says whether anything was written, long work says what state it left.

Objects that an interrupted import has already stored stay in the store, unreachable; what counts is whether a ref
moved.
"""

from __future__ import annotations

from contextlib import contextmanager
from signal import SIG_DFL, SIG_IGN, SIGHUP, SIGINT, SIGTERM, getsignal, signal
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
    """A signal interrupted the work; the message says what state it left."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


@contextmanager
def interruptible(outcome: Callable[[], str]) -> Iterator[None]:
    """Make SIGTERM and SIGHUP raise `KeyboardInterrupt` as Ctrl-C does, so that temporary files are removed.

    `outcome` then says what state was left. A signal that the caller ignores (nohup) stays ignored.
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
        with undisturbed():
            message = outcome()
        raise Interrupted(message, got[-1]) from None
    finally:
        for number in caught:
            signal(number, SIG_DFL)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore Ctrl-C: pressed twice, it would interrupt the report of what the first one left."""
    before = signal(SIGINT, SIG_IGN)
    try:
        yield
    finally:
        signal(SIGINT, before)


def begin(args: Namespace, repo: Repository) -> None:
    """Note the end of the journal before a verb does anything."""
    args.journal_end = repo.journal_end()


def outcome(args: Namespace) -> str | None:
    """What an interrupted verb has done; None for a verb that makes no commit."""
    if not hasattr(args, "signatures"):
        return _NOTHING if getattr(args, "makes_repository", False) and not location.is_made(args) else None
    if args.dry_run or not hasattr(args, "journal_end"):
        return _NOTHING
    from zonegit.repo import Repository

    with Repository.open(chosen_repository(args), readonly=True) as repo:
        moved = repo.moved_since(args.journal_end)
        left = hasattr(args, "going_on") and repo.stopped_at() is not None
    if moved is None:
        return "interrupted, and the repository has changed; `zonegit reflog` shows how"
    if not moved:
        return _NOTHING
    message = "interrupted, but already committed: " + ", ".join(_place(name, tip) for name, tip in moved.items())
    return f"{message}; 'zonegit status' shows how to continue with the rest" if left else message


def _place(name: RefName, tip: ObjectId | None) -> str:
    from zonegit.model.ids import short
    from zonegit.model.refs import parse

    ref = parse(name)
    return f"[{ref.zone} {ref.name} {short(tip) if tip else 'deleted'}]"
