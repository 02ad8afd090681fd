"""Answers single DNS queries from a repository, in this process, exactly as `zonegitd` would.

No socket is opened and nothing is written. The responder is the daemon's own (`dns.responder`), over the daemon's
own choice of versions (`daemon.zone_table`), so what is shown here can't differ from what is served.
"""

import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from zonegit.daemon.places import places_of
from zonegit.daemon.transfers import Access
from zonegit.daemon.zone_table import Routing, ZoneTable
from zonegit.dns import stats
from zonegit.dns.access.acl import Clients
from zonegit.dns.access.client_subnet import ClientSubnet
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.responder import Responder
from zonegit.dns.routes.checker import written
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.wire.message import HEADER, TC, Transport, opt_record
from zonegit.dns.zone.choice import CANARY, OWN
from zonegit.errors import CorruptStore, NotFound, OutOfZone, UsageError
from zonegit.model.ids import ObjectId
from zonegit.model.names import ROOT, WireName, from_text, is_absolute, lower, parse_apex, to_text
from zonegit.model.rdata import ANY, CLASS_IN, META_TYPES, A
from zonegit.ops.config import Config
from zonegit.repo import Repository
from zonegit.repo.history import read_commit
from zonegit.store.lmdb import LmdbStore
from zonegit.store.reader import StoreReader
from zonegit.zonefile.types import type_text

LOCALHOST: Final = "127.0.0.1"


class Chosen(NamedTuple):
    """The version that a query was answered from, and why this one."""

    zone: str
    rule: str
    """`route`, `canary`, `at` or `branch`, as in the zone's configuration; `revision` if the caller named it."""
    setting: str
    """The value of that setting; for a route its number, the branch and the expression; or the revision."""
    commit: ObjectId
    """One of the zone's history: that which a published version shows."""
    serial: int | None
    """The one that is served, also if the commit has another; None if it can't be read."""
    expired: bool
    """Whether the zone is past its SOA expire, so that nothing is answered from it."""


class Answered(NamedTuple):
    """The response to one query."""

    query: bytes
    response: bytes
    """Complete DNS messages."""
    transport: Transport
    """TCP if the response didn't fit into a UDP packet."""
    chosen: Chosen | None
    """None if no zone is served to this client under this name."""
    problems: list[BaseException]
    """What the daemon would log, such as damage in the store."""


class DnsResponder:
    """A repository, and the configuration of a `zonegitd` that serves it. A context manager.

    `repository` is open for reading, until `close`.
    """

    def __init__(self, path: Path, config: Config | None = None, *, now: Callable[[], float] = time.time) -> None:
        """`config` is what `zonegit.ops.flags.load` returns; without it zonegitd's defaults apply.

        `StoreError` if there is no repository at `path`.
        """
        self._config = Config(repo=path) if config is None else config
        self._now = now
        self._store = LmdbStore.open(path, readonly=True)
        self.repository = Repository(path, self._store)

    def close(self) -> None:
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    def query(
        self,
        name: str,
        rtype: int = A,
        *,
        revision: str | None = None,
        zone: str | None = None,
        client: str = LOCALHOST,
        subnet: str | None = None,
        dnssec: bool = False,
    ) -> Answered:
        """The response to a query from the address `client` over UDP, or over TCP if that response is truncated.

        `name` is absolute or relative to `zone` (None: HEAD's). `revision` is answered from instead of the version
        that the configuration chooses, in this zone alone; without `zone`, in the zone of an absolute name.
        `subnet` is a network that the client asks for (RFC 7871), such as `192.0.2.0/24`; `dnssec` sets DO.
        `UsageError` for a bad address or type, `NotFound`, `RevisionError`, `OutOfZone`.
        """
        if rtype in META_TYPES and rtype != ANY:
            raise UsageError(f"{type_text(rtype)} is not a type of records: query one, or ANY")
        requestor = Requestor(_address(client), Transport.UDP)
        wire = from_text(name, ROOT if is_absolute(name) else parse_apex(self.repository.position(zone).zone))
        config = self._config
        if revision is not None:
            config = self._pinned(config, revision, self._zone(name, rtype, zone))
        packet = _packet(wire, rtype, _subnet_option(subnet), dnssec=dnssec)
        problems: list[BaseException] = []
        with self._store.read() as reader:
            table = ZoneTable(
                config, reader, lambda _, error: problems.append(error), routing=Routing(self._now, places_of)
            )
            responder = _responder(config, problems)
            changes = table.refresh()
            if changes is not None:
                responder.serve(table, changes)
            response = responder.respond(packet, requestor) or b""
            if response[2] & TC >> 8:
                requestor = Requestor(requestor.client, Transport.TCP)
                response = responder.respond(packet, requestor) or b""
            chosen = _chosen(responder, config, WireName(lower(wire)), rtype, requestor)
            if chosen is not None:
                chosen = chosen._replace(commit=_of_history(reader, chosen.commit))
        if chosen is not None and revision is not None and chosen.commit.hex() == config.zone(chosen.zone).at:
            chosen = chosen._replace(rule="revision", setting=revision)
        return Answered(packet, response, requestor.transport, chosen, problems)

    def _zone(self, name: str, rtype: int, zone: str | None) -> str:
        if zone is None and is_absolute(name):
            found = self.repository.zone_of(name, rtype)
            if found is None:
                raise OutOfZone(f"{name} is outside of the zones of this repository")
            return found
        return self.repository.position(zone).zone

    def _pinned(self, config: Config, revision: str, zone: str) -> Config:
        """The configuration with a zone served at a revision, to those who may query it."""
        commit = self.repository.resolve(revision, zone=zone).id
        settings = config.zone(zone)._replace(at=commit.hex(), canary=None, routes=())
        return replace(config, zones={**config.zones, zone: settings})


def _of_history(reader: StoreReader, oid: ObjectId) -> ObjectId:
    """The commit that a published version shows; any other commit itself."""
    try:
        return read_commit(reader, oid).commit.publishes or oid
    except (CorruptStore, NotFound):
        return oid


def _responder(config: Config, problems: list[BaseException]) -> Responder:
    options = Options(
        udp_size=config.dns.udp_size,
        ecs_trusted=Clients(config.dns.ecs_trusted),
        transfers=TransferOptions(may_transfer=Access(config).may_transfer),
        log=lambda _, error: problems.append(error),
    )
    return Responder(options, array("Q", bytes(8 * stats.SLOTS)))


def _chosen(
    responder: Responder, config: Config, name: WireName, rtype: int, requestor: Requestor
) -> Chosen | None:
    zones = responder.zones
    shown = zones.find(name, rtype, requestor)
    if shown is None:
        return None
    zone = to_text(shown.apex)
    settings = config.zone(zone)
    main = zones.by_apex.get(shown.apex)
    decided = OWN if main is None or main.choice is None else main.choice.decide(requestor)
    if decided >= 0:
        route = settings.routes[decided]
        rule, setting = "route", f"{decided + 1} to {route.branch}: {written(route.when)}"
    elif decided == CANARY and settings.canary is not None:
        rule, setting = "canary", settings.canary
    elif settings.at is not None:
        rule, setting = "at", settings.at
    else:
        rule, setting = "branch", settings.branch
    try:
        serial = shown.version.serial
    except CorruptStore:
        serial = None
    return Chosen(zone, rule, setting, shown.commit, serial, shown.expired)


def _packet(name: WireName, rtype: int, options: bytes, *, dnssec: bool) -> bytes:
    """A query with EDNS, id 0, that accepts 4,096 bytes over UDP."""
    question = name + rtype.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")
    return HEADER.pack(0, 0, 1, 0, 0, 1) + question + opt_record(4096, 0, do=dnssec, options=options)


def _subnet_option(text: str | None) -> bytes:
    """The option for a network; b"" for None."""
    if text is None:
        return b""
    try:
        network = ip_network(text)
    except ValueError:
        raise UsageError(f"{text[:80]!r} is not a network: write 192.0.2.0/24 or 2001:db8::/48") from None
    size = -(-network.prefixlen // 8)
    family = 1 if network.version == 4 else 2
    return ClientSubnet(family, network.prefixlen, network.network_address.packed[:size]).answer(0)


def _address(text: str) -> bytes:
    try:
        return ip_address(text).packed
    except ValueError:
        raise UsageError(f"{text[:80]!r} is not an address: write 192.0.2.1 or 2001:db8::1") from None
