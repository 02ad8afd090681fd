"""The supervisor: starts the daemon's processes, restarts them when they die, reloads and stops them.

It answers no queries and keeps no repository open, so little in it can fail. A child that dies is restarted after a
pause that doubles from 100 ms to 10 s while it keeps dying; the others continue.
"""

import logging
import os
import selectors
import signal
import socket
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic, time
from typing import Final

from zonegit.daemon.certificates import CertificateEnds
from zonegit.daemon.channels import Channels
from zonegit.daemon.child_process import Child, end_tracker
from zonegit.daemon.cookie_secrets import cookie_secrets, random_secrets
from zonegit.daemon.crashes import leave_out
from zonegit.daemon.expiry_guard import ExpiryGuard
from zonegit.daemon.listeners import DnsSockets, open_listeners
from zonegit.daemon.member_watch import CHANGED, MemberWatch
from zonegit.daemon.plan import Plan
from zonegit.daemon.preflight import close_absent, note_expired, prepare
from zonegit.daemon.repository_watch import RepositoryWatch, State
from zonegit.daemon.signing import KeyEnds, usable_keys
from zonegit.daemon.status_line import StatusLine
from zonegit.daemon.tls import dns_tls
from zonegit.daemon.watchdog import Watchdog, probe_name
from zonegit.dns import stats
from zonegit.errors import ConfigError, KeyFileError, ZonegitError
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.flags import load
from zonegit.ops.loop_slots import LOOP_SLOTS
from zonegit.ops.shared import FIRST_WORKER, NOTIFIER, PULLER, SUPERVISOR, SharedBlock
from zonegit.ops.systemd import Notifier

GRACE: Final = 8.0
"""Seconds that children have to end after SIGTERM; longer than a worker's own bound."""
_READY_POLL: Final = 0.02
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, CHANGED)

_logger: Final = logging.getLogger(__name__)


class Supervisor:
    """One daemon. `argv` is read again at each reload."""

    def __init__(self, argv: Sequence[str], config: Config) -> None:
        self._argv = tuple(argv)
        self._asked = config
        """The configuration as it was written; `_config` also has what became of it here, such as open ports."""
        log.setup("supervisor", config.log)
        prepared = prepare(config, create=True)
        keys = usable_keys(config)
        note_expired(config, time)
        close_absent(config, time)
        self._random = random_secrets()
        secrets = cookie_secrets(config.dns, self._random)
        dns_tls(config.dns)
        self._listeners = open_listeners(prepared.config)
        probe = probe_name()
        self._config = replace(self._listeners.config, cookie_secrets=secrets, probe=probe)
        self._block = SharedBlock.create(
            config.dns.workers, stats.SLOTS + LOOP_SLOTS, self._config, self._listeners.http
        )
        self._block.enter(SUPERVISOR, os.getpid())
        self._samples = self._block.samples(SUPERVISOR)
        self._key_ends = KeyEnds(self._samples)
        self._key_ends.publish(keys)
        self._certificates = CertificateEnds(self._samples)
        self._certificates.publish(self._config)
        self._notifier = Notifier()
        self._watchdog = Watchdog(self._notifier, self._config.dns.listen[0], probe)
        self._status = StatusLine(self._notifier, self._block)
        self._guard = ExpiryGuard(self._block)
        self._members = MemberWatch()
        self._repository = RepositoryWatch(config.repo)
        self._channels = Channels(self._block.senders)
        self._plan = Plan(self._block, self._listeners, self._channels)
        planned = self._plan.children(self._config, published=prepared.published, transferred=prepared.transferred)
        self._children = {each.name: each for each in planned}
        self._views: Child | None = self._plan.views() if prepared.lacks_views else None
        self._views_again = False
        """Whether to run it once more when it ends, because more views were found missing meanwhile."""
        self._pending: set[int] = set()
        """Signals to handle."""
        self._announced = False
        """Whether every worker has answered once."""

    def run(self) -> int:
        """Supervise until SIGTERM or SIGINT; the exit code."""
        wake, woken = socket.socketpair()
        with wake, woken, selectors.DefaultSelector() as selector:
            woken.setblocking(False)
            wake.setblocking(False)
            signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
            for number in _SIGNALS:
                signal.signal(number, self._note)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # if it stays ignored, no exit of a process is noticed
            self._samples.set("config_reload_success", 1)
            self._samples.set("keys_reload_failed", 0)
            for name in self._children:
                self._samples.inc("worker_restarts_total", 0, worker=name)
            try:
                while not self._pending & {signal.SIGTERM, signal.SIGINT}:
                    self._round(selector, woken)
            finally:
                signal.set_wakeup_fd(-1)
                self._stop()
        return 0

    def _round(self, selector: selectors.BaseSelector, woken: socket.socket) -> None:
        """Start what is due, wait for an event, and handle it."""
        self._check_repository()
        self._start_due()
        self._announce()
        _watch(selector, [woken.fileno(), *self._descriptors()])
        selector.select(self._wait())
        _empty(woken)
        for each in self._all():
            if each.ended():
                self._died(each)
        if signal.SIGHUP in self._pending:
            self._pending.discard(signal.SIGHUP)
            self._reload()
        if signal.SIGUSR2 in self._pending:  # sent by the puller
            self._pending.discard(signal.SIGUSR2)
            self._make_views()
        if signal.SIGUSR1 in self._pending:
            self._pending.discard(signal.SIGUSR1)
            self._report()
        if CHANGED in self._pending:  # sent by the refresher
            self._pending.discard(CHANGED)
            self._members.ask()
        self._take_members(self._members.turn(self._config))
        self._watchdog.turn()
        self._certificates.turn()
        self._expire(self._guard.turn(self._config))
        if self._announced:
            self._status.turn()

    def _note(self, number: int, _frame: object) -> None:
        """Note a signal, for `_round` to handle."""
        self._pending.add(number)

    def _all(self) -> list[Child]:
        return [*self._children.values(), *([self._views] if self._views else [])]

    def _descriptors(self) -> list[int]:
        """Descriptors that become readable when a child ends or the watchdog's query is answered."""
        found = [each.sentinel for each in self._all()] + [self._watchdog.descriptor]
        return [descriptor for descriptor in found if descriptor is not None]

    def _make_views(self) -> None:
        """Start the process that makes missing views; if it is running, run it again afterwards."""
        if self._views is None:
            self._views = self._plan.views()
        else:
            self._views_again = True

    def _check_repository(self) -> None:
        """Stop all processes if the data file was removed or replaced; they restart once there is a repository."""
        before = self._repository.is_here
        state = self._repository.turn()
        if state is State.ANOTHER or (state is State.GONE and before):
            for each in self._all():
                each.signal(signal.SIGTERM)

    def _start_due(self) -> None:
        if not self._repository.is_here:
            return
        now = monotonic()
        for each in self._all():
            if each.due is None or each.due > now:
                continue
            try:
                self._reopen_sockets(each)
                each.start()
            except (OSError, ConfigError) as error:
                log.event(_logger, "cannot start a process", logging.ERROR, process=each.name, error=error)
                each.postpone()
            if each is not self._views:
                self._block.enter(each.index, each.pid or 0)

    def _reopen_sockets(self, each: Child) -> None:
        """Reopen a worker's sockets if they were closed while it kept dying."""
        if self._is_worker(each) and not self._listeners.workers[each.index - FIRST_WORKER].udp:
            self._listeners.reopen(each.index - FIRST_WORKER)

    def _is_worker(self, each: Child) -> bool:
        """Whether it answers DNS."""
        return FIRST_WORKER <= each.index < FIRST_WORKER + self._config.dns.workers

    def _died(self, dead: Child) -> None:
        """Handle a death. If a worker keeps dying, its sockets are closed, so that the others get its clients."""
        left_out = dead.crashed and leave_out(dead, self._block.crumbs)
        if dead is self._views:
            if not dead.failed:  # else it is due again already, and starts from the beginning
                self._views = self._plan.views() if self._views_again or left_out else None
                self._views_again = False
            return
        if dead.index == PULLER:
            self._make_views()  # it may have moved a large zone's ref before making its view
        self._block.enter(dead.index, 0)
        self._samples.inc("worker_restarts_total", worker=dead.name)
        alone = self._config.dns.workers == 1 or self._listeners.inherited
        if self._is_worker(dead) and dead.keeps_dying and not alone:
            self._listeners.workers[dead.index - FIRST_WORKER].close()
            self._listeners.workers[dead.index - FIRST_WORKER] = DnsSockets()

    def _wait(self) -> float:
        """Seconds until something may be due."""
        times = [self._repository.wait]
        if self._repository.is_here:
            times += [each.due - monotonic() for each in self._all() if each.due is not None]
        if not self._announced:
            times.append(_READY_POLL)
        turns = [self._watchdog.wait, self._certificates.wait, self._guard.wait(self._config), self._members.wait]
        turns += [self._status.wait] if self._announced else []
        times += [wait for wait in turns if wait is not None]
        return max(min(times), 0.0)

    def _announce(self) -> None:
        """Announce once that every worker answers, and where."""
        workers = [each for each in self._children.values() if self._is_worker(each)]
        if self._announced or not all(self._block.is_ready(each.index) for each in workers):
            return
        self._announced = True
        places: dict[str, object] = {"dns": ",".join(map(str, self._config.dns.listen))}
        if self._config.dns.tls_listen:
            places["tls"] = ",".join(map(str, self._config.dns.tls_listen))
        if self._config.metrics is not None:
            places["metrics"] = str(self._config.metrics.listen)
        if self._config.replication is not None:
            places["replication"] = str(self._config.replication.listen)
        log.event(_logger, "listening", **places)
        self._notifier.ready("listening " + " ".join(f"{name}={place}" for name, place in places.items()))

    def _reload(self) -> None:
        """Load a new configuration and keys, or keep all of the old."""
        self._notifier.reloading()
        try:
            asked = load(self._argv)
            _check_unchanged(self._asked, asked)
            keys = usable_keys(asked)
            prepared = prepare(asked)
            secrets = cookie_secrets(asked.dns, self._random)
            dns_tls(asked.dns)
            close_absent(asked, time)
            old = self._config
            config = replace(
                prepared.config,
                cookie_secrets=secrets,
                probe=old.probe,
                dns=old.dns,
                metrics=old.metrics,
                replication=old.replication,
                expired=old.expired,
            )
            self._block.publish(config)
        except Exception as error:  # no fault in the files may stop the daemon
            reason = error if isinstance(error, ZonegitError) else log.described(error)
            log.event(_logger, "reload refused; keeping the previous configuration", logging.ERROR, error=reason)
            self._samples.set("config_reload_success", 0)
            self._samples.set("keys_reload_failed", int(isinstance(error, KeyFileError)))
            self._status.refused = True
        else:
            self._asked = asked
            self._use(config, prepared.lacks_views)
            self._key_ends.publish(keys)
            self._certificates.publish(self._config)
            self._status.refused = False
        self._notifier.ready(self._status.text())

    def _expire(self, zones: frozenset[str]) -> None:
        """Have the workers stop answering from these zones, and answer from all others."""
        if zones == self._config.expired:
            return
        self._config = replace(self._config, expired=zones)
        self._block.publish(self._config)
        for each in self._children.values():
            if self._is_worker(each) or each.index == NOTIFIER:
                each.signal(signal.SIGHUP)

    def _take_members(self, config: Config) -> None:
        """Have all processes go by a configuration with other members of catalogs."""
        if config is self._config:
            return
        try:
            self._block.publish(config)
        except ConfigError as error:
            log.event(_logger, "cannot take up the members of catalogs", logging.ERROR, error=error)
            return
        self._config = config
        for each in self._children.values():
            each.signal(signal.SIGHUP)

    def _use(self, config: Config, lacks_views: bool) -> None:
        """Use a published configuration, and have the children use it."""
        old = self._config
        self._config = config
        self._samples.set("config_reload_success", 1)
        self._samples.set("keys_reload_failed", 0)
        self._block.crumbs.take_back()
        if old.called != self._config.called:
            self._replace_child("puller", self._plan.puller(self._config))
        if old.notifies != self._config.notifies:
            self._replace_child("notifier", self._plan.notifier(self._config))
        if old.takes_updates != self._config.takes_updates:
            self._replace_child("updater", self._plan.updater(self._config))
        if self._config.publishes and "publisher" not in self._children:  # it stays, to withdraw what it published
            self._replace_child("publisher", self._plan.publisher(self._config))
        if "refresher" not in self._children:  # it stays, to give zones back
            self._replace_child("refresher", self._plan.refresher(self._config))
        if lacks_views:
            self._make_views()
        for each in self._children.values():
            each.signal(signal.SIGHUP)
        log.event(_logger, "reloaded")

    def _replace_child(self, name: str, planned: Child | None) -> None:
        """Stop a process, and run the planned one, if any, in its place."""
        running = self._children.pop(name, None)
        if running is not None:
            running.signal(signal.SIGTERM)
            if not running.join(GRACE):
                running.signal(signal.SIGKILL)
        if planned is not None:
            self._children[name] = planned

    def _report(self) -> None:
        for each in self._children.values():
            log.event(_logger, "state", process=each.name, pid=each.pid, restarts=each.restarts)
            each.signal(signal.SIGUSR1)

    def _stop(self) -> None:
        """Let every child end in time; kill those that don't."""
        log.event(_logger, "stopping")
        self._notifier.stopping()
        deadline = monotonic() + GRACE
        for each in self._all():
            each.signal(signal.SIGTERM)
        for each in self._all():
            if not each.join(deadline - monotonic()):
                log.event(_logger, "killing a process that didn't stop in time", logging.WARNING, process=each.name)
                each.signal(signal.SIGKILL)
                each.join(GRACE)
        self._watchdog.close()
        self._listeners.close()
        self._channels.close()
        self._block.close()
        end_tracker()
        log.event(_logger, "stopped")


def _check_unchanged(old: Config, new: Config) -> None:
    """`ConfigError` for changes that need a restart."""
    fixed = (
        ("repo", old.repo, new.repo),
        ("[dns]", old.dns, new.dns),
        ("[log]", old.log, new.log),
        ("[metrics]", old.metrics, new.metrics),
        ("[replication]", old.replication, new.replication),
    )
    for name, was, now in fixed:
        if was != now:
            raise ConfigError(f"{name} can't change while zonegitd runs: restart it")


def _watch(selector: selectors.BaseSelector, descriptors: Sequence[int]) -> None:
    """Watch exactly these descriptors."""
    for known in list(selector.get_map()):
        if known not in descriptors:
            selector.unregister(known)
    for descriptor in descriptors:
        if descriptor not in selector.get_map():
            selector.register(descriptor, selectors.EVENT_READ)


def _empty(woken: socket.socket) -> None:
    """Discard the bytes that signals wrote to wake the supervisor."""
    try:
        while woken.recv(64):
            pass
    except BlockingIOError:
        return
