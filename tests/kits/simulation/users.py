"""What users do: any verb that writes, at random. Whatever a node refuses, it refuses."""

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import NamedTuple

from simulation.node import Node
from zonegit.errors import ZonegitError
from zonegit.model.names import from_text
from zonegit.model.rdata import CNAME, DNAME, NS, SOA, A
from zonegit.repo import Repository

MX, TXT, AAAA = 15, 16, 28
ZONES = ("example.org.", "example.org.", "example.net.")
PLAIN = ("p0", "p1")
"""Owners that hold nothing but addresses and texts, all of one TTL."""
ODD = ("a", "b", "x.a", "y.x.a", "b.b")
TTLS = (60, 300, 3600)


def choose(node: Node, rng: Random) -> "Doing":
    """What somebody is going to do."""
    user = f"user{rng.randrange(3)} at {node.name}"
    zone = rng.choice(ZONES)
    deed = rng.choices([each for each, _ in DEEDS], [weight for _, weight in DEEDS])[0]
    if zone not in node.repository.zone_names() and rng.random() < 0.7:
        deed = begin
    return Doing(deed.__name__, lambda: deed(node.repository, rng, zone, user))


class Doing(NamedTuple):
    """A deed, before it is done."""

    name: str
    do: Callable[[], None]

    def __call__(self) -> str:
        """Why it was refused; empty if it wasn't."""
        try:
            self.do()
        except ZonegitError as error:
            return f"{self.name}: {type(error).__name__}"
        return ""


def _branch_of(repository: Repository, rng: Random, zone: str) -> str:
    return "dev" if rng.random() < 0.25 and "dev" in repository.branches(zone=zone) else "main"


def begin(repository: Repository, rng: Random, zone: str, who: str) -> None:
    repository.add_zone(zone, nameservers=[f"ns{rng.randrange(3)}.elsewhere."], who=who)


def plain(repository: Repository, rng: Random, zone: str, who: str) -> None:
    rtype, rdata = rng.choice(((A, bytes((192, 0, 2, rng.randrange(3)))), (TXT, b"\1%d" % rng.randrange(2))))
    verb = rng.choice((repository.add, repository.add, repository.set, repository.delete))
    name = rng.choice(PLAIN)
    options = {"zone": zone, "branch": _branch_of(repository, rng, zone), "who": who}
    if verb == repository.delete:
        repository.delete(name, rtype, [rdata] if rng.random() < 0.7 else [], **options)
    else:
        verb(name, rtype, 300, [rdata], **options)


def odd(repository: Repository, rng: Random, zone: str, who: str) -> None:
    name, number = rng.choice(ODD), rng.randrange(3)
    target = from_text(f"t{number}.elsewhere.")
    rtype, rdata = rng.choice(
        (
            (A, bytes((192, 0, 2, number))),
            (AAAA, bytes(15) + bytes((number,))),
            (MX, b"\0\n" + target),
            (CNAME, target),
            (DNAME, target),
            (NS, target),
        )
    )
    options = {"zone": zone, "branch": _branch_of(repository, rng, zone), "who": who}
    verb = rng.choice((repository.add, repository.set, repository.delete))
    if verb == repository.delete:
        repository.delete(name, rtype if rng.random() < 0.7 else None, **options)
    else:
        verb(name, rtype, rng.choice(TTLS), [rdata], **options)


def name_servers(repository: Repository, rng: Random, zone: str, who: str) -> None:
    servers = [from_text(f"ns{number}.elsewhere.") for number in rng.sample(range(4), rng.randint(1, 2))]
    verb = rng.choice((repository.add, repository.set))
    verb(zone, NS, rng.choice(TTLS), servers, zone=zone, who=who)


def soa(repository: Repository, rng: Random, zone: str, who: str) -> None:
    """Another field of the SOA, or a serial far ahead."""
    old = repository.rrset(zone, SOA, zone=zone)
    rdata = bytearray(old.rdatas[0])
    if rng.random() < 0.5:
        serial = int.from_bytes(rdata[-20:-16], "big")
        ahead = rng.choice((1, 7, 1 << 20, (1 << 31) - 1))
        rdata[-20:-16] = ((serial + ahead) % (1 << 32)).to_bytes(4, "big")
    else:
        at = -16 + 4 * rng.randrange(4)
        rdata[at + 3] ^= rng.randrange(1, 4)
    repository.set(zone, SOA, rng.choice(TTLS), [bytes(rdata)], zone=zone, who=who)


def merge(repository: Repository, rng: Random, zone: str, who: str) -> None:
    """One of its branches into another."""
    _merge(repository, rng, zone, who, rng.choice(("main", "dev")), _branch_of(repository, rng, zone))


def merge_by_hand(node: Node, peer: str, rng: Random) -> None:
    """What a peer has into a branch here."""
    zone = rng.choice(ZONES)
    with suppress(ZonegitError):
        branch = _branch_of(node.repository, rng, zone)
        _merge(node.repository, rng, zone, f"user at {node.name}", f"{peer}/{branch}", branch)


def _merge(repository: Repository, rng: Random, zone: str, who: str, other: str, branch: str) -> None:
    prefer = rng.choice((None, "ours", "theirs"))
    repository.merge(other, prefer=prefer, strict=("none",), zone=zone, branch=branch, who=who)


def revert(repository: Repository, rng: Random, zone: str, who: str) -> None:
    repository.revert(f"HEAD~{rng.randrange(3)}", zone=zone, who=who)


def branch(repository: Repository, rng: Random, zone: str, who: str) -> None:
    repository.create_branch("dev", "main", zone=zone, who=who)


def reset(repository: Repository, rng: Random, zone: str, who: str) -> None:
    branch = _branch_of(repository, rng, zone)
    repository.reset(f"{branch}~{rng.randint(1, 3)}", zone=zone, branch=branch, who=who)


def remove(repository: Repository, rng: Random, zone: str, who: str) -> None:
    """A zone, or a branch of it, which leave tombstones where others write, too."""
    if rng.random() < 0.5 and "dev" in repository.branches(zone=zone):
        repository.delete_branch("dev", zone=zone, who=who, force=True, tombstone=True)
    else:
        repository.remove_zone(zone, who=who, tombstone=True)


def restore(repository: Repository, rng: Random, zone: str, who: str) -> None:
    repository.restore_zone(zone, who=who)


Deed = Callable[[Repository, Random, str, str], None]
DEEDS: tuple[tuple[Deed, int], ...] = (
    (begin, 2),
    (plain, 10),
    (odd, 8),
    (name_servers, 1),
    (soa, 2),
    (merge, 2),
    (revert, 1),
    (branch, 1),
    (reset, 1),
    (remove, 1),
    (restore, 1),
)
