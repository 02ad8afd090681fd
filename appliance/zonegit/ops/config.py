"""The daemon's configuration as values: flags over a TOML file over defaults.

`load` reads both and checks all of it, or raises one `ConfigError`; nothing here opens a store or a socket.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from zonegit.dns.acl import LOOPBACK, Acl
from zonegit.dns.rate import NOBODY, Limit
from zonegit.errors import ConfigError
from zonegit.model.names import WireName
from zonegit.ops.log import Format
from zonegit.ops.values import parse_canary
from zonegit.sync.limits import CLIENT, SERVER, ClientLimits, ServerLimits


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address and a port; port 0 means one of the kernel's choice."""

    host: str
    """A literal address, without brackets; `0.0.0.0` and `::` listen on all."""
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `127.0.0.1:53` or `[::1]:53`."""
        host, colon, port = text.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        bare = host[1:-1] if bracketed else host
        try:
            if not colon or not port.isdecimal() or int(port) > 65535 or bracketed != (":" in bare):
                raise ValueError
            return cls(str(ip_address(bare)), int(port))
        except ValueError:
            raise ConfigError(
                f"{text[:80]!r} is not an address and a port: write 192.0.2.1:53 or [2001:db8::1]:53"
            ) from None

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.host

    @property
    def is_loopback(self) -> bool:
        return ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if self.is_ipv6 else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class DnsConfig:
    """Where and how queries are answered."""

    listen: tuple[Address, ...] = (Address("127.0.0.1", 5300),)
    workers: int = 1
    udp_size: int = 1232
    """Largest UDP answer in bytes, whatever a client offers."""
    tcp_connections: int = 1024
    """Open TCP connections per worker; one more closes the one that has been silent longest."""
    tcp_connections_per_client: int = 128
    """How many of them one address, or an IPv6 /64, may have; one more closes its own that was silent longest."""
    tcp_idle: float = 10.0
    """Seconds that a silent TCP connection is kept (RFC 7766 §6.2.3)."""
    tls_listen: tuple[Address, ...] = ()
    """Where DNS over TLS is answered (RFC 7858)."""
    tls_cert: Path | None = None
    """Certificate in PEM, with what leads to its CA behind it."""
    tls_key: Path | None = None
    nsid: str | None = None
    """What clients that ask for the server's identifier get (RFC 5001); None: no such option."""
    version: str | None = None
    """TXT of `version.bind` and `version.server` in class CHAOS; None refuses it."""
    identity: str | None = None
    """TXT of `id.server` and `hostname.bind` in class CHAOS; None refuses it."""
    cookies: bool = True
    """Whether DNS cookies are answered (RFC 7873)."""
    cookie_secrets: Path | None = None
    """A file with the secrets of cookies; None: random ones at each start."""
    rate_limit: int = 0
    """UDP responses of one class to one network in a second, by each worker; 0: as many as there are."""
    rate_slip: int = 2
    """Each so many-th refused response is sent, as TC; 0: none."""
    rate_ipv4_prefix: int = 24
    rate_ipv6_prefix: int = 56
    rate_exempt: Acl = NOBODY
    """Who isn't limited."""

    @property
    def rate(self) -> Limit | None:
        """The limit, if there is one."""
        limit = Limit(
            self.rate_limit, self.rate_slip, self.rate_ipv4_prefix, self.rate_ipv6_prefix, self.rate_exempt
        )
        return limit if self.rate_limit else None


@dataclass(frozen=True, slots=True)
class ReplicationConfig:
    """The `/v0` server. Its socket is made by the supervisor: `block.listener("replication")`."""

    listen: Address
    name: str
    """What clients sign as `aud`."""
    allow_plaintext: bool = False
    """Whether cleartext HTTP/2 may be served beyond loopback."""
    tls_cert: Path | None = None
    """Certificate in PEM, with what leads to its CA behind it; with it nothing is served in cleartext."""
    tls_key: Path | None = None
    client_ca: Path | None = None
    """CAs in PEM: clients must show a certificate of one of them."""
    workers: int = 1
    """Processes that serve it, each with connections of its own."""
    connections_per_source: int = 8
    """Open connections of one key from one address (IPv6: a /56) to each of those processes."""
    access_log: bool = False
    """Whether each request is a line in the log."""
    limits: ServerLimits = SERVER


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """The `/metrics`, `/healthz`, `/readyz` server. Its socket: `block.listener("metrics")`."""

    listen: Address
    per_zone: int = 1000
    """Zones up to which each served one has series of its own; where there are more, only `zones` have."""
    zones: frozenset[str] = frozenset()
    """Canonical names."""

    def zones_shown(self, served: Collection[str]) -> Collection[str]:
        """Those of the served zones that have series of their own."""
        return served if len(served) <= self.per_zone else sorted(zone for zone in self.zones if zone in served)


@dataclass(frozen=True, slots=True)
class PrimaryConfig:
    """Where this node mirrors from; having one makes it a secondary."""

    url: str
    name: str
    """The primary's `aud`."""
    key: str = ""
    """The id of the key that requests are signed with; empty: the newest valid one in state `sign`."""
    pull_interval: float = 5.0
    """Seconds."""
    allow_plaintext: bool = False
    """Whether the URL may be `http://` beyond loopback."""
    ca: Path | None = None
    """CAs in PEM that the primary's certificate may be of, in place of the system's."""
    client_cert: Path | None = None
    """What is shown to the primary, in PEM."""
    client_key: Path | None = None
    limits: ClientLimits = CLIENT
    compress: bool = False
    """Whether the primary is asked to compress what it sends: worth it below some 100 Mbit/s."""


@dataclass(frozen=True, slots=True)
class NotifyTarget:
    """A name server that is told when a zone moves."""

    address: Address
    key: WireName | None = None
    """The TSIG key that the message is signed with."""


@dataclass(frozen=True, slots=True)
class ZoneConfig:
    """What of a zone is served, to whom, and who is told."""

    branch: str = "main"
    at: str | None = None
    """A pinned revision, served instead of the branch's tip."""
    canary: str | None = None
    """`branch:percent`: the share of client networks that is answered from another branch."""
    canary_salt: str = ""
    strict: frozenset[str] = frozenset()
    """Checks whose warnings refuse a change. `zonegit` heeds them (`ops.strict`); nothing here commits."""
    allow_query: Acl | None = None
    """Who may ask it; None: everybody. This and the three below have a default for all zones under `[dns]`."""
    transfer_acl: Acl = LOOPBACK
    """Who may have the whole zone."""
    notify: bool = False
    """Whether the servers in the zone's NS records are told when it moves, where their addresses are held here."""
    also_notify: tuple[NotifyTarget, ...] = ()

    @property
    def branches(self) -> tuple[str, ...]:
        """Those that answers come from: the served one, unless a revision is pinned, and that of the canary."""
        served = (self.branch,) if self.at is None else ()
        return (*served, parse_canary(self.canary)[0]) if self.canary else served


@dataclass(frozen=True, slots=True)
class Config:
    """All that a `zonegitd` was told."""

    repo: Path
    keys: Path | None = None
    dns: DnsConfig = DnsConfig()
    replication: ReplicationConfig | None = None
    metrics: MetricsConfig | None = None
    primary: PrimaryConfig | None = None
    zones: Mapping[str, ZoneConfig] = field(default_factory=dict)
    """Canonical zone name -> its settings, for zones that have some of their own."""
    default_zone: ZoneConfig = ZoneConfig()
    only_zones: frozenset[str] = frozenset()
    """Canonical names; empty: every zone of the repository is served."""
    log: Format = Format.TEXT
    """How the log is written."""
    cookie_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """What workers compute cookies with, the current one first; filled in by the supervisor."""
    expired: frozenset[str] = frozenset()
    """Mirrored zones past their SOA expire, beside those noted in the repository; filled in by the supervisor."""
    probe: bytes = field(default=b"", repr=False)
    """The wire name that the supervisor asks for to see whether queries are answered; filled in by it."""

    @property
    def notifies(self) -> bool:
        """Whether anybody is to be told when a zone moves."""
        return any(zone.notify or zone.also_notify for zone in (self.default_zone, *self.zones.values()))

    def serves(self, name: str) -> bool:
        """Whether a zone is answered from, by its canonical name, where it is in the repository."""
        return not self.only_zones or name in self.only_zones

    def zone(self, name: str) -> ZoneConfig:
        """The settings of a zone by its canonical name (`example.org.`)."""
        return self.zones.get(name, self.default_zone)


def load(argv: Sequence[str]) -> Config:
    """Read flags (without the program's name) and the file that `--config` names; `UsageError`, `ConfigError`."""
    from zonegit.ops.flags import read

    return read(argv)
