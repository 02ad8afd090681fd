"""Answers from the repository as it is now: one reader, one zone table and one responder for one thread.

Before a batch the last transaction id of the store is compared; only when it moved is the table looked at. The read
transaction begins with the first query that no cache answers, and ends with the batch.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, MutableSequence
from ipaddress import ip_address
from typing import Final

from zonegit.daemon.reading import Precautions
from zonegit.daemon.transfers import Access, fresh_keys, history
from zonegit.daemon.zone_table import Log, ZoneTable
from zonegit.dns.cookies import Cookies
from zonegit.dns.front import Front, is_special
from zonegit.dns.message import Rcode, Transport
from zonegit.dns.options import Options
from zonegit.dns.rate import Rate
from zonegit.dns.responder import Responder
from zonegit.model.names import WireName, to_text
from zonegit.ops import log as logs
from zonegit.ops.config import Config
from zonegit.store.lmdb import LmdbStore

_REFUSALS: Final = 10
"""Lines within a minute about transfers and signatures that are refused: a client's address may be forged."""

_logger: Final = logging.getLogger(__name__)


class LiveZones:
    """`net.answering.Answering` over an open store."""

    def __init__(
        self,
        store: LmdbStore,
        config: Config,
        stats: MutableSequence[int],
        log: Log,
        counted: Callable[[int], None] = lambda _zones: None,
        precautions: Callable[[], Precautions] = Precautions,
    ) -> None:
        """`counted` is told how many zones are served, whenever they were looked at and some had moved.

        `precautions` tells what is done about damaged pages, when the configuration is taken up.
        """
        self._store = store
        self._log = log
        self._counted = counted
        self._reader = store.standing()
        self._open = True
        self._precautions = precautions
        self._table = ZoneTable(config, self._reader, log, precautions())
        self._configs: deque[Config] = deque(maxlen=1)
        """The configuration to serve by from the next batch on, put there by another thread or a signal."""
        self._access = Access(config)
        self._cookies = Cookies(config.cookie_secrets, time.time) if config.cookie_secrets else None
        dns = config.dns
        options = Options(
            udp_size=dns.udp_size,
            nsid=_encoded(dns.nsid),
            cookies=self._cookies,
            version=_encoded(dns.version),
            identity=_encoded(dns.identity),
            probe=config.probe,
            keepalive=dns.tcp_idle,
            may_transfer=self._access.may_transfer,
            runs=lambda version: self._table.runs(version),
            history=history(self._reader, lambda version: self._table.moves(version)),
            refused=self._refused,
            log=log,
        )
        self._responder = Responder(options, stats, self._reader.views)
        self._refusals = logs.Allowance(_REFUSALS)
        self._front = Front(
            self._responder,
            fresh_keys(config, {}),
            time.time,
            dns.udp_size,
            stats,
            self._notified,
            self._refused,
        )
        self.cache = self._responder.cache
        self.straight = self._responder.straight
        self.dressed = self._responder.dressed
        self.rate = Rate(dns.rate, time.monotonic, self._cookies) if dns.rate else None
        self._seen = -1
        self.check()
        self.done()

    def configure(self, config: Config) -> None:
        """Serve by another configuration from the next batch on. May be called from any thread."""
        self._configs.append(config)

    def check(self) -> None:
        if self._store.txn_id() != self._seen or self._configs:
            self._take_up()

    def begin(self) -> None:
        if not self._open:
            self._begin()

    def respond_udp(self, packet: bytes, client: bytes) -> bytes | None:
        if not self._open:
            self._begin()
        if is_special(packet):
            answer = self._front.respond(packet, Transport.UDP, client)
            return answer if isinstance(answer, bytes) else None
        return self._responder.respond_missed(packet, client)

    def respond_tcp(
        self, packet: bytes, client: bytes, transport: Transport = Transport.TCP
    ) -> bytes | Iterator[bytes] | None:
        if not self._open:
            self._begin()
        if is_special(packet):
            answer = self._front.respond(packet, transport, client)
            return answer if answer is None or isinstance(answer, bytes) else self._paged(answer)
        return self._responder.respond(packet, transport, client)

    def done(self) -> None:
        if self._open:
            self._reader.reset()
            self._open = False

    @property
    def zones(self) -> int:
        """How many zones are served."""
        return len(self._table.apexes)

    def _notified(self, apex: WireName, client: bytes, key: WireName | None) -> Rcode:
        """What a NOTIFY of a zone gets. One that counts is seen by the puller in the counters."""
        if self._access.config.primary is None or apex not in self._table.apexes:
            return Rcode.NOTAUTH
        return Rcode.NOERROR if self._access.may_notify(client, key) else Rcode.REFUSED

    def _refused(self, client: bytes, name: WireName, key: WireName | None, why: str) -> None:
        """Log that a transfer or a signature was refused; once a minute for each client and reason."""
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
        """A transfer whose every message is read in a transaction that `done` may end; objects never change."""
        while True:
            if not self._open:
                self._begin()
            message = next(messages, None)
            if message is None:
                return
            yield message

    def _begin(self) -> None:
        """Open the reader at a version that the zone table shows."""
        try:
            self._renew()
        except Exception as error:
            self._log("the repository can't be read", error)
            return
        if self._reader.txn_id != self._seen:
            self._take_up()

    def _take_up(self) -> None:
        """Look at the zones again. What can't be read stays as it was."""
        try:
            self._renew()
            seen = self._reader.txn_id
            if self._configs:
                config = self._configs.pop()
                if self._cookies is not None:
                    self._cookies.turn(config.cookie_secrets)
                self._table = ZoneTable(config, self._reader, self._log, self._precautions())
                self._access.config = config
                self._front.keys = fresh_keys(config, self._front.keys)
                self._seen = -1
            changes = self._table.refresh()
            if changes is not None:
                self._responder.serve(self._table, changes)
                self._counted(len(self._table.apexes))
            self._seen = seen
        except Exception as error:  # what was served goes on being served
            self._table.start_over()
            self._log("the repository can't be read", error)

    def _renew(self) -> None:
        self._open = True
        self._reader.renew()


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
