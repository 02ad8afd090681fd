"""The messages of tests/vectors/updates.json, and what each must bring about."""

import json
from pathlib import Path
from typing import Final, NamedTuple

from adoptkit import setup, signed_by
from updatedkit import Setup, key

_FILE: Final = Path(__file__).resolve().parents[1] / "vectors" / "updates.json"


class Step(NamedTuple):
    """One message."""

    packet: bytes
    """Without TSIG."""
    rcode: int
    after: list[str]
    """All records of the zone then, but its SOA: owner, TTL, type, RDATA; sorted."""


class Replayed(NamedTuple):
    """What one program sends."""

    name: str
    setup: Setup
    is_signed: bool
    steps: tuple[Step, ...]


def _read() -> tuple[Replayed, ...]:
    return tuple(
        Replayed(
            each["program"],
            _setup(each["program"], each["zone"], each["signed"]),
            bool(each["signed"]),
            tuple(Step(bytes.fromhex(step["packet"]), step["rcode"], step["after"]) for step in each["steps"]),
        )
        for each in json.loads(_FILE.read_text())
    )


def _setup(program: str, zone: str, algorithm: str) -> Setup:
    """By the rules of docs/adopting.md, if it can sign."""
    made = key(f"replayed-{program.lower()}", algorithm or "hmac-sha256")
    return signed_by(setup(program, zone), made) if algorithm else Setup.of(zone, made)


PROGRAMS: Final = _read()
SIGNED: Final = tuple(each for each in PROGRAMS if each.is_signed)
