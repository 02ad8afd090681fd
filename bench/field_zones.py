"""Zones like those of the field, made up: a top-level domain's, a reverse zone, a signed one; and queries for them.

All are drawn from a seed, so two runs measure the same. Every name that is asked exists and is asked once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from material import SYNTHETIC_APEX, ZoneFile, has_signer, signed_zone, synthetic_zone
from processes import MeasuringFailed

_SEED: Final = 20261201
_SERIAL: Final = 2026120101
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_SIGNED_SHARE: Final = 0.4
"""Of a top-level domain's delegations, those with a DS record."""
_GLUE_EVERY: Final = 40
"""Of so many delegations one has its name servers inside of the zone, and so glue."""
_HOSTERS: Final = 2_000
"""Name server operators that the other delegations are spread over, the larger the more."""
_PER_BLOCK: Final = 250
"""Hosts with a name in each /24 of the reverse zone."""


@dataclass(frozen=True, slots=True)
class FieldZone:
    """A zone file, and queries for names in it, all different."""

    kind: str
    zone: ZoneFile
    queries: Path


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of zone, and how one of some size is made."""

    name: str
    about: str
    make: Callable[[int, Path], FieldZone]


def _labels(draw: Random, count: int) -> list[str]:
    """Different labels of 4 to 20 letters and digits."""
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(draw.choices(_LETTERS, k=draw.randint(4, 20)))] = None
    return list(found)


def _soa(apex: str) -> str:
    return (
        f"$ORIGIN {apex}\n$TTL 3600\n@ SOA ns1.nic.{apex} hostmaster.nic.{apex} {_SERIAL} 7200 900 1209600 300\n"
        f"@ NS ns1.nic.{apex}\n@ NS ns2.nic.{apex}\nns1.nic A 192.0.2.1\nns2.nic AAAA 2001:db8::53\n"
    )


def _delegations(draw: Random, labels: list[str]) -> Iterator[str]:
    """Two NS records for each domain, DS for some, glue for few."""
    for number, label in enumerate(labels):
        if number % _GLUE_EVERY:
            host = f"hoster{min(int(draw.paretovariate(0.6)), _HOSTERS)}.example.net."
            yield f"{label} NS ns1.{host}\n{label} NS ns2.{host}\n"
        else:
            yield f"{label} NS ns1.{label}\n{label} NS ns2.{label}\n"
            yield f"ns1.{label} A 198.51.100.{draw.randrange(256)}\nns2.{label} AAAA 2001:db8::{number % 65536:x}\n"
        if draw.random() < _SIGNED_SHARE:
            yield f"{label} 86400 DS {draw.randrange(65536)} 13 2 {draw.randbytes(32).hex()}\n"


def _written(path: Path, apex: str, lines: Iterator[str]) -> ZoneFile:
    text = _soa(apex) + "".join(lines)
    path.write_text(text)
    return ZoneFile(path, apex, _SERIAL, text.count("\n") - 2)


def top_level(names: int, place: Path) -> FieldZone:
    """A zone that delegates: hardly an address in it."""
    draw, apex = Random(_SEED), "tld."
    labels = _labels(draw, names)
    zone = _written(place / "tld.zone", apex, _delegations(draw, labels))
    return FieldZone("tld", zone, _asked(place / "tld.queries", draw, [f"www.{each}.tld A" for each in labels]))


def reverse(names: int, place: Path) -> FieldZone:
    """Names of addresses in 10.0.0.0/8, in whole blocks: a PTR record each, three labels below the apex."""
    draw, apex = Random(_SEED), "10.in-addr.arpa."
    blocks = draw.sample(range(65536), -(-names // _PER_BLOCK))
    hosts = [f"{low}.{block % 256}.{block // 256}" for block in blocks for low in range(1, 1 + _PER_BLOCK)][:names]
    lines = (f"{host} PTR host-{host.replace('.', '-')}.dyn.example.net.\n" for host in hosts)
    zone = _written(place / "reverse.zone", apex, lines)
    return FieldZone(
        "reverse", zone, _asked(place / "reverse.queries", draw, [f"{each}.{apex[:-1]} PTR" for each in hosts])
    )


def signed(names: int, place: Path) -> FieldZone:
    """The mixed zone signed by BIND's tools; `MeasuringFailed` without them."""
    if not has_signer():
        raise MeasuringFailed("dnssec-keygen or dnssec-signzone is not installed")
    plain = synthetic_zone(names, place)
    zone = signed_zone(plain, place)
    records = sum(line[:1] not in b";$\n" for line in zone.path.read_bytes().splitlines(keepends=True))
    words = [line.split() for line in plain.path.read_text().splitlines()]
    hosts = sorted({each[0] for each in words if each[3:4] == ["A"] and each[0][1:].isdigit()})
    queries = [f"{host}.{SYNTHETIC_APEX[:-1]} A" for host in hosts]
    path = _asked(place / "signed.queries", Random(_SEED), queries)
    return FieldZone("signed", ZoneFile(zone.path, zone.apex, zone.serial, records), path)


def _asked(path: Path, draw: Random, queries: list[str]) -> Path:
    draw.shuffle(queries)
    path.write_text("".join(f"{query}\n" for query in queries))
    return path


KINDS: Final = (
    Kind("tld", "a top-level domain: NS and DS, hardly an address", top_level),
    Kind("signed", "the mixed zone, signed with ECDSA and NSEC", signed),
    Kind("reverse", "a reverse zone: PTR records, names in blocks", reverse),
)
