"""Reports the pushes to one peer, in the log and in the metrics."""

import logging
from collections.abc import Iterable
from typing import Final

from zonegit.daemon.sync_report import MOVES, outcome_of
from zonegit.errors import ZonegitError
from zonegit.model.refs import Ref, RefKind
from zonegit.net.server.metrics_sink import MetricsSink
from zonegit.ops import log
from zonegit.sync.arrival import GOOD, Result
from zonegit.sync.pushing import UNKNOWN_KIND, Push

_logger: Final = logging.getLogger(__name__)


class PushReport:
    """The reports about one peer."""

    def __init__(self, samples: MetricsSink, peer: str) -> None:
        self._samples = samples
        self._peer = peer
        self._refused: dict[Ref, str] = {}
        """Refs that the peer refuses, and the reasons that were logged."""
        self._moves = log.Allowance(MOVES)
        self._last_failure = ""
        self._is_older = False
        """Whether the peer takes no reviews and proposals."""
        samples.set("sync_unpushed_refs", 0, peer=peer)

    def sent(self, session: Push) -> None:
        """Count what was sent to the peer, complete or not."""
        self._samples.inc("sync_objects_total", session.sent, peer=self._peer, direction="out")
        self._samples.inc("sync_bytes_total", session.sent_size, peer=self._peer, direction="out")

    def pushed(self, session: Push, seconds: float) -> None:
        """A push ended, with a result for each ref."""
        self._last_failure = ""
        self._samples.inc("sync_pushes_total", peer=self._peer, result="ok")
        moved = sum(result.outcome in ("updated", "merged") for result in session.results)
        if moved:
            took = {"objects": session.sent, "bytes": session.sent_size, "seconds": f"{seconds:.3f}"}
            self._tell("pushed", logging.INFO, refs=moved, **took)
        for result in session.results:
            self._decided(result)
        self._samples.set("sync_unpushed_refs", len(self._refused), peer=self._peer)

    def beyond_scope(self, results: Iterable[Result]) -> None:
        """These reviews and proposals aren't pushed, because the key may not."""
        for result in results:
            self._decided(result)
        self._samples.set("sync_unpushed_refs", len(self._refused), peer=self._peer)

    def agreed(self, refs: Iterable[Ref]) -> None:
        """These no longer need a push."""
        for ref in [ref for ref in refs if ref in self._refused]:
            del self._refused[ref]
            self._samples.set("sync_unpushed_refs", len(self._refused), peer=self._peer)

    def failed(self, error: ZonegitError, pause: float) -> None:
        """A push failed and is retried after `pause` seconds. A reason that repeats is logged once."""
        result = outcome_of(error)
        self._samples.inc("sync_pushes_total", peer=self._peer, result=result)
        if str(error) == self._last_failure:
            return
        self._last_failure = str(error)
        self._tell("push failed", logging.WARNING, result=result, error=error, again_in=f"{pause:.1f}s")

    def state(self, failures: int) -> None:
        """Log the state, for an operator who asks."""
        log.event(_logger, "state", pushes_to=self._peer, refused=len(self._refused), failures=failures)

    def _decided(self, result: Result) -> None:
        """The result of one ref. A refusal is logged once for each reason."""
        ref = result.ref
        if result.outcome in GOOD or result.reason == "behind":
            self._refused.pop(ref, None)
        elif result.reason == UNKNOWN_KIND:  # no fault of anybody
            self._tell_older(result.message)
        elif self._refused.get(ref) != result.reason:
            self._refused[ref] = result.reason
            what = "branch" if ref.kind is RefKind.HEAD else ref.kind.removesuffix("s")
            fields = {"zone": ref.zone, what: ref.name, "reason": result.message or result.reason}
            self._tell(f"the peer refuses a {what}", logging.WARNING, **fields)

    def _tell_older(self, message: str) -> None:
        """Log once that the peer takes no reviews."""
        if not self._is_older:
            self._is_older = True
            self._tell("reviews and proposals are not pushed", logging.WARNING, reason=message)

    def _tell(self, message: str, level: int, **fields: object) -> None:
        """Log it, rate-limited."""
        more = self._moves.take(object())
        if more is not None:
            log.event(_logger, message, level, peer=self._peer, **fields, **more)
