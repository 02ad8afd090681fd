"""A program that replaces a zone's key in simulated time: roll_key.py REPOSITORY ZONE

Makes the repository, and signs and publishes the zone as zonegitd does. Only the clock is simulated, and the parent
zone. Prints a line for each step: the date, what the zone publishes, and what the next step waits for.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from zonegit import Repository
from zonegit.dnssec.policy import DAY, DnssecPolicy
from zonegit.dnssec.rollover.values import Parent, ParentAnswer
from zonegit.errors import ZonegitError
from zonegit.repo.dnssec.requests import Wanted
from zonegit.repo.dnssec.status import DnssecStatus
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.publishing.reading import Publication

PARENT_READS = 3 * 3600
"""Seconds between two times that the parent reads the zone's CDS records."""
PARENT_TTL = 3600
"""Of DS records."""
PARENT_DELAY = 1800
"""Seconds until the second name server of the parent has what the first one has."""


class Simulation:
    """A signed zone, the time, and the parent zone, which has two name servers and reads CDS (RFC 7344)."""

    def __init__(self, path: Path, zone: str) -> None:
        self.now = time.time() // DAY * DAY
        self.repository = Repository.init(path, now=lambda: self.now)
        self.repository.add_zone(zone)
        self.zone = zone
        self.policy = PublishPolicy(dnssec=DnssecPolicy(directory=path / "dnssec-keys"))
        self.ds: dict[str, frozenset[bytes]] = dict.fromkeys(("a.parent", "b.parent"), frozenset())
        self.read = self.now
        self.step = ""
        self.publish()  # as it is: until now, the zone is served without signatures

    def publish(self) -> Publication:
        """Take one look at the zone, as zonegitd does."""
        return self.repository.publish(self.policy, no_validator, zone=self.zone, ask_parent=self.ask_parent)

    def run(self) -> DnssecStatus:
        """Look whenever something is due, until nothing is under way."""
        while True:
            done = self.publish()
            if done.dnssec is None or done.again is None:
                raise ZonegitError(f"{self.zone} is not signed")
            self.print(done.dnssec)
            if not done.dnssec.under_way:
                return done.dnssec
            self.now = max(done.again, self.now + 1)

    def ask_parent(self, zone: str, _: Sequence[str]) -> Parent:
        """What zonegitd learns when it asks the name servers of the parent for the zone's DS records."""
        if self.now >= self.read + PARENT_READS:
            self.read += PARENT_READS
            status = self.repository.dnssec_status(zone)
            if status is not None and status.cds:
                self.ds["a.parent"] = frozenset(status.cds)
        if self.now >= self.read + PARENT_DELAY:
            self.ds["b.parent"] = self.ds["a.parent"]
        return Parent(int(self.now), tuple(ParentAnswer(name, ds, PARENT_TTL) for name, ds in self.ds.items()))

    def print(self, status: DnssecStatus) -> None:
        """Print a line, unless only the end of the wait differs from the last one."""
        keys = "; ".join(f"key {key.tag} {key.state}" for key in status.keys)
        cds = ", ".join(str(int.from_bytes(rdata[:2], "big")) for rdata in status.cds) or "none"
        waits = "; ".join(waiting.words for waiting in status.waiting) or "nothing"
        line = f"{keys} | CDS: {cds} | waits for: {waits}"
        step = line.partition(": until ")[0]
        if step != self.step:
            self.tell(line)
            self.step = step

    def tell(self, line: str) -> None:
        """Print a line after the date."""
        print(time.strftime("%Y-%m-%d %H:%M", time.gmtime(self.now)), line, sep=" | ", flush=True)


def no_validator(*_: object) -> str | None:
    """The policy names no program that judges a version before it is published."""
    return None


def main(path: Path, zone: str) -> None:
    simulation = Simulation(path, zone)
    old = simulation.run().keys[0].tag
    simulation.tell(f"an operator asks for another key than {old}")
    simulation.repository.request_dnssec(Wanted.KSK, zone)
    new = simulation.run().keys[0].tag
    simulation.tell(f"key {old} is gone, key {new} signs")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2])
    except ZonegitError as error:
        sys.exit(str(error))
