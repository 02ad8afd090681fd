"""The last part of `make demo`: two offices that both write the same zone, and a laptop that works offline."""

from contextlib import ExitStack
from typing import NamedTuple

from nodes import Node
from tour import Tour, free_ports

SETTINGS = """
repo = "{repo}"
keys = "{keys}"

[dns]
listen = "127.0.0.1:{dns}"

[replication]
listen = "127.0.0.1:{replication}"
name = "{name}"

[[peer]]
name = "{other.name}"
url = "http://127.0.0.1:{other.replication}"
key = "office"
policy = "merge"
"""


class Office(NamedTuple):
    """The name and the ports of a node."""

    name: str
    dns: int
    replication: int

    @property
    def zonegit(self) -> str:
        """The `zonegit` command for this node."""
        return f"zonegit --repo {self.name}"

    @property
    def dig(self) -> str:
        return f"dig @127.0.0.1 -p {self.dns} +short"


def walk(tour: Tour, running: ExitStack) -> None:
    """`running` stops both nodes at its exit."""
    ports = free_ports(4)
    ams, fra = Office("ams", *ports[:2]), Office("fra", *ports[2:])
    begin(tour, ams, fra, running)
    both_write(tour, ams, fra)
    laptop(tour, ams, fra)
    for office in (ams, fra):
        tour.run(f"{office.zonegit} fsck", " 0 problems")


def begin(tour: Tour, ams: Office, fra: Office, running: ExitStack) -> None:
    tour.step("two offices that both write: a key that both hold, and a [[peer]] at each")
    tour.run("zonegit key new office --keys offices --scope 'read:*' --scope 'push:*'", r"offices/office\.key")
    tour.run(f"{ams.zonegit} init example.net", r"\+example\.net\.\t3600\tIN\tSOA")
    for here, there in ((ams, fra), (fra, ams)):
        settings = SETTINGS.format(
            repo=tour.home / here.name, keys=tour.home / "offices", other=there, **here._asdict()
        )
        (tour.home / f"{here.name}.toml").write_text(settings)
        running.enter_context(Node(here.name, "--config", tour.home / f"{here.name}.toml"))
    tour.soon(f"{fra.dig} example.net SOA", r"^localhost\. .* 1 7200 ")


def both_write(tour: Tour, ams: Office, fra: Office) -> None:
    tour.step("both change one name at the same time: no record is lost, and both serve one zone under one serial")
    tour.run(
        f"{ams.zonegit} add www A 300 192.0.2.1 --author 'Ada <ada@example.net>' & "
        f"{fra.zonegit} add www A 300 192.0.2.2 --author 'Finn <finn@example.net>' & wait",
        r"192\.0\.2\.1$",
        r"192\.0\.2\.2$",
    )
    for office in (ams, fra):
        tour.soon(f"{office.dig} www.example.net A | sort | paste -sd ' '", r"^192\.0\.2\.1 192\.0\.2\.2$")
    serials = [tour.run(f"{office.dig} example.net SOA", r"^localhost\.") for office in (ams, fra)]
    if serials[0] != serials[1]:
        raise SystemExit("demo: the offices serve different serials")
    tour.run(f"{fra.zonegit} blame www A", r"Ada .*192\.0\.2\.1$", r"Finn .*192\.0\.2\.2$")
    tour.run(f"{ams.zonegit} log --graph --oneline -4", "add www A")


def laptop(tour: Tour, ams: Office, fra: Office) -> None:
    tour.step("a laptop: clone, commit offline, push; both offices answer it")
    remote = f"http://127.0.0.1:{ams.replication} laptop --name ams --keys offices"
    tour.run(f"zonegit clone {remote}", "copied 1 zone from ams")
    tour.run("zonegit --repo laptop set mail A 300 192.0.2.25 -m 'Open a mail host'", r"192\.0\.2\.25$")
    tour.run(f"{fra.zonegit} set shop A 300 192.0.2.80", r"192\.0\.2\.80$")
    tour.soon(f"{ams.dig} shop.example.net A", r"^192\.0\.2\.80$")
    tour.run("zonegit --repo laptop push", "merged")
    for office in (ams, fra):
        tour.soon(f"{office.dig} mail.example.net A", r"^192\.0\.2\.25$")
        tour.run(f"{office.dig} shop.example.net A", r"^192\.0\.2\.80$")
