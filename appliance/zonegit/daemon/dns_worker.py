"""One DNS worker process: UDP on its main thread, TCP on another, each with its own reader and caches.

The two threads share nothing but the open store. If TCP fails, the process exits and is started again.
"""

import gc
import logging
import signal
import ssl
import sys
import threading
from collections.abc import MutableSequence, Sequence
from time import monotonic
from typing import Final

from zonegit.daemon.channels import REFRESHER, UPDATER, Request, Sender
from zonegit.daemon.listeners import DnsSockets
from zonegit.daemon.live_zones import LiveZones
from zonegit.daemon.places import SharedPlaces
from zonegit.daemon.reading import precautions
from zonegit.daemon.tls import dns_tls
from zonegit.daemon.update_relay import UpdateRelay
from zonegit.daemon.upkeep import Upkeep
from zonegit.daemon.zone_table import Routing
from zonegit.dns import stats
from zonegit.dns.wire.message import Transport
from zonegit.dns.zone_counts import zone_counts
from zonegit.errors import ConfigError, Refused
from zonegit.net.dns.tcp import TcpServer
from zonegit.net.dns.udp import UdpLoop
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.shared import FIRST_WORKER, TCP_ROW, UDP_ROW, SharedBlock
from zonegit.ops.time_slice import ask_for_short_slices
from zonegit.store.lmdb import LmdbStore

GRACE: Final = 5.0
"""Seconds that transfers get to finish after SIGTERM."""
_SWITCH: Final = 0.0001
"""Seconds that the TCP thread may delay UDP, once when a batch has arrived and once when it was sent."""

_logger: Final = logging.getLogger(__name__)


def run(config: Config, block: SharedBlock, index: int, sockets: DnsSockets) -> None:
    """Answer until SIGTERM. `StoreError` when the repository can't be opened."""
    ask_for_short_slices()  # before there are other threads, which inherit it
    worker = index - FIRST_WORKER
    store = LmdbStore.open(config.repo, readonly=True)
    seldom = log.Seldom(_logger)
    samples = block.samples(index)
    routing = Routing(
        places=SharedPlaces(),
        counter=lambda zone, rule: samples.counter("route_match_total", zone=zone, rule=rule),
    )
    relay = UpdateRelay(Sender(block.channel_ends(UPDATER)))

    def count_update(zone: str, result: str) -> None:
        samples.inc("updates_total", zone=zone, key="", result=result)

    refresher = Sender(block.channel_ends(REFRESHER))

    def pass_on_notify(packet: bytes, client: bytes) -> None:
        refresher.send(Request(refresher.ident(), monotonic(), Transport.UDP, client, packet))

    udp_row, tcp_row = block.row(worker, UDP_ROW), block.row(worker, TCP_ROW)
    udp_zones = LiveZones(
        store,
        config,
        udp_row[: stats.SLOTS],
        seldom,
        lambda count: block.note_zones(index, count),
        lambda: precautions(block.crumbs, index, UDP_ROW),
        routing,
        relay,
        count_update,
        pass_on_notify=pass_on_notify,
    )
    tcp_zones = LiveZones(
        store,
        config,
        tcp_row[: stats.SLOTS],
        seldom,
        precautions=lambda: precautions(block.crumbs, index, TCP_ROW),
        routing=routing,
        updates=relay,
        count_update=count_update,
        pass_on_notify=pass_on_notify,
        streams=True,
    )
    udp = UdpLoop(sockets.udp, udp_zones, udp_row[stats.SLOTS :])
    tcp = TcpServer(
        sockets.tcp,
        tcp_zones,
        tcp_row[stats.SLOTS :],
        most=config.dns.tcp_connections,
        per_source=config.dns.tcp_connections_per_client,
        idle=config.dns.tcp_idle,
        log=seldom,
        tls_listeners=sockets.tls,
        tls=_usable_tls(config, seldom),
        replies=relay,
    )
    thread = _TcpThread(tcp, udp)
    upkeep = Upkeep(store, block.config, seldom)

    def terminate(_number: int, _frame: object) -> None:
        udp.stop()

    def reload(_number: int, _frame: object) -> None:
        fresh = block.config()
        udp_zones.configure(fresh)
        tcp_zones.configure(fresh)
        block.note_config(index)
        tcp.tls = _usable_tls(fresh, seldom) or tcp.tls

    def report(_number: int, _frame: object) -> None:
        log.event(
            _logger,
            "state",
            zones=udp_zones.zones,
            cached=len(udp_zones.cache),
            udp=_requests(udp_row, (Transport.UDP,)),
            tcp=_requests(tcp_row, (Transport.TCP, Transport.TLS)),
        )

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGHUP, reload)
    signal.signal(signal.SIGUSR1, report)
    if block.has_newer_config:  # a reload before the handler was there
        reload(signal.SIGHUP, None)
    block.note_config(index)
    sys.setswitchinterval(_SWITCH)
    thread.start()
    if not worker:  # one process of the daemon is enough
        upkeep.start()
    gc.collect()
    gc.freeze()
    gc.disable()
    block.set_ready(index)
    try:
        udp.run()
    finally:
        block.set_ready(index, False)
        tcp.stop(GRACE)
        thread.join(GRACE + 1)
        upkeep.stop()
    store.close()
    if thread.failed:
        raise Refused("TCP ended unexpectedly")


def _requests(row: MutableSequence[int], transports: Sequence[Transport]) -> int:
    """The number of requests that a row counted over these transports."""
    unanswered = sum(
        row[stats.request_slot(transport, bytes(size))] for transport in transports for size in (4, 16)
    )
    return unanswered + sum(sum(counted.answers) for counted in zone_counts(row, transports))


def _usable_tls(config: Config, seldom: log.Seldom) -> ssl.SSLContext | None:
    """The TLS context. The supervisor has loaded these files; if they have changed since, there may be none."""
    try:
        return dns_tls(config.dns)
    except ConfigError as error:
        seldom("cannot start DNS over TLS", error)
        return None


class _TcpThread(threading.Thread):
    """Runs the TCP server. If it fails, UDP is stopped, too."""

    def __init__(self, tcp: TcpServer, udp: UdpLoop) -> None:
        super().__init__(name="tcp", daemon=True)
        self._tcp = tcp
        self._udp = udp
        self.failed = False

    def run(self) -> None:
        try:
            self._tcp.run()
        except Exception as error:
            self.failed = True
            _logger.error("the TCP thread ended: %s", log.described(error))
            self._udp.stop()
