"""The metrics that a zonegitd promises: names, kinds and labels, for who checks pages, alerts or dashboards."""

from typing import NamedTuple


class Promised(NamedTuple):
    kind: str
    labels: frozenset[str] = frozenset()


def counter(*labels: str) -> Promised:
    return Promised("counter", frozenset(labels))


def gauge(*labels: str) -> Promised:
    return Promised("gauge", frozenset(labels))


def histogram(*labels: str) -> Promised:
    return Promised("histogram", frozenset(labels))


DESIGNED = {
    "dns_queries_total": counter("qtype", "rcode"),
    "repo_active_branch": gauge("zone", "branch"),
    "build_info": gauge("version"),
    "dns_requests_total": counter("zone", "proto", "family"),
    "dns_request_duration_seconds": histogram("proto"),
    "dns_response_size_bytes": histogram("proto"),
    "dns_truncated_total": counter(),
    "dns_dropped_total": counter("reason"),
    "dns_cache_hits_total": counter("level"),
    "zone_serial": gauge("zone"),
    "zone_records": gauge("zone"),
    "zone_last_commit_timestamp_seconds": gauge("zone"),
    "zone_signature_expiry_timestamp_seconds": gauge("zone"),
    "zone_expired": gauge("zone"),
    "transfers_total": counter("type", "direction", "result"),
    "notifies_total": counter("result"),
    "sync_sessions_total": counter("peer", "result"),
    "sync_duration_seconds": histogram("peer"),
    "sync_objects_total": counter("peer", "direction"),
    "sync_bytes_total": counter("peer", "direction"),
    "sync_last_success_timestamp_seconds": gauge("peer"),
    "sync_lag_seconds": gauge("peer"),
    "sync_rejected_objects_total": counter("reason"),
    "auth_attempts_total": counter("key_id", "result"),
    "auth_key_last_used_timestamp_seconds": gauge("key_id"),
    "auth_key_not_after_timestamp_seconds": gauge("key_id"),
    "keys_reload_failed": gauge(),
    "config_reload_success": gauge(),
    "http_requests_total": counter("route", "method", "code"),
    "http_request_duration_seconds": histogram("route"),
    "store_objects": gauge("kind"),
    "store_map_used_bytes": gauge(),
    "store_map_size_bytes": gauge(),
    "store_commit_duration_seconds": histogram(),
    "store_corrupt_objects_total": counter(),
    "worker_restarts_total": counter("worker"),
}
"""What every zonegitd publishes, each without its prefix `zonegit_`."""
BEYOND = {
    "zones": gauge(),
    "zones_with_series": gauge(),
    "zones_expired": gauge(),
    "transferred_zones": gauge("state"),
    "catalog_listed_zones": gauge("catalog"),
    "catalog_members": gauge("catalog"),
    "catalog_broken": gauge("catalog"),
    "catalog_held_removals": gauge("catalog"),
    "catalog_clashes": gauge("catalog"),
    "zone_checked_timestamp_seconds": gauge("zone"),
    "zone_expires_timestamp_seconds": gauge("zone"),
    "zones_diverged": gauge(),
    "diverged": gauge("zone"),
    "zones_first_signature_expiry_timestamp_seconds": gauge(),
    "dns_slipped_total": counter(),
    "dns_unsent_total": counter(),
    "dns_tcp_connections_total": counter(),
    "dns_tcp_connections_closed_total": counter(),
    "notifies_received_total": counter("result"),
    "updates_total": counter("zone", "key", "result"),
    "updates_forwarded_total": counter("zone", "result"),
    "update_duration_seconds": histogram(),
    "publish_held": gauge("zone", "reason"),
    "publish_duration_seconds": histogram(),
    "zone_published_timestamp_seconds": gauge("zone"),
    "dnssec_signature_expires_timestamp_seconds": gauge("zone"),
    "dnssec_waiting_seconds": gauge("zone", "for"),
    "dnssec_problem": gauge("zone", "reason"),
    "http_connections_refused_total": counter("key_id"),
    "route_match_total": counter("zone", "rule"),
    "pushes_total": counter("key_id", "result"),
    "pushed_refs_total": counter("key_id", "outcome"),
    "pushed_bytes_total": counter("key_id"),
    "sync_clock_offset_seconds": gauge("peer"),
    "sync_refused_zones": gauge("peer"),
    "sync_pushes_total": counter("peer", "result"),
    "sync_unpushed_refs": gauge("peer"),
    "sync_stored_today_bytes": gauge("peer"),
    "sync_left_out_zones": gauge("peer"),
    "tls_certificate_not_after_timestamp_seconds": gauge("role"),
    "metrics_refused_total": counter(),
    "store_disk_free_bytes": gauge(),
}
"""Published beside these."""
PROCESS = frozenset(
    {
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
        "python_info",
    }
)
PARTS = ("bucket", "sum", "count")
QUIET = frozenset(
    {
        "diverged",
        "transferred_zones",
        "catalog_listed_zones",
        "catalog_members",
        "catalog_broken",
        "catalog_held_removals",
        "catalog_clashes",
        "zone_checked_timestamp_seconds",
        "zone_expires_timestamp_seconds",
        "sync_pushes_total",
        "sync_unpushed_refs",
        "sync_rejected_objects_total",
        "notifies_total",
        "http_connections_refused_total",
        "route_match_total",
        "updates_total",
        "updates_forwarded_total",
        "update_duration_seconds",
        "publish_held",
        "publish_duration_seconds",
        "zone_published_timestamp_seconds",
        "dnssec_signature_expires_timestamp_seconds",
        "dnssec_waiting_seconds",
        "dnssec_problem",
        "pushes_total",
        "pushed_refs_total",
        "pushed_bytes_total",
    }
)
"""Families that come with the first such event, which a test of names needn't bring about."""


def published() -> frozenset[str]:
    """Every name that may stand in a query, with what a histogram's series are called."""
    named = {**DESIGNED, **BEYOND}
    parts = {f"{name}_{part}" for name, known in named.items() if known.kind == "histogram" for part in PARTS}
    return PROCESS | {f"zonegit_{name}" for name in {*named, *parts}}
