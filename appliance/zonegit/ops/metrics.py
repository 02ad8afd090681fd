"""The metrics page for Prometheus: the shared counters of all processes, and facts about the store.

Every family has the prefix `zonegit_`, but for `process_*` (summed over the daemon's processes) and `python_info`.
prometheus_client writes the text; it is imported for the first page.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from platform import python_implementation, python_version
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from zonegit import __version__
from zonegit.dns import stats
from zonegit.dns.wire.message import Transport
from zonegit.dns.zone_counts import zone_counts
from zonegit.model.foreign import one_line
from zonegit.ops import loop_slots
from zonegit.ops.families import PUBLISHED, SECONDS, Family, Kind
from zonegit.ops.shared import TCP_ROW, UDP_ROW, SharedBlock
from zonegit.store.lmdb import StoreStat

if TYPE_CHECKING:
    from prometheus_client.core import Metric

PREFIX: Final = "zonegit_"
MOST_DIVERGED: Final = 1000
"""Most diverged zones that have their own series."""

_HELP: Final[Mapping[str, str]] = {
    "dns_queries_total": "Answers by query type and response code.",
    "dns_truncated_total": "Truncated UDP responses.",
    "dns_dropped_total": "Packets that got no response.",
    "dns_slipped_total": "UDP responses that rate limiting truncated.",
    "dns_cache_hits_total": "Responses from a cache, by level: whole packets or questions.",
    "dns_requests_total": "Requests by the zone that answered (none: no zone; other: a zone beyond the bound).",
    "transfers_total": "Zone transfers.",
    "notifies_received_total": "NOTIFY messages from other name servers.",
}
_PROTOS: Final = ((UDP_ROW, "udp"), (TCP_ROW, "tcp"))
_CARRIED: Final = ((UDP_ROW, (Transport.UDP,)), (TCP_ROW, (Transport.TCP, Transport.TLS)))
_REQUESTS: Final = "dns_requests_total"
_QUERIES: Final = "dns_queries_total"
_COMBINED: Final[Mapping[str, Callable[[Iterable[float]], float]]] = {
    "process_cpu_seconds": sum,
    "process_resident_memory_bytes": sum,
    "process_open_fds": sum,
    "process_max_fds": min,
    "process_start_time_seconds": min,
}
Labels = tuple[str, ...]


class ZoneFacts(NamedTuple):
    """The gauges of a served zone."""

    zone: str
    branch: str
    serial: int
    records: int
    committed: int
    """Unix seconds."""
    expired: bool | None = None
    """Whether it is past its SOA expire; None on a node that mirrors nothing."""
    first_end: int | None = None
    """When its first signature expires, in Unix seconds; None if the zone is unsigned, or while unknown."""
    checked: int | None = None
    """When a primary last confirmed it, in Unix seconds; None for a zone that isn't transferred, or never was."""
    expires: int | None = None
    """When it expires if no primary is reached."""


class ZoneTotals(NamedTuple):
    """The gauges of all served zones together."""

    served: int
    shown: int
    """How many of them have their own series."""
    expired: int | None = None
    """How many are past their SOA expire; None on a node that mirrors nothing."""
    first_end: int | None = None
    """When the first signature of any of them expires, in Unix seconds; None if none is signed."""
    diverged: Mapping[str, int] = MappingProxyType({})
    """Zone -> number of branches that diverged from a peer's and are not merged; also zones that are not served."""


@dataclass(slots=True)
class _Table:
    """The values of one family: label values -> a number, or a histogram's bucket counts and sum."""

    family: Family
    values: dict[Labels, list[float]]

    def add(self, labels: Labels, values: Sequence[float]) -> None:
        """Merge one process's values: counters are added up; of gauges (times, failures) the maximum is taken."""
        known = self.values.get(labels)
        if known is None:
            self.values[labels] = list(values)
        elif self.family.kind is Kind.GAUGE:
            self.values[labels] = [max(known[0], values[0])]
        else:
            self.values[labels] = [a + b for a, b in zip(known, values, strict=True)]


def render(
    block: SharedBlock,
    zones: Iterable[ZoneFacts],
    store: StoreStat | None,
    accept: str = "",
    totals: ZoneTotals | None = None,
) -> tuple[bytes, str]:
    """The page and its content type: OpenMetrics if the `Accept` header asks for it, else Prometheus text.

    `store` and `totals` are None while the repository can't be read.
    """
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry()
    registry.register(_Page(block, zones, store, totals))
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


class _Page:
    """A collector for one scrape."""

    def __init__(
        self,
        block: SharedBlock,
        zones: Iterable[ZoneFacts],
        store: StoreStat | None,
        totals: ZoneTotals | None,
    ) -> None:
        self._totals = totals
        self._block = block
        self._zones = zones
        self._store = store
        self._tables: dict[str, _Table] = {}

    def collect(self) -> Iterator["Metric"]:
        self._count_slots()
        self._count_zones()
        self._loops()
        self._published()
        self._gauges()
        for table in self._tables.values():
            yield _metric(table)
        yield from _processes(self._block.pids())

    def _add(self, family: Family, labels: Labels, *values: float) -> None:
        self._tables.setdefault(family.name, _Table(family, {})).add(labels, values)

    def _count_slots(self) -> None:
        """The counters of answers; combinations that never occurred are omitted."""
        totals = self._block.totals(stats.FIXED)
        for series in stats.SERIES:
            name = series.name.removeprefix(PREFIX)
            family = PUBLISHED.get(name) or Family(
                name, Kind.COUNTER, _HELP[name], tuple(label for label, _ in series.labels)
            )
            if totals[series.slot] or name != _QUERIES:
                self._add(family, tuple(value for _, value in series.labels), totals[series.slot])

    def _count_zones(self) -> None:
        """The counters of answers by zone: requests, also by type and response code."""
        requests = Family(_REQUESTS, Kind.COUNTER, _HELP[_REQUESTS], ("zone", "proto", "family"))
        queries = Family(_QUERIES, Kind.COUNTER, _HELP[_QUERIES], ("qtype", "rcode"))
        for worker in range(self._block.workers):
            for part, transports in _CARRIED:
                for counted in zone_counts(self._block.row(worker, part), transports):
                    labels = counted.zone, counted.transport.name.lower(), counted.family
                    self._add(requests, labels, sum(counted.answers))
                    for series, answers in zip(stats.SERIES, counted.answers, strict=False):
                        if answers:
                            self._add(queries, tuple(value for _, value in series.labels), answers)

    def _loops(self) -> None:
        """The counters of the socket loops."""
        duration = Family(
            "dns_request_duration_seconds", Kind.HISTOGRAM,
            "Time from receiving a query to having sent its response, measured per batch.",
            ("proto",), SECONDS,
        )  # fmt: skip
        size = Family(
            "dns_response_size_bytes", Kind.HISTOGRAM, "Response sizes; each batch counts as its first.",
            ("proto",), tuple(map(float, loop_slots.SIZES)),
        )  # fmt: skip
        unsent = Family("dns_unsent_total", Kind.COUNTER, "Responses that the kernel didn't accept.")
        opened = Family("dns_tcp_connections_total", Kind.COUNTER, "TCP connections accepted.")
        closed = Family(
            "dns_tcp_connections_closed_total", Kind.COUNTER, "TCP connections closed as idle or to make room."
        )
        for worker in range(self._block.workers):
            for part, proto in _PROTOS:
                row = list(self._block.row(worker, part)[stats.SLOTS :])
                times = row[loop_slots.DURATIONS : loop_slots.DURATION_SUM]
                self._add(duration, (proto,), *times, row[loop_slots.DURATION_SUM] / 1e9)
                sizes = row[loop_slots.RESPONSES : loop_slots.RESPONSE_SUM]
                self._add(size, (proto,), *sizes, row[loop_slots.RESPONSE_SUM])
                self._add(unsent, (), row[loop_slots.UNSENT])
                self._add(opened, (), row[loop_slots.CONNECTIONS])
                self._add(closed, (), row[loop_slots.CONNECTIONS_CLOSED])

    def _published(self) -> None:
        """The series that processes published through `Samples`."""
        refused = Family("metrics_refused_total", Kind.COUNTER, "New series refused because memory is full.")
        for process in range(self._block.processes):
            samples = self._block.samples(process)
            for family, labels, values in samples.read():
                self._add(family, labels, *values)
            self._add(refused, (), samples.refused)

    def _gauges(self) -> None:
        gauge = Kind.GAUGE
        branch = Family("repo_active_branch", gauge, "The branch that a zone is served from.", ("zone", "branch"))
        serial = Family("zone_serial", gauge, "Serial of a served zone.", ("zone",))
        records = Family("zone_records", gauge, "Records in a served zone.", ("zone",))
        commit = Family("zone_last_commit_timestamp_seconds", gauge, "When the version was committed.", ("zone",))
        expired = Family("zone_expired", gauge, "Whether a zone is past its SOA expire.", ("zone",))
        ends = Family(
            "zone_signature_expiry_timestamp_seconds", gauge,
            "When the first signature of a zone expires; known some seconds after a large zone's first scrape.",
            ("zone",),
        )  # fmt: skip
        checked = Family(
            "zone_checked_timestamp_seconds", gauge, "When a primary last confirmed a zone.", ("zone",)
        )
        expires = Family(
            "zone_expires_timestamp_seconds", gauge, "When a zone expires if no primary is reached.", ("zone",)
        )
        for facts in self._zones:
            if facts.checked is not None and facts.expires is not None:
                self._add(checked, (facts.zone,), facts.checked)
                self._add(expires, (facts.zone,), facts.expires)
            if facts.expired is not None:
                self._add(expired, (facts.zone,), facts.expired)
            if facts.first_end is not None:
                self._add(ends, (facts.zone,), facts.first_end)
            self._add(branch, (facts.zone, facts.branch), 1)
            self._add(serial, (facts.zone,), facts.serial)
            self._add(records, (facts.zone,), facts.records)
            self._add(commit, (facts.zone,), facts.committed)
        if self._totals is not None:
            self._sum_up(self._totals)
        self._add(Family("build_info", gauge, "The running version.", ("version",)), (__version__,), 1)
        if self._store is None:
            return
        objects = Family("store_objects", gauge, "Objects in the store.", ("kind",))
        for kind, count in self._store.objects.items():
            self._add(objects, (kind.name.lower(),), count)
        self._add(Family("store_map_used_bytes", gauge, "Bytes of the store in use."), (), self._store.map_used)
        self._add(Family("store_map_size_bytes", gauge, "Bytes the store may grow to."), (), self._store.map_size)
        free = Family("store_disk_free_bytes", gauge, "Free bytes in the store's file system.")
        self._add(free, (), self._store.disk_free)

    def _sum_up(self, totals: ZoneTotals) -> None:
        """The totals of all zones, whether or not they have their own series."""
        gauge = Kind.GAUGE
        self._add(Family("zones", gauge, "Served zones."), (), totals.served)
        self._add(Family("zones_with_series", gauge, "Served zones that have their own series."), (), totals.shown)
        apart = Family("diverged", gauge, "Branches that diverged from a peer's and are not merged.", ("zone",))
        for zone in sorted(totals.diverged)[:MOST_DIVERGED]:
            self._add(apart, (zone,), totals.diverged[zone])
        self._add(Family("zones_diverged", gauge, "Zones that diverged from a peer's."), (), len(totals.diverged))
        if totals.expired is not None:
            self._add(Family("zones_expired", gauge, "Zones that are past their SOA expire."), (), totals.expired)
        if totals.first_end is not None:
            ends = Family(
                "zones_first_signature_expiry_timestamp_seconds", gauge,
                "When the first signature of any zone expires.",
            )  # fmt: skip
            self._add(ends, (), totals.first_end)


def _metric(table: _Table) -> "Metric":
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    family = table.family
    name = PREFIX + family.name
    if family.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(name, family.help, labels=family.labels)
        bounds = [*(repr(bound) for bound in family.buckets), "+Inf"]
        for labels, values in table.values.items():
            buckets = list(zip(bounds, accumulate(values[:-1]), strict=True))
            histogram.add_metric(_shown(labels), buckets, values[-1])
        return histogram
    plain = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = plain(name, family.help, labels=family.labels)
    for labels, values in table.values.items():
        metric.add_metric(_shown(labels), values[0])
    return metric


def _shown(labels: Labels) -> Labels:
    return tuple(map(one_line, labels))


def _processes(pids: list[int]) -> Iterator["Metric"]:
    """process_* summed over the daemon's processes (the start time is the first one's), and python_info."""
    from prometheus_client import ProcessCollector
    from prometheus_client.core import GaugeMetricFamily

    found: dict[str, tuple[Metric, list[float]]] = {}
    for pid in pids:
        for metric in ProcessCollector(pid=partial(int, pid), registry=None).collect():
            found.setdefault(metric.name, (metric, []))[1].extend(sample.value for sample in metric.samples)
    for name, combine in _COMBINED.items():
        if name in found and found[name][1]:
            metric, values = found[name]
            metric.samples[:] = [metric.samples[0]._replace(value=combine(values))]
            yield metric
    python = GaugeMetricFamily("python_info", "The running Python.", labels=("implementation", "version"))
    python.add_metric((python_implementation(), python_version()), 1)
    yield python
