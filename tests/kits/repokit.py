"""A small zone, the reading of zone text, and a clock that tests move."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.batch import Step
from zonegit.zonefile.reader import ParsedZone, read_zone

ZONE = """\
$ORIGIN example.org.
$TTL 3600
@ IN SOA ns1 hostmaster 2026112001 7200 900 1209600 300
@ IN NS ns1
@ IN NS ns2.example.net.
ns1 IN A 192.0.2.1
www 300 IN A 192.0.2.10
www 300 IN A 192.0.2.11
mail IN A 192.0.2.25
@ IN MX 10 mail
"""


class Clock:
    """Seconds that stand still until a test moves them."""

    def __init__(self) -> None:
        self.now = 1_767_225_600.0
        self.tick: Callable[[], None] | None = None
        """Called when somebody looks at the clock."""

    def __call__(self) -> float:
        if self.tick:
            self.tick()
        return self.now


def parsed(text: str) -> ParsedZone:
    return read_zone(BytesIO(text.encode()), name="test.zone", origin=None)


def set_many(path: Path, number: int) -> None:
    """Ten commits, for a process of its own."""
    with Repository.open(path) as repository:
        for last in range(10):
            repository.set(f"p{number}-{last}", A, 60, [bytes([10, 0, number, last])])


def both_or_none(path: Path, number: int) -> None:
    """Ten commits in two zones at once, for a process of its own."""
    with Repository.open(path) as repository:
        for last in range(10):
            value = bytes([10, 0, number, last])
            repository.batch(
                Step("set", name, A, 60, [value], zone=zone)
                for zone in ("example.org.", "example.net.")
                for name in ("www", f"p{number}-{last}")
            )
