"""The metrics page: sums over workers, series of other processes, a page that promtool accepts."""

import os
import subprocess
from pathlib import Path

import pytest

from zonegit.dns import stats
from zonegit.dns.wire.message import Transport
from zonegit.dns.zone_counts import ZoneOffsets
from zonegit.model.ids import Kind
from zonegit.ops import loop_slots
from zonegit.ops.config import Config
from zonegit.ops.families import PUBLISHED
from zonegit.ops.families import Kind as FamilyKind
from zonegit.ops.metrics import ZoneFacts, render
from zonegit.ops.shared import HTTP, PULLER, SUPERVISOR, TCP_ROW, UDP_ROW, SharedBlock
from zonegit.store.lmdb import StoreStat

ZONES = [ZoneFacts("example.org.", "main", 2026112001, 17, 1767225600), ZoneFacts('odd"\\.', "main", 1, 2, 3)]
STAT = StoreStat(4096, 1 << 40, 1, dict.fromkeys(Kind, 3), 1 << 30)


@pytest.fixture
def block():
    block = SharedBlock.create(2, stats.SLOTS + loop_slots.LOOP_SLOTS, Config(repo=Path("here")))
    block.enter(SUPERVISOR, os.getpid())
    yield block
    block.close()


def page(block: SharedBlock, accept: str = "") -> str:
    return render(block, ZONES, STAT, accept)[0].decode()


def test_counters_are_summed_over_workers_and_transports(block):
    slot = stats.query_slot(1, 0)
    block.row(0)[slot] += 2
    block.row(1)[slot] += 3
    block.row(1, TCP_ROW)[slot] += 4
    text = page(block)
    assert 'zonegit_dns_queries_total{qtype="A",rcode="NOERROR"} 9.0' in text
    assert 'qtype="MX"' not in text, "combinations that never occurred are omitted"
    assert "zonegit_dns_truncated_total 0.0" in text


def test_requests_of_zones_are_summed_over_workers_and_types(block):
    for worker, part, transport in (
        (0, UDP_ROW, Transport.UDP),
        (1, UDP_ROW, Transport.UDP),
        (1, TCP_ROW, Transport.TLS),
    ):
        row = block.row(worker, part)[: stats.SLOTS]
        for apex in (b"\3org\0", b"\3net\0")[worker:]:
            offset = ZoneOffsets(row)(apex) + stats.plane(transport, bytes(16))
            row[offset + stats.query_slot(1, 0)] += 2
            row[offset + stats.query_slot(28, 3)] += 1
    block.row(1)[stats.request_slot(Transport.UDP, bytes(4))] += 5
    text = page(block)
    assert 'zonegit_dns_requests_total{family="ipv6",proto="udp",zone="org."} 3.0' in text
    assert 'zonegit_dns_requests_total{family="ipv6",proto="udp",zone="net."} 6.0' in text
    assert 'zonegit_dns_requests_total{family="ipv6",proto="tls",zone="net."} 3.0' in text
    assert 'zonegit_dns_requests_total{family="ipv4",proto="udp",zone="none"} 5.0' in text
    assert 'zone="other"' not in text
    assert 'zonegit_dns_queries_total{qtype="A",rcode="NOERROR"} 8.0' in text
    assert 'zonegit_dns_queries_total{qtype="AAAA",rcode="NXDOMAIN"} 4.0' in text


def test_histograms_are_cumulative(block):
    row = block.row(0)[stats.SLOTS :]
    loop_slots.observe(row, 10, 0.0002, 100)
    loop_slots.observe(row, 5, 5.0, 0)
    text = page(block)
    assert 'zonegit_dns_request_duration_seconds_bucket{le="0.0001",proto="udp"} 0.0' in text
    assert 'zonegit_dns_request_duration_seconds_bucket{le="0.00025",proto="udp"} 10.0' in text
    assert 'zonegit_dns_request_duration_seconds_bucket{le="+Inf",proto="udp"} 15.0' in text
    assert 'zonegit_dns_request_duration_seconds_sum{proto="udp"} 25.002' in text
    assert 'zonegit_dns_response_size_bytes_count{proto="udp"} 10.0' in text


def test_series_of_other_processes(block):
    block.samples(SUPERVISOR).inc("worker_restarts_total", worker="dns-0")
    block.samples(PULLER).inc("sync_sessions_total", peer="up", result="ok")
    block.samples(HTTP).observe("http_request_duration_seconds", 0.02, route="/v0/refs")
    for process in (HTTP, PULLER):
        block.samples(process).inc("auth_attempts_total", key_id="k1", result="ok")
    text = page(block)
    assert 'zonegit_worker_restarts_total{worker="dns-0"} 1.0' in text
    assert 'zonegit_sync_sessions_total{peer="up",result="ok"} 1.0' in text
    assert 'zonegit_http_request_duration_seconds_bucket{le="0.025",route="/v0/refs"} 1.0' in text
    assert 'zonegit_auth_attempts_total{key_id="k1",result="ok"} 2.0' in text


def test_a_failure_that_one_process_reports_is_shown(block):
    block.samples(SUPERVISOR).set("keys_reload_failed", 1)
    block.samples(HTTP).set("keys_reload_failed", 0)
    assert "zonegit_keys_reload_failed 1.0" in page(block)


def test_gauges_of_zones_store_and_process(block):
    text = page(block)
    assert 'zonegit_repo_active_branch{branch="main",zone="example.org."} 1.0' in text
    assert 'zonegit_zone_serial{zone="example.org."} 2.026112001e+09' in text
    assert 'zonegit_zone_records{zone="example.org."} 17.0' in text
    assert 'zonegit_store_objects{kind="node"} 3.0' in text
    assert "zonegit_build_info" in text
    assert "\npython_info{" in text
    assert "\nprocess_resident_memory_bytes " in text


def test_a_store_that_cannot_be_read_leaves_the_rest(block):
    text = render(block, [], None)[0].decode()
    assert "zonegit_store_objects" not in text
    assert "zonegit_build_info" in text


def test_openmetrics_on_request(block):
    body, kind = render(block, ZONES, STAT, "application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    assert render(block, ZONES, STAT, "text/plain")[1].startswith("text/plain; version=0.0.4")


def test_promtool_accepts_every_family(block, needs_program):
    promtool = needs_program("promtool")
    samples = block.samples(HTTP)
    for family in PUBLISHED.values():
        labels = dict.fromkeys(family.labels, "x")
        match family.kind:
            case FamilyKind.COUNTER:
                samples.inc(family.name, **labels)
            case FamilyKind.GAUGE:
                samples.set(family.name, 1, **labels)
            case FamilyKind.HISTOGRAM:
                samples.observe(family.name, 1, **labels)
    block.row(0)[stats.query_slot(1, 0)] += 1
    done = subprocess.run([promtool, "check", "metrics"], input=page(block), text=True, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
