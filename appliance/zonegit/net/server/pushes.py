"""Pushes to this process: from an authenticated request to its answer, with metrics.

The store becomes writable with the first push: a process that nobody pushes to writes nothing.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from zonegit.auth.gate import Grant
from zonegit.errors import (
    Forbidden,
    Incomplete,
    InvalidObject,
    LimitExceeded,
    QuotaUsedUp,
    Replayed,
    StoreBusy,
    StoreFull,
    ZonegitError,
)
from zonegit.model.foreign import one_line
from zonegit.net.server.metrics_sink import MetricsSink
from zonegit.net.server.push_queue import PushQueue
from zonegit.ops.log import Allowance, event
from zonegit.store.port import Store
from zonegit.sync import limits, wire
from zonegit.sync.push_server import NameOf, PolicyOf, Pushed, PushEndpoint, ff_only, nameless
from zonegit.sync.server import Reply

_CODES: Final = (
    (Forbidden, "forbidden"),
    (Incomplete, "incomplete"),
    (LimitExceeded, "too_many"),
    (InvalidObject, "invalid_object"),
    (QuotaUsedUp, "quota"),
    (StoreFull, "no_space"),
    (StoreBusy, "busy"),
)
"""The first match counts."""
_LINES: Final = 60
"""Log lines a minute about merges."""

log = logging.getLogger(__name__)


class Pushes:
    """The pushes of one process, which has one event loop."""

    def __init__(
        self,
        store: Store,
        samples: MetricsSink,
        policy_of: PolicyOf = ff_only,
        bounds: limits.ServerLimits = limits.SERVER,
        *,
        name_of: NameOf = nameless,
        clock: Callable[[], float] = time.time,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        """`prepare` makes the store writable, if it isn't yet; `StoreBusy` if another writer holds it too long."""
        self._endpoint = PushEndpoint(store, policy_of, bounds, name_of=name_of, clock=clock)
        self._moves = Allowance(_LINES)
        self._samples = samples
        self._prepare = prepare
        self._queue = PushQueue()

    def close(self) -> None:
        """Accept no further push."""
        self._queue.close()

    async def answer(self, grant: Grant, body: bytes) -> Reply:
        """Apply a push. `Replayed`."""
        kid = grant.key.kid
        try:
            self._prepare()
            found = await self._queue.finish(kid, self._endpoint.push(grant, body, self._queue.due))
        except Replayed:
            raise
        except ZonegitError as error:
            code = next((code for kind, code in _CODES if isinstance(error, kind)), "")
            code = code or ("bad_request" if error.http_status < 500 else "internal")
            self._samples.inc("pushes_total", key_id=kid, result=code)
            if error.http_status >= 500:
                log.error("cannot answer a push: %s", error)
            return Reply(error.http_status, wire.JSON_TYPE, wire.encode_error(code, message=_message(error, code)))
        self._samples.inc("pushes_total", key_id=kid, result="ok")
        self._samples.inc("pushed_bytes_total", found.size, key_id=kid)
        for outcome, count in Counter(result.outcome for result in found.answer.results).items():
            self._samples.inc("pushed_refs_total", count, key_id=kid, outcome=outcome)
        self._log_merges(found)
        return Reply(200, wire.JSON_TYPE, found.answer.encode(), (("cache-control", "no-store"),))

    def _log_merges(self, pushed: Pushed) -> None:
        """Log merges as a pull does, rate-limited: the pusher decides how often it pushes."""
        for result in pushed.answer.results:
            more = self._moves.take(object()) if result.outcome == "merged" else None
            if more is not None:
                where = {"peer": pushed.peer, "zone": result.ref.zone, "branch": result.ref.name}
                event(log, "merged the changes of both sides", **where, rules=result.rules, **more)


def _message(error: ZonegitError, code: str) -> str:
    """The message beside the code; empty if it would reveal what is beyond the key's scope, or internal."""
    return "" if code in ("forbidden", "internal") else one_line(str(error))
