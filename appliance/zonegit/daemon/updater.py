"""The updater process: the only one that applies UPDATE messages (RFC 2136, docs/updates.md).

DNS workers pass them on through channels (`daemon.channels`). What waits there is taken in one go. The messages for
one branch share one transaction, so many clients at once cost one flush of the disk, and each message still is a
commit of its own. A response is signed and sent only once that transaction is durable.

A message that comes again, as UDP clients send it while they wait, is never applied again: it gets the response of
the first one. If the repository can't be written to (the disk is full, another process writes
for long), the response is SERVFAIL and nothing has changed.
"""

import logging
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

from zonegit.daemon.answered_updates import AnsweredUpdates, Waiting, next_parcel
from zonegit.daemon.channels import UPDATER, Arrival, Receiver, Reply
from zonegit.daemon.transfers import fresh_keys
from zonegit.daemon.update_forwarding import SOON, UpdateForwarding
from zonegit.daemon.update_report import LATE, REPEATED, UNCHANGED, UpdateReport
from zonegit.dns.access.tsig import Keys
from zonegit.dns.update.message import Unreadable, read_update, response
from zonegit.dns.update.signed import SignedUpdate, verify
from zonegit.dns.wire.message import Rcode, parse
from zonegit.errors import StorePanicked
from zonegit.model import refs
from zonegit.model.names import to_text
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.memory import collect_cycles_rarely
from zonegit.ops.samples import Samples
from zonegit.ops.shared import SharedBlock
from zonegit.repo.context import Context
from zonegit.repo.results import Position
from zonegit.repo.updating.apply import apply_updates
from zonegit.repo.updating.values import Asked, Done, UpdatePolicy, UpdateRcode, key_text
from zonegit.store.lmdb import LmdbStore
from zonegit.store.writer_lock import Patience

_WAIT: Final = 0.25
"""Seconds after which signals are looked at."""
_LINGER: Final = 0.3
"""Seconds without a request after which the process ends; the workers may still pass on what they received."""
_TOO_OLD: Final = 5.0
"""Seconds after which a request isn't begun any more. With what follows, less than `channels.PATIENCE`."""
_PATIENCE: Final = 3.0
"""Seconds to wait for another writer of the repository."""
_GATHERING: Final = 0.005
"""Seconds after the first requests during which more are waited for, at most."""
_MOMENT: Final = 0.0005
"""Seconds without another request after which that ends."""

_logger: Final = logging.getLogger(__name__)


def run(config: Config, block: SharedBlock, index: int) -> None:
    """Apply UPDATEs until SIGTERM. `StoreError` if it can't start, or if another process has to go on."""
    patience = Patience(_PATIENCE, lambda message: log.event(_logger, message, logging.WARNING))
    store = LmdbStore.open(config.repo, patience=patience)
    receiver = Receiver(block.channel_ends(UPDATER))
    updater = Updater(store, config, block.samples(index), receiver.reply)
    ending = False
    collect_cycles_rarely()

    def end(_number: int, _frame: object) -> None:
        nonlocal ending
        ending = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, lambda *_: updater.configure(block.config()))
    signal.signal(signal.SIGUSR1, lambda *_: updater.log_state())
    updater.configure(block.config())  # a reload before the handler was there
    block.set_ready(index)
    try:
        came: Sequence[Arrival] = ()
        while not ending:
            came = gathered(receiver.receive, updater.wait, len(came))
            updater.handle(came)
        while came := receiver.receive(_LINGER):
            updater.handle(came)
        updater.finish()
    finally:
        block.set_ready(index, False)
        receiver.close()
        store.close()


def gathered(receive: Callable[[float], list[Arrival]], seconds: float, expected: int) -> list[Arrival]:
    """Wait up to `seconds` for requests, then a moment longer until as many have come as `expected`: as last time.

    Clients that were answered together ask again one after another. Without this, the first would get a transaction
    of its own, and all the others would wait for its flush.
    """
    came = receive(seconds)
    end = time.monotonic() + _GATHERING
    while came and len(came) < expected and time.monotonic() < end:
        more = receive(_MOMENT)
        if not more:
            break
        came += more
    return came


@dataclass(slots=True)
class _Held:
    """Messages for one zone."""

    due: float
    """When they are to be applied, by the monotonic clock."""
    waiting: list[Waiting] = field(default_factory=list)


class Updater:
    """For one thread, but for `configure`."""

    def __init__(
        self,
        store: LmdbStore,
        config: Config,
        samples: Samples,
        reply: Callable[[int, Reply], object],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`reply` sends a reply to the channel of this number."""
        self._context = Context.over(store, clock)
        self._clock = clock
        self._reply = reply
        self._config = config
        self._configs: deque[Config] = deque(maxlen=1)
        self._keys: Keys = fresh_keys(config, {})
        self._report = UpdateReport(samples, config)
        self._forwarding = UpdateForwarding(store, config, samples, self._send, clock)
        self._answered = AnsweredUpdates()
        self._held: dict[str, _Held] = {}
        """By zone."""
        self._seldom = log.Seldom(_logger)

    def configure(self, config: Config) -> None:
        """Use another configuration, and its keys, from the next messages on. A signal handler may call this."""
        self._configs.append(config)

    @property
    def wait(self) -> float:
        """Seconds until something is due, at most `_WAIT`."""
        longest = SOON if self._forwarding.waiting else _WAIT
        due = min((held.due - time.monotonic() for held in self._held.values()), default=longest)
        return max(0.0, min(due, longest))

    def handle(self, came: Sequence[Arrival]) -> None:
        """Answer what came, and what is due of what came before.

        `StorePanicked` if only another process can go on.
        """
        if self._configs:
            self._config = self._configs.pop()
            self._keys = fresh_keys(self._config, self._keys)
            self._report.configure(self._config)
            self._forwarding.configure(self._config)
        self._forwarding.settle()
        for each in came:
            try:
                self._take(each)
            except Exception as error:  # one message never ends the process
                self._seldom("cannot read an UPDATE", error)
                self._send(each, response(each.request.packet, Rcode.SERVFAIL))
        self._apply_due(time.monotonic())

    def finish(self) -> None:
        """Apply what is held back to become one commit with later messages, and give up what is being forwarded."""
        while self._held:
            self._apply_due(inf)
        self._forwarding.close()

    def log_state(self) -> None:
        """Log a line about this process. A signal handler may call this."""
        waiting = sum(len(held.waiting) for held in self._held.values())
        forwarding = self._forwarding.waiting
        log.event(_logger, "state", keys=len(self._keys), waiting=waiting, forwarding=forwarding)

    def _take(self, came: Arrival) -> None:
        """Answer a message that needs no transaction; hold any other one, for those of its zone."""
        request = came.request
        if time.monotonic() - request.arrived > _TOO_OLD:
            self._report.finished(request, "", "", LATE)
        else:
            self._verify(came)

    def _verify(self, came: Arrival) -> None:
        """Verify a message; apply it, forward it if its zone is written elsewhere, or refuse it."""
        request = came.request
        zone = _zone_text(request.packet)
        origin = self._forwarding.origin(zone)
        signed = verify(request.packet, self._keys, int(self._clock()))
        if isinstance(signed, SignedUpdate):
            if origin is None:
                self._read(came, signed)
            elif self._forwarding.allows(came, zone, signed):
                self._forwarding.forward(came, zone, origin, signed)
            else:
                self._refuse(came, signed, zone, Rcode.REFUSED, "update_forwarding doesn't allow this key")
        elif origin is not None and signed.is_unknown and self._forwarding.allows(came, zone, None):
            self._forwarding.forward(came, zone, origin, None)
        else:
            key = "" if signed.key is None else key_text(signed.key.name)
            named = None if signed.named is None else key_text(signed.named)
            self._report.refused(request, zone, key, signed.result, signed.why, named)
            self._send(came, signed.response)

    def _read(self, came: Arrival, signed: SignedUpdate) -> None:
        try:
            update = read_update(signed.bare)
        except Unreadable as error:
            self._refuse(came, signed, _zone_text(signed.bare), error.rcode, str(error))
            return
        zone = to_text(update.apex)
        policy = self._policy(zone)
        if policy is None:
            rcode, why = self._no_policy(zone)
            self._refuse(came, signed, zone, rcode, why)
            return
        known = self._answered.answer(signed, int(self._clock()))
        if known is not None:
            self._report.finished(came.request, "", "", REPEATED)
            self._send(came, known)
            return
        if (opened := self._answered.opened(signed)) is not None:
            opened.repeated.append(came)
            return
        waiting = Waiting(came, signed, Asked(update, signed.key.name, int(self._clock())))
        self._answered.open(waiting)
        held = self._held.get(zone)
        if held is None:
            held = self._held[zone] = _Held(time.monotonic() + (policy.coalesce or 0.0))
        held.waiting.append(waiting)

    def _policy(self, zone: str) -> UpdatePolicy | None:
        """How UPDATEs of a zone are treated; None if it isn't served, or takes none."""
        return self._config.zone(zone).update_policy if self._config.serves(zone) else None

    def _no_policy(self, zone: str) -> tuple[Rcode, str]:
        branch = self._config.zone(zone).branch
        if self._config.serves(zone) and self._context.ref(refs.head(zone, branch)) is not None:
            return Rcode.REFUSED, "the zone takes no updates: its table has no 'update'"
        return Rcode.NOTAUTH, "the zone isn't served here"

    def _apply_due(self, now: float) -> None:
        """Apply what is due, of each zone as much as one transaction takes in. The rest is due at once."""
        for zone, held in [(zone, held) for zone, held in self._held.items() if held.due <= now]:
            parcel, held.waiting = next_parcel(held.waiting)
            if not held.waiting:
                del self._held[zone]
            self._apply(zone, self._in_time(zone, parcel))

    def _in_time(self, zone: str, waiting: Sequence[Waiting]) -> list[Waiting]:
        """Those that aren't too old; the others are refused."""
        policy = self._policy(zone)
        oldest = time.monotonic() - _TOO_OLD - (policy.coalesce or 0.0 if policy is not None else 0.0)
        for each in waiting:
            if each.came.request.arrived < oldest:
                self._failed(each, zone, LATE)
        return [each for each in waiting if each.came.request.arrived >= oldest]

    def _apply(self, zone: str, waiting: Sequence[Waiting]) -> None:
        """Apply messages for one zone in one transaction, then answer them."""
        if not waiting:
            return
        policy = self._policy(zone)
        place = Position(zone, self._config.zone(zone).branch)
        try:
            if policy is None:  # it took some when they came
                rcode, why = self._no_policy(zone)
                done = [Done(UpdateRcode(rcode), None, why)] * len(waiting)
            else:
                done = apply_updates(self._context, place, policy, [each.asked for each in waiting])
        except Exception as error:  # disk full, another writer, damage: the process goes on
            self._seldom("cannot apply UPDATEs", error, zone=zone)
            for each in waiting:
                self._failed(each, zone)
            if isinstance(error, StorePanicked):
                raise
            return
        for each, outcome in zip(waiting, done, strict=True):
            self._done(each, zone, outcome)

    def _done(self, waiting: Waiting, zone: str, done: Done) -> None:
        """Answer a message that was applied or refused, and its repetitions."""
        request, signed = waiting.came.request, waiting.signed
        answer = signed.response(done.rcode, int(self._clock()))
        self._answered.close(waiting, answer)
        for each in (waiting.came, *waiting.repeated):
            self._send(each, answer)
        if done.rcode:
            self._report.refused(request, zone, key_text(signed.key.name), done.rcode.name, done.why)
        else:
            result = UNCHANGED if done.committed is None else done.rcode.name
            self._report.finished(request, zone, key_text(signed.key.name), result)

    def _failed(self, waiting: Waiting, zone: str, result: str = Rcode.SERVFAIL.name) -> None:
        """Answer a message that couldn't be applied; it may be tried again."""
        self._answered.close(waiting, None)
        answer = waiting.signed.response(Rcode.SERVFAIL, int(self._clock()))
        for each in (waiting.came, *waiting.repeated):
            self._send(each, answer)
        self._report.finished(waiting.came.request, zone, key_text(waiting.signed.key.name), result)

    def _refuse(self, came: Arrival, signed: SignedUpdate, zone: str, rcode: Rcode, why: str) -> None:
        self._report.refused(came.request, zone, key_text(signed.key.name), rcode.name, why)
        self._send(came, signed.response(rcode, int(self._clock())))

    def _send(self, came: Arrival, answer: bytes) -> None:
        """Answer with the message's own id, which its signature doesn't cover (RFC 8945 §5.4.2)."""
        self._reply(came.channel, Reply(came.request.ident, came.request.packet[:2] + answer[2:]))


def _zone_text(packet: bytes) -> str:
    """The zone that a message names; empty if it can't be read."""
    query = parse(packet)
    return "" if query is None or not query.question else to_text(query.name)
