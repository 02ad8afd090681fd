"""`zonegit.ReplicationClient`: keeps a repository a mirror of a server's, inside your own program.

Each `sync` is one exchange: no ref moves until everything has arrived and is verified.
"""

import asyncio
import time
from functools import cached_property
from typing import NamedTuple

from zonegit.model.commit import Stamp
from zonegit.model.refs import RefName
from zonegit.net.client.pull import latest_refs, pull
from zonegit.net.embedded.peer import EmbeddedPeer
from zonegit.repo.peer_status import DAY
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.session import Session


class Mirrored(NamedTuple):
    """What one exchange brought."""

    branches: tuple[RefName, ...] = ()
    """`refs/heads/…` that moved, appeared or vanished."""
    objects: int = 0
    size: int = 0
    """Objects that arrived, and their bytes."""


class ReplicationClient(EmbeddedPeer):
    """A mirror of one server, made as `EmbeddedPeer` says. An async context manager."""

    _root = ""
    """The root of the server's refs after the last exchange; empty before the first one, or after a failure."""

    @cached_property
    def _tracked(self) -> KnownRefs:
        """What is known of the server's refs, from one exchange to the next."""
        return KnownRefs(self._name, mirrored=True)

    async def sync(self, wait: int = 0) -> Mirrored:
        """Take in what is new, or wait up to `wait` seconds (at most 60) for something new.

        `Unreachable`, `NotAuthorised`, `Refused`, `InvalidData`, `LimitExceeded`, `StoreError`: then no ref moved,
        what arrived is kept, and the next call continues from there.
        """
        root, self._root = self._root, ""
        refs = await latest_refs(self._peer, self._store, self._name, root, wait, self._tracked)
        if refs is None:
            self._root = root
            return Mirrored()
        now = int(time.time())
        with self._store.keeping():
            session = await asyncio.to_thread(
                Session, self._store, self._name, refs, compress=self._compress, day=now // DAY
            )
            moved = await pull(self._peer, session, Stamp("zonegit", now))
        self._tracked.settle(refs)
        self._root = refs.root
        return Mirrored(moved.branches, session.objects, session.size)
