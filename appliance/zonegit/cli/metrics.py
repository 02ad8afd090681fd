"""Query a running zonegitd: `metrics` (from the page that Prometheus scrapes) and `ready`."""

from __future__ import annotations

import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render
from zonegit.cli.output import Output, Style
from zonegit.cli.verbs import Verb

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from zonegit.net.client.scrape import Sample

PAGE: Final = "http://127.0.0.1:9353/metrics"
READY_PAGE: Final = "http://127.0.0.1:9353/readyz"
PREFIX: Final = "zonegit_"
_TICK: Final = 0.05
"""Seconds between two requests."""
_LONGEST: Final = 86_400.0
_SHOWN: Final = 10
"""How many zones are listed."""

_Row = tuple[str, str]


def _metrics(args: Namespace, out: Output) -> int:
    from zonegit.net.client.scrape import scrape

    samples = scrape(args.url)
    if args.json:
        out.json(
            [
                {"name": each.name, "labels": dict(each.labels), "value": each.value}
                for each in samples
                if each.name.startswith(PREFIX)
            ]
        )
        return 0
    page = _Page(samples)
    for heading, rows in (
        ("DNS", _dns(page)),
        ("zones", _zones(page)),
        ("sync", _sync(page)),
        ("keys", _keys(page)),
        ("processes", _processes(page)),
    ):
        listed = list(rows)
        if listed:
            out.line(heading, Style.HEADING)
            for line in render.table(listed):
                out.line(f"  {line}")
    return 0


class _Page:
    """Samples by name."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._by_name: dict[str, list[Sample]] = defaultdict(list)
        for each in samples:
            self._by_name[each.name.removeprefix(PREFIX)].append(each)

    def all(self, name: str) -> Sequence[Sample]:
        return self._by_name.get(name, ())

    def sum(self, name: str, **labels: str) -> float:
        return sum(each.value for each in self.all(name) if labels.items() <= each.labels.items())

    def by(self, name: str, label: str) -> dict[str, float]:
        """Sums by a label's value, largest first."""
        found: dict[str, float] = defaultdict(float)
        for each in self.all(name):
            found[each.labels.get(label, "")] += each.value
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _dns(page: _Page) -> Iterator[_Row]:
    requests = page.by("dns_requests_total", "proto")
    total = sum(requests.values())
    yield "requests", f"{total:,.0f} ({_listed(requests)})" if total else "0"
    rcodes = page.by("dns_queries_total", "rcode")
    if any(rcodes.values()):
        yield "answers", _listed(rcodes)
    if total:
        hits = page.by("dns_cache_hits_total", "level")
        yield "from a cache", ", ".join(f"{value / total:.0%} {level}" for level, value in hits.items())
    for proto in requests:
        count = page.sum("dns_request_duration_seconds_count", proto=proto)
        if count:
            mean = page.sum("dns_request_duration_seconds_sum", proto=proto) / count
            yield f"time over {proto}", f"{mean * 1e6:,.0f} µs mean, 99% within {_quantile(page, proto, 0.99)}"
    dropped = page.by("dns_dropped_total", "reason")
    if any(dropped.values()):
        yield "dropped", _listed(dropped)


def _quantile(page: _Page, proto: str, share: float) -> str:
    """The upper bound of the smallest bucket that holds this share of the requests."""
    buckets = [each for each in page.all("dns_request_duration_seconds_bucket") if each.labels["proto"] == proto]
    most = max(each.value for each in buckets)
    bounds = [float(each.labels["le"]) for each in buckets if each.value >= share * most]
    bound = min(bounds)
    return "more than 1 s" if bound == float("inf") else f"{bound * 1e6:,.0f} µs"


def _zones(page: _Page) -> Iterator[_Row]:
    serials = page.all("zone_serial")
    records = {each.labels["zone"]: each.value for each in page.all("zone_records")}
    expired = {each.labels["zone"] for each in page.all("zone_expired") if each.value}
    held: dict[str, str] = defaultdict(str)
    for each in page.all("publish_held"):
        if each.value:
            held[each.labels["zone"]] += f", held by {each.labels['reason']}"
    for each in serials[:_SHOWN]:
        zone = each.labels["zone"]
        count = f", {render.counted(int(records[zone]), 'record')}" if zone in records else ""
        yield zone, f"serial {each.value:.0f}{count}{', EXPIRED' if zone in expired else ''}{held[zone]}"
    if len(serials) > _SHOWN:
        yield "…", f"and {len(serials) - _SHOWN:,} more"


def _sync(page: _Page) -> Iterator[_Row]:
    for peer, count in page.by("sync_sessions_total", "peer").items():
        results = {
            each.labels["result"]: each.value
            for each in page.all("sync_sessions_total")
            if each.labels["peer"] == peer
        }
        yield peer, f"{count:,.0f} exchanges ({_listed(results)})"
        for each in page.all("sync_last_success_timestamp_seconds"):
            if each.labels["peer"] == peer:
                yield "", f"up to date {_ago(each.value)}"


def _keys(page: _Page) -> Iterator[_Row]:
    used = {each.labels["key_id"]: each.value for each in page.all("auth_key_last_used_timestamp_seconds")}
    for each in page.all("auth_key_not_after_timestamp_seconds"):
        key = each.labels["key_id"]
        end = "no end" if each.value == float("inf") else f"ends {_date(each.value)}"
        yield key, f"{end}; last used {_ago(used[key])}" if used.get(key) else end


def _processes(page: _Page) -> Iterator[_Row]:
    for each in page.all("worker_restarts_total"):
        yield each.labels["worker"], f"{render.counted(int(each.value), 'restart')}"
    if page.sum("keys_reload_failed") or not page.sum("config_reload_success"):
        yield "last reload", "REFUSED: the log says why"


def _listed(values: dict[str, float]) -> str:
    return ", ".join(f"{value:,.0f} {name}" for name, value in values.items() if value)


def _date(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _ago(when: float) -> str:
    return f"{max(time.time() - when, 0):,.0f} s ago"


def _metrics_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--url", default=PAGE, help=f"the page to read (default: {PAGE})")
    options.json_option(parser)


def _ready(args: Namespace, out: Output) -> int:
    """Ask until it is ready or the time is over."""
    from zonegit.errors import Unreachable
    from zonegit.net.client.scrape import unready

    until = time.monotonic() + args.timeout
    while (reason := unready(args.url)) is not None:
        if time.monotonic() >= until:
            raise Unreachable(f"zonegitd at {args.url} is not ready: {reason}")
        time.sleep(_TICK)
    out.line("ready")
    return 0


def _ready_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--url", default=READY_PAGE, help=f"the page to ask (default: {READY_PAGE})")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=30.0,
        help="how long to wait (default: 30)",
    )


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= _LONGEST:
        raise ArgumentTypeError(f"{text[:40]!r} is not a number of seconds from 0 to {_LONGEST:g}")
    return found


_READY_DETAILS: Final = """\
zonegitd is ready as soon as it answers queries from a zone; a secondary has zones once it has synced. zonegitd
needs [metrics] in its configuration, or --metrics-listen."""

VERBS: Final = {
    "metrics": Verb(_metrics_arguments, _metrics),
    "ready": Verb(_ready_arguments, _ready, _READY_DETAILS),
}
