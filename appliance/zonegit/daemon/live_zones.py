"""Answers from the repository's current state: one reader, one zone table and one responder for one thread.

Before a batch the store's last transaction id is compared, and the zone table is refreshed only if it moved. The
read transaction starts at the first query that no cache answers, and ends with the batch.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, MutableSequence
from ipaddress import ip_address
from typing import Final

from zonegit.daemon.reading import Precautions
from zonegit.daemon.transfers import Access, fresh_keys, history
from zonegit.daemon.update_intake import UNSIGNED, UpdateIntake
from zonegit.daemon.update_relay import UpdateRelay
from zonegit.daemon.update_report import label_of, zones_shown
from zonegit.daemon.zone_table import NOT_COUNTED, Log, Routing, ZoneTable
from zonegit.dns.access.acl import Clients
from zonegit.dns.access.cookies import Cookies
from zonegit.dns.access.rate import Rate
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.dispatch import Dispatcher, is_special
from zonegit.dns.options import Options
from zonegit.dns.recipient import WaitingConnection, is_update
from zonegit.dns.responder import Responder
from zonegit.dns.tcp import Answered, TcpAnswers
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.udp import Batch, UdpAnswers, client_of
from zonegit.dns.wire.message import Rcode, Transport
from zonegit.model.names import WireName, to_text
from zonegit.ops import log as logs
from zonegit.ops.config import Config
from zonegit.store.lmdb import LmdbStore

_REFUSALS: Final = 10
"""Log lines a minute about refused transfers and signatures: a client's address may be forged."""

_logger: Final = logging.getLogger(__name__)

CountUpdate = Callable[[str, str], None]
"""Counts an UPDATE by the label of its zone, and by what came of it."""


def _not_counted(_zone: str, _result: str) -> None:
    """Count nothing."""


PassOn = Callable[[bytes, bytes], object]
"""Takes a packet, and the address that it came from."""


def _to_nobody(_packet: bytes, _client: bytes) -> None:
    """Pass nothing on."""


class LiveZones:
    """`net.dns.answering.UdpAnswering` and `TcpAnswering` over an open store."""

    def __init__(
        self,
        store: LmdbStore,
        config: Config,
        stats: MutableSequence[int],
        log: Log,
        counted: Callable[[int], None] = lambda _zones: None,
        precautions: Callable[[], Precautions] = Precautions,
        routing: Routing = NOT_COUNTED,
        updates: UpdateRelay | None = None,
        count_update: CountUpdate = _not_counted,
        pass_on_notify: PassOn = _to_nobody,
        *,
        streams: bool = False,
    ) -> None:
        """`counted` gets the number of served zones whenever some have moved.

        `precautions` says what is done about damaged pages. It is called for each new configuration. `updates` is
        where UPDATE messages go; without it, none are taken. `count_update` counts those that are refused here.
        NOTIFY messages from the primaries of transferred zones go to `pass_on_notify`. With `streams`, the quick
        ways to answer are for TCP and TLS instead of UDP; the answers are the same.
        """
        self._store = store
        self._log = log
        self._counted = counted
        self._pass_on_notify = pass_on_notify
        self._reader = store.renewable_reader()
        self._open = True
        self._precautions = precautions
        self._routing = routing
        self._table = ZoneTable(config, self._reader, log, precautions(), routing)
        self._configs: deque[Config] = deque(maxlen=1)
        """The configuration to use from the next batch on, put there by another thread or a signal handler."""
        self._access = Access(config)
        self._cookies = Cookies(config.cookie_secrets, time.time) if config.cookie_secrets else None
        dns = config.dns
        options = Options(
            udp_size=dns.udp_size,
            nsid=_encoded(dns.nsid),
            cookies=self._cookies,
            ecs_trusted=Clients(dns.ecs_trusted) if dns.ecs_trusted.rules else None,
            version=_encoded(dns.version),
            identity=_encoded(dns.identity),
            probe=config.probe,
            keepalive=dns.tcp_idle,
            transfers=TransferOptions(
                may_transfer=self._access.may_transfer,
                runs=lambda version: self._table.runs(version),
                history=history(self._reader, lambda version: self._table.moves(version)),
                refused=self._refused,
            ),
            log=log,
        )
        self.responder = Responder(options, stats, self._reader.views, streams=streams)
        self._refusals = logs.Allowance(_REFUSALS)
        self.dispatcher = Dispatcher(
            self.responder,
            fresh_keys(config, {}),
            time.time,
            dns.udp_size,
            stats,
            self._notified,
            self._refused,
        )
        self.cache = self.responder.cache
        self.ways = self.responder.ways
        self._intake = UpdateIntake(self.responder, updates, self._refused_update) if updates else None
        self._count_update = count_update
        self._takes_updates = config.takes_updates
        self._shown = zones_shown(config)
        rate = Rate(dns.rate, time.monotonic, self._cookies) if dns.rate else None
        self._udp = UdpAnswers(self.ways, self.respond_udp, rate, self.begin, stats, self._update_over_udp)
        self._tcp = TcpAnswers(self.ways, self.begin, stats) if streams else None
        self._seen = -1
        self.check()
        self.done()

    def configure(self, config: Config) -> None:
        """Use another configuration from the next batch on. May be called from any thread."""
        self._configs.append(config)

    def check(self) -> None:
        if self._store.txn_id() != self._seen or self._configs:
            self._update()

    def begin(self) -> None:
        if not self._open:
            self._begin()

    def answer_udp(self, batch: Batch, count: int) -> list[int]:
        self.check()
        dropped = self._udp.answer(batch, count)
        self.done()
        return dropped

    def respond_udp(self, packet: bytes, client: bytes) -> bytes | None:
        if not self._open:
            self._begin()
        if is_special(packet):
            answer = self.dispatcher.respond(packet, Requestor(client, Transport.UDP))
            return answer if isinstance(answer, bytes) else None
        return self.responder.slow_path(packet, client)

    def answer_frames(
        self,
        frames: bytes,
        at: int,
        client: bytes,
        transport: Transport,
        clock: Callable[[], float],
        until: float,
    ) -> Answered:
        if self._tcp is None:
            return Answered(at, b"", 0, 0)
        return self._tcp.answer(frames, at, client, transport, clock, until)

    def respond_tcp(
        self,
        packet: bytes,
        client: bytes,
        transport: Transport = Transport.TCP,
        connection: WaitingConnection | None = None,
    ) -> bytes | Iterator[bytes] | None:
        if not self._open:
            self._begin()
        if connection is not None and self._intake is not None and self._takes_updates and is_update(packet):
            refusal = self._intake.answer(packet, Requestor(client, transport), lambda: connection)
            if refusal is None:
                connection.expect()
            return refusal
        if is_special(packet):
            answer = self.dispatcher.respond(packet, Requestor(client, transport))
            return answer if answer is None or isinstance(answer, bytes) else self._paged(answer)
        return self.responder.respond(packet, Requestor(client, transport))

    def done(self) -> None:
        if self._open:
            self._reader.reset()
            self._open = False

    @property
    def zones(self) -> int:
        """The number of zones that are served."""
        return len(self._table.apexes)

    def _notified(self, packet: bytes, apex: WireName, client: bytes, key: WireName | None) -> Rcode:
        """The rcode for a NOTIFY of a zone. The puller sees accepted ones in the counters.

        One of a zone that is transferred in is passed on, whether the zone is here already or not.
        """
        if self._access.is_transferred(apex):
            if not self._access.is_primary(apex, client, key):
                return Rcode.REFUSED
            self._pass_on_notify(packet, client)
            return Rcode.NOERROR
        if not self._access.config.pulled or apex not in self._table.apexes:
            return Rcode.NOTAUTH
        return Rcode.NOERROR if self._access.may_notify(client, key) else Rcode.REFUSED

    def _update_over_udp(self, packet: bytes, batch: Batch, index: int) -> bytes | None:
        client = client_of(batch, index)
        if self._intake is None or not self._takes_updates:
            return self.respond_udp(packet, client)
        return self._intake.answer(packet, Requestor(client, Transport.UDP), lambda: batch.recipient(index))

    def _refused_update(self, client: bytes, zone: WireName, why: str) -> None:
        """Count and log an UPDATE that was refused here."""
        self._count_update(label_of(to_text(zone), self._shown), why)
        more = self._refusals.take((client, why))
        if more is not None:
            logs.event(
                _logger,
                "refused an UPDATE without a signature" if why == UNSIGNED else "refused an UPDATE: too many wait",
                logging.WARNING,
                client=ip_address(client),
                zone=to_text(zone),
                **more,
            )

    def _refused(self, client: bytes, name: WireName, key: WireName | None, why: str) -> None:
        """Log a refused transfer or signature, once a minute for each client and reason."""
        more = self._refusals.take((client, why))
        if more is not None:
            whose = to_text(key) if key else "-"
            logs.event(
                _logger,
                "refused a transfer or a signature",
                logging.WARNING,
                client=ip_address(client),
                zone=to_text(name),
                key=whose,
                why=why,
                **more,
            )

    def _paged(self, messages: Iterator[bytes]) -> Iterator[bytes]:
        """A transfer. `done` may end the transaction between messages: objects never change."""
        while True:
            if not self._open:
                self._begin()
            message = next(messages, None)
            if message is None:
                return
            yield message

    def _begin(self) -> None:
        """Open the reader, and update the zone table to its version."""
        try:
            self._renew()
        except Exception as error:
            self._log("cannot read the repository", error)
            return
        if self._reader.txn_id != self._seen:
            self._update()

    def _update(self) -> None:
        """Update the zones. What can't be read stays as it was."""
        try:
            self._renew()
            seen = self._reader.txn_id
            if self._configs:
                config = self._configs.pop()
                if self._cookies is not None:
                    self._cookies.set_secrets(config.cookie_secrets)
                self._table = ZoneTable(config, self._reader, self._log, self._precautions(), self._routing)
                self._access.config = config
                self._takes_updates = config.takes_updates
                self._shown = zones_shown(config)
                self.dispatcher.keys = fresh_keys(config, self.dispatcher.keys)
                self._seen = -1
            changes = self._table.refresh()
            if changes is not None:
                self.responder.serve(self._table, changes)
                self._counted(len(self._table.apexes))
            self._seen = seen
        except Exception as error:  # what was served stays
            self._table.start_over()
            self._log("cannot read the repository", error)

    def _renew(self) -> None:
        self._open = True
        self._reader.renew()


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
