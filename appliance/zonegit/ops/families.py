"""The metric families that processes publish through `Samples`: kind, help, label names and buckets.

Names are without the prefix `zonegit_`. A name that isn't listed here can't be published, which bounds families and
label names; the publishers bound the label values (known key ids, routes, peers, reasons).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Family(NamedTuple):
    """One metric family."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram, ascending, without +Inf."""


SECONDS: Final = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0)
LONG_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)
_C, _G, _H = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

PUBLISHED: Final[Mapping[str, Family]] = {
    family.name: family
    for family in (
        Family("worker_restarts_total", _C, "Restarts of a process after it died.", ("worker",)),
        Family("config_reload_success", _G, "Whether the last reload of the configuration was accepted."),
        Family("keys_reload_failed", _G, "Whether the last reload of the key files failed."),
        Family(
            "auth_attempts_total",
            _C,
            "Authenticated requests by outcome; known key ids only.",
            ("key_id", "result"),
        ),
        Family("auth_key_last_used_timestamp_seconds", _G, "When a key was last accepted.", ("key_id",)),
        Family("auth_key_not_after_timestamp_seconds", _G, "When a key expires.", ("key_id",)),
        Family("tls_certificate_not_after_timestamp_seconds", _G, "When a certificate expires.", ("role",)),
        Family("http_requests_total", _C, "HTTP requests.", ("route", "method", "code")),
        Family(
            "http_connections_refused_total",
            _C,
            "Requests refused because their key has too many connections from one address.",
            ("key_id",),
        ),
        Family("http_request_duration_seconds", _H, "Time to the end of the response.", ("route",), LONG_SECONDS),
        Family("route_match_total", _C, "Queries that a zone's route decided, by its number.", ("zone", "rule")),
        Family("updates_total", _C, "UPDATE messages, by what came of them.", ("zone", "key", "result")),
        Family(
            "updates_forwarded_total", _C, "UPDATE messages forwarded, by what came of them.", ("zone", "result")
        ),
        Family(
            "update_duration_seconds",
            _H,
            "Time from receiving an UPDATE to having sent the response.",
            (),
            LONG_SECONDS,
        ),
        Family("pushes_total", _C, "Pushes to this node, by outcome.", ("key_id", "result")),
        Family(
            "pushed_refs_total", _C, "Branches and tags pushed to this node, by outcome.", ("key_id", "outcome")
        ),
        Family("pushed_bytes_total", _C, "Bytes of objects pushed to this node.", ("key_id",)),
        Family("transfers_total", _C, "Zone transfers.", ("type", "direction", "result")),
        Family(
            "transferred_zones",
            _G,
            "Zones that are transferred from other servers, and those of them that can't be.",
            ("state",),
        ),
        Family(
            "notifies_total",
            _C,
            "NOTIFY messages sent, by outcome, counted once answered or given up.",
            ("result",),
        ),
        Family(
            "zone_published_timestamp_seconds", _G, "When the served version of a zone was published.", ("zone",)
        ),
        Family("catalog_listed_zones", _G, "Zones that a catalog made here lists.", ("catalog",)),
        Family("catalog_members", _G, "Zones here that came from a catalog.", ("catalog",)),
        Family("catalog_broken", _G, "Whether a followed catalog is broken.", ("catalog",)),
        Family("catalog_held_removals", _G, "Removals of a catalog that wait for the operator.", ("catalog",)),
        Family("catalog_clashes", _G, "Zones that a catalog lists but can't have.", ("catalog",)),
        Family("publish_held", _G, "Whether a commit of a zone waits to be published.", ("zone", "reason")),
        Family(
            "publish_duration_seconds",
            _H,
            "Time from finding a moved branch to its publication.",
            (),
            LONG_SECONDS,
        ),
        Family(
            "dnssec_signature_expires_timestamp_seconds",
            _G,
            "When the first signature of the served version ends.",
            ("zone",),
        ),
        Family("dnssec_waiting_seconds", _G, "How long a zone's keys have waited for something.", ("zone", "for")),
        Family("dnssec_problem", _G, "Whether a signed zone has a problem.", ("zone", "reason")),
        Family("sync_sessions_total", _C, "Pulls by outcome.", ("peer", "result")),
        Family("sync_pushes_total", _C, "Pushes to a peer by outcome.", ("peer", "result")),
        Family("sync_unpushed_refs", _G, "Branches and tags that the peer doesn't accept.", ("peer",)),
        Family("sync_duration_seconds", _H, "Duration of pulls that changed something.", ("peer",), LONG_SECONDS),
        Family("sync_objects_total", _C, "Objects transferred.", ("peer", "direction")),
        Family("sync_bytes_total", _C, "Bytes of frames transferred.", ("peer", "direction")),
        Family("sync_last_success_timestamp_seconds", _G, "When the peer was last reached.", ("peer",)),
        Family("sync_lag_seconds", _G, "Seconds since the peer was last reached.", ("peer",)),
        Family("sync_clock_offset_seconds", _G, "The peer's clock minus this one's.", ("peer",)),
        Family("sync_refused_zones", _G, "Zones of the peer that are not mirrored.", ("peer",)),
        Family("sync_stored_today_bytes", _G, "Bytes stored from the peer today (UTC).", ("peer",)),
        Family(
            "sync_left_out_zones",
            _G,
            "Zones of the peer that are skipped because they can't be accepted.",
            ("peer",),
        ),
        Family("sync_rejected_objects_total", _C, "Objects refused.", ("reason",)),
        Family("store_corrupt_objects_total", _C, "Stored objects that don't match their hash."),
        Family(
            "store_commit_duration_seconds",
            _H,
            "Time until the puller's write transactions were durable; other processes are not counted.",
            (),
            LONG_SECONDS,
        ),
    )
}
