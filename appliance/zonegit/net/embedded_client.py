"""`zonegit.ReplicationClient`: keeps a repository a mirror of a server's, from a program of one's own.

Each `sync` is one exchange: nothing moves unless all of it is here and verified.
"""

import asyncio
import os
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from zonegit.auth.choice import signing_keys
from zonegit.auth.gate import Signer
from zonegit.auth.keyring import Keyring
from zonegit.model.commit import Stamp
from zonegit.model.refs import RefName
from zonegit.net.http_client import HttpPeer
from zonegit.net.http_pull import latest_refs, pull
from zonegit.repo.stored import DAY
from zonegit.store.lmdb import LmdbStore
from zonegit.sync.peers import check_peer
from zonegit.sync.session import Session
from zonegit.sync.tracked import Tracked


@dataclass(frozen=True, slots=True)
class Synced:
    """What an exchange brought."""

    branches: tuple[RefName, ...] = ()
    """`refs/heads/…` that moved, appeared or vanished."""
    objects: int = 0
    size: int = 0
    """Objects that came, and their bytes."""


class ReplicationClient:
    """A mirror of one server. One event loop, one exchange at a time; an async context manager."""

    def __init__(
        self,
        path: Path,
        url: str,
        name: str,
        keys: Keyring,
        key: str = "",
        *,
        tls: ssl.SSLContext | None = None,
        allow_plaintext: bool = False,
        compress: bool = False,
    ) -> None:
        """Mirror the server called `name` (its `aud`) at `url` into the repository at `path`.

        `url` is `https://host:port`, or `http://` on loopback, or anywhere if plaintext is allowed. `tls` is for a
        private CA or a client certificate: TLS 1.3 with ALPN h2. Requests are signed with the newest valid key in
        state `sign`, or with the one whose id is `key`. `compress` asks for compressed transfers: worth it below
        some 100 Mbit/s.
        `StoreError` when there is no repository, `ConfigError`, `KeyFileError`, `InvalidData` for a bad name.
        """
        self._name = check_peer(name)
        signer = Signer(name, signing_keys(keys, key, time.time()), time.time, os.urandom)
        self._peer = HttpPeer(url, signer, tls=tls, allow_plaintext=allow_plaintext)
        self._store = LmdbStore.open(path)
        self._compress = compress
        self._root = ""
        self._tracked = Tracked(name, mirrored=True)

    async def sync(self, wait: int = 0) -> Synced:
        """Take in what is new, or wait so many seconds (at most 60) for something new.

        `Unreachable`, `NotAuthorised`, `Refused`, `InvalidData`, `LimitExceeded`, `StoreError`: then no ref moved,
        what arrived is kept, and the next call goes on behind it.
        """
        root, self._root = self._root, ""
        refs = await latest_refs(self._peer, self._store, self._name, root, wait, self._tracked)
        if refs is None:
            self._root = root
            return Synced()
        now = int(time.time())
        with self._store.keeping():
            session = await asyncio.to_thread(
                Session, self._store, self._name, refs, compress=self._compress, day=now // DAY
            )
            moved = await pull(self._peer, session, Stamp("zonegit", now))
        self._root = refs.root
        return Synced(moved.branches, session.objects, session.size)

    async def close(self) -> None:
        await self._peer.close()
        self._store.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
