"""Fetch, push, pull and sync with one peer, over one connection.

`zonegit push`, `pull`, `sync` and `clone` are built on this, and so is `zonegit.SyncClient`.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from zonegit.errors import InvalidData, NotAuthorised
from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind
from zonegit.net.client.objects import fetch_objects
from zonegit.net.client.peer import PeerClient
from zonegit.net.client.preview import Overlay, commits_above, count_lacking
from zonegit.net.client.pull import latest_refs, pull
from zonegit.net.client.push import measure, push
from zonegit.net.client.response import BeyondScope
from zonegit.repo import Repository
from zonegit.repo.ancestry import have_list
from zonegit.store.port import Store
from zonegit.sync.arrival import GOOD, Result
from zonegit.sync.comparing import Compared, again, compare, offers
from zonegit.sync.fetch_session import FetchSession, track_pushed
from zonegit.sync.mirror_pull import followed, mirrored_refs, state
from zonegit.sync.ownership import is_mirrored
from zonegit.sync.policy import Policy, ff_only
from zonegit.sync.pulling import How, Pulled, Taken, take
from zonegit.sync.pushing import Push
from zonegit.sync.reviews import within_scope
from zonegit.sync.selection import Selection
from zonegit.sync.session import Session
from zonegit.sync.wire import PeerRefs

_HAVES: Final = 8_000
"""Ids that a peer is told when it is asked what is missing here."""
_NAMED: Final = 5
"""Refs that an error lists."""
ROUNDS: Final = 5
"""How often `sync` starts over because the peer's branches moved meanwhile."""


class Fetched(NamedTuple):
    """What a fetch brought, and how everything selected compares now."""

    refs: PeerRefs
    compared: list[Compared]
    objects: int
    size: int
    left_out: dict[str, str]
    """Zones that stay at their previous version, and why."""


class Pushed(NamedTuple):
    """What a push did, or would do."""

    compared: list[Compared]
    """How everything selected compared before."""
    results: list[Result]
    """The outcome of each ref that was pushed; empty for a dry run."""
    objects: int
    size: int
    """Objects and bytes that were sent, or would be."""

    @property
    def failed(self) -> list[Result]:
        """What the peer refused."""
        return [result for result in self.results if result.outcome not in GOOD]


class Synced(NamedTuple):
    """What an exchange in both directions did."""

    fetched: Fetched
    pulled: Pulled
    pushed: Pushed


class TransferHooks(NamedTuple):
    """Called with a transfer's session before it begins, to show its progress."""

    receiving: Callable[[Session], None] = lambda session: None
    sending: Callable[[Push], None] = lambda session: None


_NO_HOOKS: Final = TransferHooks()


class Exchange:
    """Exchanges between one repository and one peer. One call at a time."""

    def __init__(
        self, peer: PeerClient, name: str, repository: Repository, store: Store, watch: TransferHooks = _NO_HOOKS
    ) -> None:
        """`store` is the repository's."""
        self._peer = peer
        self._name = name
        self._repository = repository
        self._store = store
        self._watch = watch

    async def refs(self) -> PeerRefs:
        """All refs of the peer. `Unreachable`, `NotAuthorised`, `InvalidData`."""
        refs = await latest_refs(self._peer, self._store, self._name)
        if refs is None:
            raise InvalidData("the peer says that nothing changed, but it was asked for the first time")
        return refs

    async def compare(self, selection: Selection, refs: PeerRefs | None = None) -> list[Compared]:
        """How branches and tags compare to the peer's."""
        found = refs or await self.refs()
        return await asyncio.to_thread(self._compare, found, selection)

    async def preview(self, selection: Selection) -> Fetched:
        """What a fetch would bring; stores nothing. A branch that is far ahead may stay `unknown`."""
        refs = await self.refs()
        compared = await self.compare(selection, refs)
        objects, size = await count_lacking(self._peer, *await asyncio.to_thread(self._question, compared))
        strange = [each.theirs for each in compared if each.standing == "unknown" and each.theirs is not None]
        new = [each.theirs for each in compared if each.ours is None and each.theirs is not None]
        absent = await asyncio.to_thread(self._absent, new)
        found = {**(await commits_above(self._peer, self._store, strange) or {})}
        found |= await fetch_objects(self._peer, [oid for oid in absent if oid not in found])
        if found:
            compared = await asyncio.to_thread(self._compare_again, found, compared)
        return Fetched(refs, compared, objects, size, {})

    async def fetch(self, selection: Selection, who: Stamp, refs: PeerRefs | None = None) -> Fetched:
        """Bring the peer's selected refs into `refs/remotes/`; nothing else moves.

        `refs` are the peer's, where they were just asked for.
        """
        refs = refs or await self.refs()
        with self._store.keeping():
            session = await asyncio.to_thread(FetchSession, self._store, self._name, refs, selection)
            self._watch.receiving(session)
            await pull(self._peer, session, who)
            compared = await self.compare(selection, refs)
        return Fetched(refs, compared, session.objects, session.size, dict(session.left_out))

    async def push(
        self,
        selection: Selection,
        who: Stamp,
        *,
        atomic: bool = False,
        compress: bool = False,
        dry_run: bool = False,
        refs: PeerRefs | None = None,
    ) -> Pushed:
        """Send the peer what is here. What it refuses is in the results. `NotAuthorised` beyond a key's scope.

        `refs` are the peer's, where they were just asked for.
        """
        refs = refs or await self.refs()
        compared = await self.compare(selection, refs)
        offered, beyond = within_scope(self._peer.signer.key, offers(compared))
        self._check_scope([offer.ref for offer in offered])
        session = Push(self._store, self._name, refs, offered, atomic=atomic, compress=compress)
        if dry_run:
            if session.updates:
                await asyncio.to_thread(session.prepare)
            await measure(self._peer, session)
            return Pushed(compared, [], session.objects, session.size)
        with self._store.keeping():
            self._watch.sending(session)
            if session.updates:
                await asyncio.to_thread(session.prepare)
            try:
                results = await push(self._peer, session)
            except BeyondScope as error:
                error.add_note(f"pushed was {_listed([offer.ref for offer in offered])}")
                raise
        await asyncio.to_thread(self._track, results, who)
        return Pushed(compared, [*results, *beyond], session.sent, session.sent_size)

    async def pull(
        self,
        selection: Selection,
        who: Stamp,
        how: How = "merge",
        policy_of: Callable[[str], Policy] = ff_only,
    ) -> tuple[Fetched, Pulled]:
        """Fetch, then take over what arrived (`sync.pulling`). Zones mirrored from the peer follow it."""
        refs = await self.refs()
        session, followed = await self._follow(selection, who, refs)
        fetched = await self.fetch(selection, who, refs)
        if session is not None:
            objects, size = fetched.objects + session.objects, fetched.size + session.size
            left_out = {**fetched.left_out, **session.left_out}
            fetched = fetched._replace(objects=objects, size=size, left_out=left_out)
        own = await asyncio.to_thread(self._own, fetched.compared)
        pulled = await asyncio.to_thread(take, self._repository, self._store, self._name, own, policy_of, who, how)
        return fetched, pulled._replace(taken=(*followed, *pulled.taken))

    async def _follow(self, selection: Selection, who: Stamp, refs: PeerRefs) -> tuple[Session | None, list[Taken]]:
        """Have the zones that are mirrored from the peer follow it."""
        with self._store.read() as reader:
            theirs = mirrored_refs(reader, self._name, refs, selection)
            before = state(reader) if theirs is not None else {}
        if theirs is None:
            return None, []
        with self._store.keeping():
            session = await asyncio.to_thread(Session, self._store, self._name, theirs)
            self._watch.receiving(session)
            moved = await pull(self._peer, session, who)
        with self._store.read() as reader:
            return session, followed(reader, self._name, before, moved)

    async def sync(self, selection: Selection, who: Stamp, *, compress: bool = False) -> Synced:
        """Pull, merge what both sides wrote by the canonical merge, and push."""
        found = await self._sync(selection, who, compress=compress)
        for _ in range(ROUNDS - 1):
            if not any(result.reason in ("moved", "not-fast-forward") for result in found.pushed.failed):
                break
            found = await self._sync(selection, who, compress=compress)
        return found

    async def _sync(self, selection: Selection, who: Stamp, *, compress: bool) -> Synced:
        fetched, pulled = await self.pull(selection, who, "policy", lambda zone: Policy.MERGE)
        return Synced(fetched, pulled, await self.push(selection, who, compress=compress, refs=fetched.refs))

    def _check_scope(self, offered: list[Ref]) -> None:
        """`NotAuthorised`, before anything is sent, for refs that the key's file here doesn't allow it to push."""
        key = self._peer.signer.key
        beyond = [ref for ref in offered if not key.allows_ref("push", ref.kind, ref.zone, ref.name)]
        if beyond and key.scopes:
            scopes = ", ".join(map(str, key.scopes))
            raise NotAuthorised(
                f"the key {key.kid} may not push {_listed(beyond)}: its file here has the scopes {scopes[:200]}. "
                f"Nothing was sent: push what they cover, or have push:ZONE or push:ZONE:BRANCH added to that file "
                f"at {self._name} and here"
            )

    def _absent(self, oids: list[ObjectId]) -> list[ObjectId]:
        with self._store.read() as reader:
            return [oid for oid in dict.fromkeys(oids) if not reader.has(oid)]

    def _own(self, compared: list[Compared]) -> list[Compared]:
        """Only those of zones that are not mirrored from the peer, and reviews and proposals."""
        with self._store.read() as reader:
            return [
                each
                for each in compared
                if each.ref.kind.is_review or not is_mirrored(reader, self._name, each.ref.zone)
            ]

    def _compare(self, refs: PeerRefs, selection: Selection) -> list[Compared]:
        with self._store.read() as reader:
            return compare(reader, refs, selection)

    def _question(self, compared: list[Compared]) -> tuple[list[ObjectId], list[ObjectId]]:
        """The peer's tips that are missing here, and ids here to tell it."""
        with self._store.read() as reader:
            lacking = [each for each in compared if each.theirs is not None and not reader.has(each.theirs)]
            want = dict.fromkeys(each.theirs for each in lacking if each.theirs is not None)
            have = {each.ours for each in lacking if each.ours is not None and each.ref.kind is RefKind.HEAD}
            for zone in dict.fromkeys(each.ref.zone for each in lacking):
                for prefix in (f"refs/heads/{zone}/", f"refs/remotes/{self._name}/{zone}/"):
                    have |= {oid for _, oid in reader.refs(prefix)}
            return list(want), have_list(reader, sorted(have), _HAVES)

    def _compare_again(self, found: dict[ObjectId, bytes], compared: list[Compared]) -> list[Compared]:
        with self._store.read() as reader:
            return again(Overlay(reader, found), compared)

    def _track(self, results: list[Result], who: Stamp) -> None:
        with self._store.write() as writer:
            track_pushed(writer, self._name, results, who)


def _listed(refs: list[Ref]) -> str:
    """The first few, and how many more there are."""
    kinds = ("" if ref.kind is RefKind.HEAD else f"{ref.kind.removesuffix('s')} " for ref in refs)
    named = ", ".join(f"{kind}{ref.zone}:{ref.name}" for kind, ref in zip(kinds, refs[:_NAMED], strict=False))
    return named + (f" and {len(refs) - _NAMED:,} more" if len(refs) > _NAMED else "")
