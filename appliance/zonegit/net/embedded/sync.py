"""`zonegit.SyncClient`: exchanges commits with one peer in both directions, inside your own program."""

from collections.abc import Callable, Iterable
from functools import cached_property

from zonegit.model.commit import Stamp
from zonegit.net.client.exchange import Exchange, Pushed, Synced
from zonegit.net.embedded.peer import EmbeddedPeer
from zonegit.repo import Repository
from zonegit.repo.context import Context
from zonegit.repo.position import seat
from zonegit.sync.policy import Policy, ff_only
from zonegit.sync.pulling import How, Pulled
from zonegit.sync.selection import Pattern, Selection, parse_selection


class SyncClient(EmbeddedPeer):
    """A repository to work in and one peer of it, made as `EmbeddedPeer` says. An async context manager.

    Patterns are `zone` or `zone:branch`, with `*`; none mean the branch that HEAD names. Each call raises
    `Unreachable`, `NotAuthorised`, `Refused`, `InvalidData`, `LimitExceeded`, `StoreError`, `UsageError` for a bad
    pattern. What had arrived by then is kept, on either side, and the next call continues from there.
    """

    @cached_property
    def repository(self) -> Repository:
        """The local side; open until `close`."""
        return Repository(self._path, self._store)

    @cached_property
    def _exchange(self) -> Exchange:
        return Exchange(self._peer, self._name, self.repository, self._store)

    async def push(
        self,
        *patterns: str,
        exclude: Iterable[str] = (),
        atomic: bool = False,
        dry_run: bool = False,
        who: str | None = None,
    ) -> Pushed:
        """Send the peer what is here. `failed` has what it refused; nothing is raised for that."""
        selection = self._selection(patterns, exclude)
        return await self._exchange.push(
            selection, self._stamp(who), atomic=atomic, compress=self._compress, dry_run=dry_run
        )

    async def pull(
        self,
        *patterns: str,
        exclude: Iterable[str] = (),
        how: How = "merge",
        policy_of: Callable[[str], Policy] = ff_only,
        who: str | None = None,
    ) -> Pulled:
        """Take over what the peer has. A merge that stopped is in `conflict`; continue it in `repository`.

        `policy_of` gives a zone's policy, by its canonical name.
        """
        selection = self._selection(patterns, exclude)
        _, pulled = await self._exchange.pull(selection, self._stamp(who), how, policy_of)
        return pulled

    async def sync(self, *patterns: str, exclude: Iterable[str] = (), who: str | None = None) -> Synced:
        """Pull, merge what both sides wrote by the canonical merge, and push."""
        selection = self._selection(patterns, exclude)
        return await self._exchange.sync(selection, self._stamp(who), compress=self._compress)

    def _selection(self, patterns: Iterable[str], exclude: Iterable[str]) -> Selection:
        found = parse_selection(patterns, exclude)
        if found.patterns:
            return found
        place = self.repository.position()
        return found._replace(patterns=(Pattern(place.zone, place.branch),))

    def _stamp(self, who: str | None) -> Stamp:
        return Context.over(self._store, seat=seat(self.repository.path)).stamp(who)
