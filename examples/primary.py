"""The primary of `make demo`: its ports, and commands that query it."""

from typing import NamedTuple

from tour import Server, Tour


class Primary(NamedTuple):
    """A running `zonegitd`, and its ports."""

    server: Server
    dns: int
    replication: int
    metrics: int

    @property
    def dig(self) -> str:
        """The command that queries it."""
        return f"dig @127.0.0.1 -p {self.dns}"

    def serial(self, tour: Tour) -> int:
        """The serial of example.org that it answers."""
        soa = tour.run(f"{self.dig} +short example.org SOA", r"^ns1\.example\.org\. \S+ \d+ ")
        return int(soa.split()[2])

    def rose(self, tour: Tour, before: int) -> int:
        """Check that the serial is higher than it was; returns it."""
        after = self.serial(tour)
        if after <= before:
            raise SystemExit(f"demo: the serial was {before}; it did not rise")
        tour.note(f"the serial rose from {before} to {after}")
        return after

    def reload(self, tour: Tour) -> None:
        """Let it read its configuration again."""
        tour.run(f"kill -HUP {self.server.pid}  # what `systemctl reload zonegitd` does")
