"""The last part of `make demo`: two offices that both write the same zone, and a laptop that works offline."""

from typing import NamedTuple

from tour import Server, Tour

SETTINGS = """
repo = "{name}"
keys = "offices"
dns = {{ listen = "127.0.0.1:{dns}" }}
replication = {{ listen = "127.0.0.1:{replication}", name = "{name}" }}

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


def walk(tour: Tour) -> None:
    ports = tour.free_ports(4)
    ams, fra = Office("ams", *ports[:2]), Office("fra", *ports[2:])
    server = begin(tour, ams, fra)
    both_write(tour, ams, fra, server)
    laptop(tour, ams, fra)
    for office in (ams, fra):
        tour.run(f"{office.zonegit} fsck", " 0 problems")


def begin(tour: Tour, ams: Office, fra: Office) -> Server:
    """Returns the server of `fra`."""
    tour.step("Two offices", "Both write one zone. They share a key, and each names the other as a peer.")
    tour.run("zonegit key new office --keys offices --scope 'read:*' --scope 'push:*'", r"offices/office\.key")
    tour.run(f"{ams.zonegit} init example.net", r"\+example\.net\.\t3600\tIN\tSOA")
    for here, there in ((ams, fra), (fra, ams)):
        tour.write(f"{here.name}.toml", SETTINGS.format(other=there, **here._asdict()))
    tour.start("ams", "zonegitd --config ams.toml")
    server = tour.start("fra", "zonegitd --config fra.toml")
    tour.soon(f"{fra.dig} example.net SOA", r"^localhost\. .* 1 7200 ")
    return server


def both_write(tour: Tour, ams: Office, fra: Office, server: Server) -> None:
    tour.step("Both write", "fra is stopped, and both change one name. Once it runs again, no record is lost.")
    tour.stop(server)
    tour.run(f"{ams.zonegit} add www A 300 192.0.2.1 --author 'Ada <ada@example.net>'", r"192\.0\.2\.1$")
    tour.run(f"{fra.zonegit} add www A 300 192.0.2.2 --author 'Finn <finn@example.net>'", r"192\.0\.2\.2$")
    tour.start("fra", "zonegitd --config fra.toml")
    for office in (ams, fra):
        tour.soon(f"{office.dig} www.example.net A | sort | paste -sd ' '", r"^192\.0\.2\.1 192\.0\.2\.2$")
    serials = [tour.run(f"{office.dig} example.net SOA", r"^localhost\.") for office in (ams, fra)]
    if serials[0] != serials[1]:
        raise SystemExit("demo: the offices serve different serials")
    tour.run(f"{fra.zonegit} blame www A", r"Ada .*192\.0\.2\.1$", r"Finn .*192\.0\.2\.2$")
    tour.run(f"{ams.zonegit} log --graph --oneline", "Merge what was written at the same time")


def laptop(tour: Tour, ams: Office, fra: Office) -> None:
    tour.step("A laptop", "Clone, commit offline, push: both offices answer it.")
    remote = f"http://127.0.0.1:{ams.replication} laptop --name ams --keys offices"
    tour.run(f"zonegit clone {remote}", "copied 1 zone from ams")
    tour.run("zonegit --repo laptop set mail A 300 192.0.2.25 -m 'Open a mail host'", r"192\.0\.2\.25$")
    tour.run(f"{fra.zonegit} set shop A 300 192.0.2.80", r"192\.0\.2\.80$")
    tour.soon(f"{ams.dig} shop.example.net A", r"^192\.0\.2\.80$")
    tour.run("zonegit --repo laptop push", "merged")
    for office in (ams, fra):
        tour.soon(f"{office.dig} mail.example.net A", r"^192\.0\.2\.25$")
        tour.run(f"{office.dig} shop.example.net A", r"^192\.0\.2\.80$")
