"""The daemon's configuration as values. `ops.flags.load` reads them; nothing here opens a file or a socket."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zonegit.dns.access.acl import LOOPBACK, Acl
from zonegit.dns.access.rate import NOBODY, Limit
from zonegit.dns.incoming.bounds import BOUNDS, Bounds
from zonegit.dnssec.policy import DnssecPolicy
from zonegit.model.names import WireName
from zonegit.ops.address import Address
from zonegit.ops.log import Format
from zonegit.ops.primaries import Primary
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.updating.values import UpdatePolicy, UpdateRule
from zonegit.sync.limits import CLIENT, SERVER, ClientLimits, ServerLimits
from zonegit.sync.policy import Direction, Policy
from zonegit.sync.zone_filter import ZoneFilter

if TYPE_CHECKING:
    from zonegit.ops.routes import Route


class DnsConfig(NamedTuple):
    """Where and how queries are answered."""

    listen: tuple[Address, ...] = (Address("127.0.0.1", 5300),)
    workers: int = 1
    udp_size: int = 1232
    """Largest UDP response in bytes, whatever a client offers."""
    tcp_connections: int = 1024
    """Most open TCP connections per worker; one more closes the one that has been idle longest."""
    tcp_connections_per_client: int = 128
    """Most of these from one IPv4 address or IPv6 /64; one more closes the one that has been idle longest."""
    tcp_idle: float = 10.0
    """Seconds after which an idle TCP connection is closed (RFC 7766 §6.2.3)."""
    tls_listen: tuple[Address, ...] = ()
    """Where DNS over TLS is served (RFC 7858)."""
    tls_cert: Path | None = None
    """Certificate chain in PEM."""
    tls_key: Path | None = None
    nsid: str | None = None
    """The name server identifier (RFC 5001); None: the option is not sent."""
    version: str | None = None
    """TXT of `version.bind` and `version.server` in class CHAOS; None refuses it."""
    identity: str | None = None
    """TXT of `id.server` and `hostname.bind` in class CHAOS; None refuses it."""
    cookies: bool = True
    """Whether DNS cookies are answered (RFC 7873)."""
    cookie_secrets: Path | None = None
    """A file with the secrets of cookies; None: random ones at each start."""
    rate_limit: int = 0
    """Most UDP responses per second of one kind to one network, for each worker; 0: no limit."""
    rate_slip: int = 2
    """Every Nth suppressed response is sent, truncated (TC); 0: none."""
    rate_ipv4_prefix: int = 24
    rate_ipv6_prefix: int = 56
    rate_exempt: Acl = NOBODY
    """Networks that are not limited."""
    ecs_trusted: Acl = NOBODY
    """Who may tell the network that it asks for (RFC 7871)."""
    country_db: Path | None = None
    """A file in MaxMind's format, for `client.country` in routes."""
    asn_db: Path | None = None
    """The same for `client.asn`."""
    incoming_limits: Bounds = BOUNDS
    """How much one transfer from a primary may bring, and how long it may take."""

    @property
    def rate(self) -> Limit | None:
        """The rate limit, if there is one."""
        limit = Limit(
            self.rate_limit, self.rate_slip, self.rate_ipv4_prefix, self.rate_ipv6_prefix, self.rate_exempt
        )
        return limit if self.rate_limit else None


class ReplicationConfig(NamedTuple):
    """The `/v0` server. The supervisor creates its socket: `block.listener("replication")`."""

    listen: Address
    name: str
    """The `aud` that clients sign."""
    allow_plaintext: bool = False
    """Whether cleartext HTTP/2 may be served beyond loopback."""
    tls_cert: Path | None = None
    """Certificate chain in PEM; if set, nothing is served in cleartext."""
    tls_key: Path | None = None
    client_ca: Path | None = None
    """CAs in PEM: clients must present a certificate issued by one of them."""
    workers: int = 1
    """Number of processes that serve it, each with its own connections."""
    connections_per_source: int = 8
    """Most open connections with one key from one address (IPv6: a /56) to each process."""
    access_log: bool = False
    """Whether every request is logged."""
    limits: ServerLimits = SERVER


class MetricsConfig(NamedTuple):
    """The `/metrics`, `/healthz`, `/readyz` server. Its socket: `block.listener("metrics")`."""

    listen: Address
    per_zone: int = 1000
    """If at most this many zones are served, each has its own series; if there are more, only `zones` have."""
    zones: frozenset[str] = frozenset()
    """Canonical names."""

    def zones_shown(self, served: Collection[str]) -> Collection[str]:
        """The served zones that have their own series."""
        return served if len(served) <= self.per_zone else sorted(zone for zone in self.zones if zone in served)


class PrimaryConfig(NamedTuple):
    """How to reach a peer: any `[[peer]]` with a URL, or `[primary]`, which this node mirrors as a secondary."""

    url: str
    name: str
    """The peer's `aud`."""
    key: str = ""
    """The id of the key to sign requests with; empty: the newest valid one in state `sign`."""
    pull_interval: float = 5.0
    """Seconds."""
    allow_plaintext: bool = False
    """Whether the URL may be `http://` beyond loopback."""
    ca: Path | None = None
    """CAs in PEM to verify the peer's certificate, instead of the system's."""
    client_cert: Path | None = None
    """The certificate to present to the peer, in PEM."""
    client_key: Path | None = None
    limits: ClientLimits = CLIENT
    compress: bool = False
    """Whether to ask the peer for compression: useful below about 100 Mbit/s."""


class PeerConfig(NamedTuple):
    """A node that this one exchanges zones with."""

    name: str
    link: PrimaryConfig | None = None
    """None: only the peer connects to this node."""
    direction: Direction = Direction.PULL
    policy: Policy = Policy.FF_ONLY
    """For zones without a policy of their own."""
    covers: ZoneFilter = ZoneFilter()
    key: str = ""
    """The id of the key that both sides sign with; empty: any key."""

    @property
    def pulled(self) -> PrimaryConfig | None:
        """How to reach it, if this node pulls from it."""
        return self.link if self.direction.pulls else None

    @property
    def pushed(self) -> PrimaryConfig | None:
        """How to reach it, if this node pushes to it."""
        return self.link if self.direction.pushes else None


class NotifyTarget(NamedTuple):
    """A name server that gets a NOTIFY when a zone changes."""

    address: Address
    key: WireName | None = None
    """The TSIG key to sign the message with."""


class ZoneConfig(NamedTuple):
    """Which version of a zone is served, to whom, and who gets a NOTIFY."""

    branch: str = "main"
    at: str | None = None
    """A pinned revision, served instead of the branch's tip."""
    canary: str | None = None
    """`branch:percent`: the share of client networks that are answered from another branch."""
    canary_salt: str = ""
    routes: tuple[Route, ...] = ()
    """The first whose expression matches a query decides the branch to answer from."""
    merge: Policy | None = None
    """The policy for branches that diverged from a peer's; None: the one in each peer's table."""
    publisher: str | None = None
    """The peer whose published versions are served here although this node writes the zone, too."""
    strict: frozenset[str] = frozenset()
    """Checks whose warnings refuse a change: of `zonegit` (`ops.strict`), and by an UPDATE."""
    allow_query: Acl | None = None
    """Who may query it; None: everybody. This and the next three default to the settings under `[dns]`."""
    transfer_acl: Acl = LOOPBACK
    """Who may transfer the zone."""
    notify: bool = False
    """Whether to send NOTIFY to the zone's name servers (NS records) whose addresses are in zones served here."""
    also_notify: tuple[NotifyTarget, ...] = ()
    update: tuple[UpdateRule, ...] = ()
    """Who may change what by UPDATE messages (RFC 2136)."""
    update_forwarding: Acl | None = None
    """Whose UPDATEs are forwarded if the zone is written elsewhere; None: theirs whose key is here."""
    coalesce: float | None = None
    """Seconds within which the UPDATEs of one key become one commit; None: each is a commit."""
    primaries: tuple[Primary, ...] = ()
    """The servers that the zone is transferred from, the first one asked first; empty: it is written here."""
    catalog: str | None = None
    """The catalog zone that lists the zone, by its canonical name (RFC 9432)."""
    catalog_group: tuple[str, ...] = ()
    """The groups that it has there."""
    publish: PublishPolicy | None = None
    """What commits have to pass before they are served. None: nothing if `dnssec` is set, else no gate."""
    dnssec: DnssecPolicy | None = None
    """How the zone is signed; None: it isn't."""

    @property
    def policy(self) -> PublishPolicy | None:
        """How the zone is published; None: it is served from its branches' tips."""
        if self.dnssec is None:
            return self.publish
        return (self.publish or PublishPolicy())._replace(dnssec=self.dnssec)

    @property
    def update_policy(self) -> UpdatePolicy | None:
        """How UPDATEs are treated; None if the zone takes none: without rules, at a pinned revision, and where it
        is transferred from its primaries."""
        if not self.update or self.at is not None or self.primaries:
            return None
        return UpdatePolicy(self.update, self.strict, self.coalesce)

    @property
    def branches(self) -> tuple[str, ...]:
        """The branches that answers come from: the served one, unless a revision is pinned, and those that the
        canary and the routes name."""
        found = [self.branch] if self.at is None else []
        if self.canary:
            from zonegit.ops.values import parse_canary

            found.append(parse_canary(self.canary)[0])
        return tuple(dict.fromkeys([*found, *(route.branch for route in self.routes)]))


class CatalogConfig(NamedTuple):
    """A catalog zone that is followed: its members are zones here (RFC 9432)."""

    primaries: tuple[Primary, ...]
    """Where the catalog is transferred from."""
    members: ZoneConfig
    """The settings of its members."""
    groups: Mapping[str, ZoneConfig] = {}
    """Those of members with one of these groups; the first that fits applies."""
    max_removals: int | None = None
    """How many members may go at once; None: ten, or a tenth of them if that is more."""

    def settings(self, groups: Collection[str]) -> ZoneConfig:
        """The settings of a member with these groups."""
        return next((self.groups[name] for name in self.groups if name in groups), self.members)

    @property
    def templates(self) -> tuple[ZoneConfig, ...]:
        return (self.members, *self.groups.values())


@dataclass(frozen=True, slots=True)
class Config:
    """The complete configuration of a `zonegitd`."""

    repo: Path
    keys: Path | None = None
    dns: DnsConfig = field(default_factory=DnsConfig)
    replication: ReplicationConfig | None = None
    metrics: MetricsConfig | None = None
    primary: PrimaryConfig | None = None
    peers: tuple[PeerConfig, ...] = ()
    """The peers with a `[[peer]]` table."""
    zones: Mapping[str, ZoneConfig] = field(default_factory=dict)
    """Canonical zone name -> settings, for zones with a table of their own."""
    default_zone: ZoneConfig = field(default_factory=ZoneConfig)
    catalogs: Mapping[str, CatalogConfig] = field(default_factory=dict)
    """Canonical name -> settings, for the catalogs that are followed; each of them is among the `zones`, too."""
    members: frozenset[str] = frozenset()
    """Those of the `zones` that are members of a followed catalog, with its settings; set by the supervisor."""
    only_zones: frozenset[str] = frozenset()
    """Canonical names; empty: every zone of the repository is served."""
    log: Format = Format.TEXT
    """The log format."""
    file: Path | None = None
    """The file that it was read from; None: all of it came from flags."""
    cookie_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    """The secrets of DNS cookies, the current one first; set by the supervisor."""
    expired: frozenset[str] = frozenset()
    """Zones past their SOA expire, besides those recorded in the repository; set by the supervisor."""
    has_tsig_keys: bool = False
    """Whether there is any TSIG key in `keys`; set by the supervisor."""
    probe: bytes = field(default=b"", repr=False)
    """The wire name that the supervisor queries as a health check; set by the supervisor."""

    @property
    def every_zone(self) -> tuple[tuple[str, ZoneConfig], ...]:
        """All settings of zones, and the table that each is in."""
        found = [("[dns]", self.default_zone)]
        found += [(f"zone {name}", zone) for name, zone in self.zones.items()]
        found += [
            (f"catalog {name}", each) for name, catalog in self.catalogs.items() for each in catalog.templates
        ]
        return tuple(found)

    @property
    def made_catalogs(self) -> frozenset[str]:
        """The catalogs that list zones of this node."""
        return frozenset(zone.catalog for _, zone in self.every_zone if zone.catalog is not None)

    @property
    def publishes(self) -> bool:
        """Whether any zone has a policy."""
        return any(zone.policy is not None for _, zone in self.every_zone)

    @property
    def takes_updates(self) -> bool:
        """Whether any zone takes UPDATE messages, to apply them or to forward them."""
        applied = any(zone.update_policy is not None for _, zone in self.every_zone)
        return applied or self.forwards_updates

    @property
    def forwards_updates(self) -> bool:
        """Whether UPDATE messages for a zone that is written elsewhere may be forwarded."""
        return any(
            (self.pulled or zone.primaries)
            and (self.has_tsig_keys if zone.update_forwarding is None else zone.update_forwarding.rules)
            for _, zone in self.every_zone
        )

    @property
    def transfers_in(self) -> bool:
        """Whether any zone is transferred from other servers."""
        return any(zone.primaries for zone in self.zones.values())

    @property
    def notifies(self) -> bool:
        """Whether any zone sends NOTIFY."""
        return any(zone.notify or zone.also_notify for _, zone in self.every_zone)

    @property
    def called(self) -> tuple[PeerConfig, ...]:
        """The peers that this node connects to, the primary first."""
        first = (PeerConfig(self.primary.name, self.primary),) if self.primary is not None else ()
        return (*first, *(peer for peer in self.peers if peer.link is not None))

    @property
    def pulled(self) -> tuple[PrimaryConfig, ...]:
        """How to reach the peers that this node pulls from."""
        return tuple(peer.pulled for peer in self.called if peer.pulled is not None)

    def policy(self, zone: str, peer: PeerConfig) -> Policy:
        """The policy for diverged branches of a zone (canonical name) and a peer."""
        return self.zone(zone).merge or peer.policy

    def pushed_policy(self, zone: str, kid: str) -> Policy:
        """The policy for a push signed with this key: that of the peer whose table names the key.

        A key that no table names may only fast-forward branches, as far as its scopes permit.
        """
        fits = [peer for peer in self.peers if peer.key in ("", kid) and peer.covers.includes(zone)]
        named = next((peer for peer in fits if peer.key), next(iter(fits), PeerConfig(kid)))
        return self.policy(zone, named)

    def pusher(self, kid: str) -> str:
        """The name of the peer whose table names this key; empty if none does."""
        return next((peer.name for peer in self.peers if kid and peer.key == kid), "")

    def serves(self, name: str) -> bool:
        """Whether a zone (canonical name) is served if it is in the repository."""
        return not self.only_zones or name in self.only_zones

    def zone(self, name: str) -> ZoneConfig:
        """The settings of a zone by its canonical name (`example.org.`)."""
        return self.zones.get(name, self.default_zone)
