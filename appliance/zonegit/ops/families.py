"""The series that processes publish through `Samples`: each with its kind, help, label names and buckets.

Names stand without the prefix `zonegit_`. A name that isn't here can't be published, which keeps series and
label names bounded; label values are bounded by whoever publishes (known key ids, routes, peers, reasons).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, rising, without +Inf."""


SECONDS: Final = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0)
LONG_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)
_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

PUBLISHED: Final[Mapping[str, Family]] = {
    family.name: family
    for family in (
        Family("worker_restarts_total", _C, "Times a process was started again after it died.", ("worker",)),
        Family("config_reload_success", _G, "Whether the last reload of the configuration was accepted."),
        Family("keys_reload_failed", _G, "Whether the last reload of the key files was refused."),
        Family(
            "auth_attempts_total",
            _C,
            "Authenticated requests by outcome; known key ids only.",
            ("key_id", "result"),
        ),
        Family("auth_key_last_used_timestamp_seconds", _G, "When a key last passed.", ("key_id",)),
        Family("auth_key_not_after_timestamp_seconds", _G, "When a key stops being accepted.", ("key_id",)),
        Family("tls_certificate_not_after_timestamp_seconds", _G, "When a certificate ends.", ("role",)),
        Family("http_requests_total", _C, "HTTP requests.", ("route", "method", "code")),
        Family(
            "http_connections_refused_total",
            _C,
            "Requests refused since their key has too many connections from one address.",
            ("key_id",),
        ),
        Family("http_request_duration_seconds", _H, "Time to a response's end.", ("route",), LONG_SECONDS),
        Family(
            "notifies_total",
            _C,
            "NOTIFY messages sent, by outcome once they were answered or given up.",
            ("result",),
        ),
        Family("sync_sessions_total", _C, "Pulls by outcome.", ("peer", "result")),
        Family("sync_duration_seconds", _H, "Time of a pull that moved something.", ("peer",), LONG_SECONDS),
        Family("sync_objects_total", _C, "Objects transferred.", ("peer", "direction")),
        Family("sync_bytes_total", _C, "Bytes of frames transferred.", ("peer", "direction")),
        Family("sync_last_success_timestamp_seconds", _G, "When the peer was last reached.", ("peer",)),
        Family("sync_lag_seconds", _G, "Seconds since the peer was last reached.", ("peer",)),
        Family("sync_clock_offset_seconds", _G, "The peer's clock minus this one's.", ("peer",)),
        Family("sync_refused_zones", _G, "Zones of the peer that aren't followed.", ("peer",)),
        Family("sync_stored_today_bytes", _G, "Bytes stored of the peer today, in UTC.", ("peer",)),
        Family(
            "sync_left_out_zones",
            _G,
            "Zones of the peer that stand still, since they can't be taken up.",
            ("peer",),
        ),
        Family("sync_rejected_objects_total", _C, "Objects refused.", ("reason",)),
        Family("store_corrupt_objects_total", _C, "Stored objects found not to match their hash."),
        Family(
            "store_commit_duration_seconds",
            _H,
            "Time that write transactions of the puller took to become durable; other processes' aren't counted.",
            (),
            LONG_SECONDS,
        ),
    )
}
