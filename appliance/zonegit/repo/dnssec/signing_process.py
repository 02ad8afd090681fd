"""Signs and publishes large versions in processes that end, so that the memory for it doesn't stay with this one.

Two for each: one opens the repository and the keys, signs, proves and stores; once that has been looked at here,
the other one moves the ref. Each does one order and ends. It also ends with its standard input, and so with the
process that started it. The latter does everything in the same order as with a small version, and waits meanwhile.
"""

import os
import resource
import signal
import sys
from collections.abc import Collection
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Final, NamedTuple

from zonegit.dnssec.keys import VerifyAll
from zonegit.dnssec.signing.due import Summary
from zonegit.dnssec.signing.plan import SigningKey, SigningPlan
from zonegit.errors import DnssecError, ZonegitError
from zonegit.model.foreign import one_line
from zonegit.model.ids import ObjectId
from zonegit.model.names import OwnerKey
from zonegit.model.rrset import RRKey
from zonegit.piped_process import exchange, start
from zonegit.piped_values import receive, send
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.dnssec.key_directory import KeyDirectory, ZoneKeys
from zonegit.repo.dnssec.large_versions import is_large
from zonegit.repo.dnssec.making import Task, Work, signed_objects
from zonegit.repo.dnssec.signing_pool import SigningPool
from zonegit.repo.dnssec.tokens import TokenSigner
from zonegit.repo.dnssec.zone_facts import Served
from zonegit.repo.publishing.policy import Published
from zonegit.repo.publishing.versions import SignedContent, release_signed
from zonegit.repo.results import Position, Revision
from zonegit.repo.store_ahead import store_ahead
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import Store
from zonegit.tree.source import Nodes
from zonegit.tree.zone_tree import Tree


class WorkDivision:
    """Which work on the versions of one zone is done in processes of its own."""

    def __init__(self, keys: ZoneKeys, verify: VerifyAll, repo: Path | None) -> None:
        """`repo`: the repository's directory; None: all is done here. `verify` is for what is."""
        self._keys: Final = keys
        self._repo: Final = repo
        self._here: Final = Work(partial(signed_objects, verify=verify))

    def of(self, task: Task) -> Work:
        """How a version is to be made."""
        repo = self._repo
        if repo is None or _needs_token(task.plan) or not is_large(task):
            return self._here

        def sign(task: Task) -> list[bytes]:
            zone = _done(_Signing.of(repo, self._keys, task))
            assert isinstance(zone, bytes)  # noqa: S101
            return [zone]

        def release(_context: Context, *what: *_Released) -> Published:
            published = _done(_Releasing(repo, what))
            assert isinstance(published, Published)  # noqa: S101
            return published

        return Work(sign, release)


def _needs_token(plan: SigningPlan) -> bool:
    """Whether a key is in a token, where only the publisher logs in: it knows which PIN was refused."""
    return any(isinstance(key.signer, TokenSigner) for key in (*plan.zone_keys, *plan.dnskey_keys))


class _Signing(NamedTuple):
    """A task as another process can read it: without keys, and with trees as their roots."""

    repo: Path
    keys: Path
    """The directory of the keys of all zones."""
    zone: str
    tree: ObjectId
    shown: ObjectId
    """Roots of the version before, and of what it shows."""
    is_signed: bool
    summary: Summary
    content: Revision
    seq: int
    plan: SigningPlan
    """Without `zone_keys` and `dnskey_keys`: their DNSKEY RDATA follow."""
    zone_keys: tuple[bytes, ...]
    dnskey_keys: tuple[bytes, ...]
    renew: Collection[OwnerKey]
    withdrawn: Collection[RRKey]

    @classmethod
    def of(cls, repo: Path, keys: ZoneKeys, task: Task) -> "_Signing":
        before, plan = task.before, task.plan
        return cls(
            repo=repo,
            keys=keys.path.parent,
            zone=keys.zone,
            tree=before.tree.root,
            shown=before.shown.root,
            is_signed=before.is_signed,
            summary=before.summary,
            content=task.content.revision,
            seq=task.seq,
            plan=plan._replace(zone_keys=(), dnskey_keys=()),
            zone_keys=_dnskeys(plan.zone_keys),
            dnskey_keys=_dnskeys(plan.dnskey_keys),
            renew=task.renew,
            withdrawn=task.withdrawn,
        )

    def carry_out(self, store: Store) -> bytes:
        """Store the signed version; returns its zone object, which isn't stored."""
        context, pool = Context.over(store), SigningPool()
        try:
            task = self._task(context.nodes, KeyDirectory(self.keys, pool.signer).zone(self.zone))
            with store.keeping():
                *rest, zone = store_ahead(context, signed_objects(task, pool.verify_all))
                with store.write() as writer:
                    writer.insert(rest)
            return zone
        finally:
            pool.close()

    def _task(self, nodes: Nodes, keys: ZoneKeys) -> Task:
        before = Served(Tree(nodes, self.tree), Tree(nodes, self.shown), self.is_signed, self.summary)
        plan = self.plan._replace(
            zone_keys=tuple(map(keys.signing_key, self.zone_keys)),
            dnskey_keys=tuple(map(keys.signing_key, self.dnskey_keys)),
        )
        return Task(before, Content.of(nodes, self.content), self.seq, plan, self.renew, self.withdrawn)


_Released = tuple[Position, Published, Revision, SignedContent, str]
"""What `release_signed` is called with."""


class _Releasing(NamedTuple):
    repo: Path
    what: _Released

    def carry_out(self, store: Store) -> Published:
        return release_signed(Context.over(store), *self.what)


_Order = _Signing | _Releasing


def _dnskeys(keys: tuple[SigningKey, ...]) -> tuple[bytes, ...]:
    return tuple(key.dnskey for key in keys)


def _done(order: _Order) -> object:
    """What comes of an order in another process. `DnssecError`, or what else made it fail."""
    try:
        process = start(__name__)
    except OSError as error:
        raise DnssecError(f"no process can be started to sign the zone: {error.strerror}") from None
    found: object = None
    with suppress(BrokenPipeError, EOFError), process:
        found = exchange(process, order)
    if found is None:
        raise DnssecError(f"the process that was to sign the zone {_end(process.returncode)}")
    if isinstance(found, ZonegitError):
        raise found
    return found


def _end(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"failed with exit code {code}"


def main() -> None:
    """Carry out the order on the standard input; the standard output gets what comes of it, or an error."""
    with suppress(OSError, ValueError):  # a sandbox doesn't permit it; zonegitd's own forbids cores itself
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    order: _Order = receive(sys.stdin.buffer)
    Thread(target=_end_with_input, daemon=True).start()
    try:
        with closing(LmdbStore.open(order.repo)) as store:
            done: object = order.carry_out(store)
    except ZonegitError as error:
        done = error
    except Exception as error:  # whatever it is, it concerns this zone alone
        done = DnssecError(one_line(f"an unexpected error in the process that was to sign: {error!r}"))
    with suppress(BrokenPipeError):
        send(sys.stdout.buffer, done)
    os._exit(0)  # the thread still reads


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)
