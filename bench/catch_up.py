"""A mirror that is a thousand commits behind catches up: over HTTP, verified, durable, its view moved.

Beside it `git fetch` of the same objects, a commit each for a commit. The mirror is a `ReplicationClient` in this
process and the primary a daemon, so that no start of a process is measured; git's figure holds that of git.
"""

import asyncio
import time
from argparse import Namespace
from pathlib import Path
from random import Random
from statistics import median

import git_peer
import nodes
from figures import Figure, at_most
from material import flat_address, synthetic_zone
from processes import MeasuringFailed
from report import Cell, Report, Table, options
from script import run
from zonegit import Keyring, ReplicationClient, Repository
from zonegit.model.rdata import A

_SEED = 7


def commit(repo: Path, count: int, turn: int) -> None:
    """Change one address after another."""
    rng = Random(_SEED + turn)
    with Repository.open(repo) as repository:
        for at in range(count):
            repository.set(f"new{rng.randrange(10_000)}", A, 300, [flat_address(at, turn + 1)])


async def catch_up(source: nodes.Primary, keys: Path, mirror: Path) -> float:
    """Seconds of one exchange."""
    async with ReplicationClient(mirror, source.url, nodes.AUDIENCE, Keyring.load(keys), nodes.KEY) as client:
        start = time.perf_counter()
        synced = await client.sync()
        if not synced.branches:
            raise MeasuringFailed("there was nothing to catch up with")
        return time.perf_counter() - start


def bench(args: Namespace, place: Path) -> Report:
    zone = synthetic_zone(args.names, place)
    repo, keys = nodes.imported(zone, place / "primary"), nodes.new_keys(place / "keys")
    mirror = nodes.repository(place / "mirror")
    ours: list[float] = []
    theirs: list[float] = []
    rows: list[list[Cell]] = []
    notes = [git_peer.NOTE]
    with nodes.primary(repo, keys, zone) as source:
        asyncio.run(catch_up(source, keys, mirror))
        git = git_peer.GitStore(place / "git")
        git.commit([git_peer.objects_of(repo)])
        git.clone(place / "clone")
        for turn in range(args.turns):
            before = nodes.objects_in(repo)
            commit(repo, args.commits, turn)
            ours.append(asyncio.run(catch_up(source, keys, mirror)))
            new = git_peer.objects_of(repo, before)
            git.commit(
                new[len(new) * at // args.commits : len(new) * (at + 1) // args.commits]
                for at in range(args.commits)
            )
            theirs.append(git.fetch(place / "clone"))
            rows.append([f"{args.commits:,} commits", ours[-1], theirs[-1], len(new), sum(map(len, new))])
    what = f"catching up with {args.commits:,} commits to {zone.records:,} records"
    figure = Figure(what, median(ours), "s", at_most(0.5), {"git fetch": median(ours) / median(theirs)})
    table = Table("Catching up", ("behind by", "zonegit s", "git fetch s", "objects", "bytes"), rows)
    return Report("catch_up", [figure], [table], notes)


if __name__ == "__main__":
    parser = options("catch_up", "a mirror that is many commits behind")
    parser.add_argument("--names", type=int, default=10_000, help="names in the zone (10,000)")
    parser.add_argument("--commits", type=int, default=1_000, help="commits to catch up with (1,000)")
    parser.add_argument("--turns", type=int, default=3, help="times (3)")
    run(bench, parser)
