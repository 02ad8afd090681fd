"""A program that commits an address and syncs it to a peer.

    embed_sync.py REPOSITORY URL KEYS NAME ZONE OWNER ADDRESS

Begins with a copy of what the peer has of the zone. Where others write to it too, their changes are merged.
"""

import asyncio
import sys
from ipaddress import IPv4Address
from pathlib import Path

from zonegit import Keyring, Repository, SyncClient
from zonegit.zonefile.types import parse_type


async def main(path: Path, url: str, keys: Path, name: str, zone: str, owner: str, address: IPv4Address) -> int:
    if not (path / "data.mdb").exists():
        Repository.init(path).close()
    async with SyncClient(path, url, name, Keyring.load(keys)) as client:
        await client.sync(zone)
        client.repository.set(owner, parse_type("A"), 300, [address.packed], zone=zone)
        done = await client.sync(zone)
    for result in done.pushed.results:
        print(result.ref.zone, result.ref.name, result.outcome, result.message, flush=True)
    return 1 if done.pushed.failed else 0


if __name__ == "__main__":
    repository, url, keys, name, zone, owner, address = sys.argv[1:]
    sys.exit(asyncio.run(main(Path(repository), url, Path(keys), name, zone, owner, IPv4Address(address))))
