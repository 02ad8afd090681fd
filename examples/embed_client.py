"""A program that mirrors a repository and prints each change: embed_client.py REPOSITORY URL KEYS NAME [CHANGES]

Makes the repository if it isn't there. Prints each branch that moves; ends after so many (default: never).
"""

import asyncio
import sys
from pathlib import Path

from zonegit import Keyring, ReplicationClient, Repository
from zonegit.errors import Unreachable


async def main(path: Path, url: str, keys: Path, name: str, changes: int | None) -> None:
    if not (path / "data.mdb").exists():
        Repository.init(path).close()
    async with ReplicationClient(path, url, name, Keyring.load(keys)) as client:
        while changes is None or changes > 0:
            try:
                synced = await client.sync(wait=30)
            except Unreachable as error:
                print(error, file=sys.stderr, flush=True)
                await asyncio.sleep(1)
                continue
            for branch in synced.branches:
                print(branch, flush=True)
            changes = None if changes is None else changes - len(synced.branches)


if __name__ == "__main__":
    repository, url, keys, name, *count = sys.argv[1:]
    asyncio.run(main(Path(repository), url, Path(keys), name, int(count[0]) if count else None))
