"""What `ReplicationClient` and `SyncClient` share: a repository, one peer of it, and keys to sign requests with."""

import os
import ssl
import time
from pathlib import Path
from typing import Self

from zonegit.auth.choice import signing_keys
from zonegit.auth.gate import Signer
from zonegit.auth.keyring import Keyring
from zonegit.net.client.peer import PeerClient
from zonegit.store.lmdb import LmdbStore
from zonegit.sync.peers import check_peer


class EmbeddedPeer:
    """An open repository and one peer of it, as an async context manager. One event loop, one call at a time."""

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
        """Open the repository at `path`; its peer at `url` is the server called `name` (its `aud`).

        `url` is `https://host:port`, or `http://` on loopback, or anywhere if plaintext is allowed. `tls` is for a
        private CA or a client certificate: TLS 1.3 with ALPN h2. Requests are signed with the newest valid key in
        state `sign`, or with the one whose id is `key`. `compress` asks for compressed transfers: worth it below
        about 100 Mbit/s.
        `StoreError` when there is no repository, `ConfigError`, `KeyFileError`, `InvalidData` for a bad name.
        """
        self._name = check_peer(name)
        signer = Signer(name, signing_keys(keys, key, time.time()), time.time, os.urandom)
        self._peer = PeerClient(url, signer, tls=tls, allow_plaintext=allow_plaintext)
        self._store = LmdbStore.open(path)
        self._path = path
        self._compress = compress

    async def close(self) -> None:
        """Close the connection and the repository."""
        await self._peer.close()
        self._store.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
