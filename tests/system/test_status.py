"""The metrics port of a running daemon, as Prometheus and a load balancer see it."""

import signal
import subprocess

from daemonkit import ask, ask_tcp, fetch, query, rcode, until
from zonegit.repo import Repository

WWW = "www.example.org"


def value(port: int, series: str) -> float | None:
    for line in fetch(port, "/metrics")[2].splitlines():
        if line.startswith(series + " "):
            return float(line.rsplit(" ", 1)[1])
    return None


def test_metrics_are_summed_and_survive_a_worker(repo, start, needs_program):
    promtool = needs_program("promtool")
    daemon = start(repo, "--workers", "2", "--metrics-listen", "127.0.0.1:0")
    dns, port = daemon.port(), daemon.port("metrics")
    for _ in range(20):
        assert rcode(ask(dns, WWW)) == 0
    ask_tcp(dns, query(WWW), query("nosuch.example.org"))
    good = 'zonegit_dns_queries_total{qtype="A",rcode="NOERROR"}'
    assert value(port, good) == 21
    assert value(port, 'zonegit_dns_queries_total{qtype="A",rcode="NXDOMAIN"}') == 1
    assert value(port, 'zonegit_dns_requests_total{family="ipv4",proto="tcp",zone="example.org."}') == 2
    assert value(port, 'zonegit_dns_requests_total{family="ipv4",proto="udp",zone="example.org."}') == 20
    assert value(port, 'zonegit_dns_requests_total{family="ipv4",proto="udp",zone="none"}') == 0
    took = 'zonegit_dns_request_duration_seconds_count{proto="udp"}'
    until(lambda: value(port, took) == 20, "the time that the last answer took, noted when it is sent")
    assert value(port, 'zonegit_zone_serial{zone="example.org."}') == 2026112001
    page = fetch(port, "/metrics")[2]
    checked = subprocess.run([promtool, "check", "metrics"], input=page, text=True, capture_output=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    for name in ("dns-0", "dns-1"):
        daemon.kill_child(name)
        until(lambda name=name: value(port, f'zonegit_worker_restarts_total{{worker="{name}"}}') == 1, "a restart")
    assert rcode(ask(dns, WWW)) == 0
    assert value(port, good) == 22


def test_the_pages_go_on_while_the_repository_is_gone(repo, start):
    daemon = start(repo, "--metrics-listen", "127.0.0.1:0")
    port = daemon.port("metrics")
    assert value(port, "zonegit_store_disk_free_bytes")
    daemon.signal(signal.SIGSTOP)  # before it notices, and ends all processes
    try:
        repo.rename(repo.with_name("away"))
        assert rcode(ask(daemon.port(), WWW)) == 0
        assert value(port, 'zonegit_dns_requests_total{family="ipv4",proto="udp",zone="example.org."}') == 1
        assert value(port, 'zonegit_zone_serial{zone="example.org."}') == 2026112001
        assert value(port, "zonegit_store_disk_free_bytes") is None
        assert fetch(port, "/readyz")[0] == 200
        assert not daemon.has("Error")
    finally:
        daemon.signal(signal.SIGCONT)


def test_openmetrics_and_content_types(repo, start):
    port = start(repo, "--metrics-listen", "127.0.0.1:0").port("metrics")
    assert fetch(port, "/metrics")[1].startswith("text/plain; version=0.0.4")
    status, kind, body = fetch(port, "/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert (status, kind.split(";")[0]) == (200, "application/openmetrics-text")
    assert body.endswith("# EOF\n")


def test_readiness_follows_the_zones(tmp_path, start):
    with Repository.init(tmp_path / "r") as repository:
        port = start(tmp_path / "r", "--metrics-listen", "127.0.0.1:0").port("metrics")
        assert fetch(port, "/healthz")[0] == 200
        assert fetch(port, "/readyz")[::2] == (503, "no zone is served\n")
        repository.add_zone("example.net", nameservers=["ns1.example.com."])
        assert fetch(port, "/readyz")[0] == 200


def test_a_refused_reload_shows(repo, start, tmp_path):
    config = tmp_path / "zonegitd.toml"
    config.write_text("")
    daemon = start(repo, "--config", config, "--metrics-listen", "127.0.0.1:0")
    port = daemon.port("metrics")
    assert value(port, "zonegit_config_reload_success") == 1
    config.write_text("nonsense = 1\n")
    daemon.signal(signal.SIGHUP)
    until(lambda: value(port, "zonegit_config_reload_success") == 0, "the refusal in the metrics")
    config.write_text("")
    daemon.signal(signal.SIGHUP)
    until(lambda: value(port, "zonegit_config_reload_success") == 1, "the acceptance in the metrics")


def test_bad_keys_keep_the_old_ones(repo, start, tmp_path):
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    daemon = start(
        repo, "--keys", keys, "--replicate-listen", "127.0.0.1:0", "--replicate-name", "primary-1",
        "--metrics-listen", "127.0.0.1:0",
    )  # fmt: skip
    port = daemon.port("metrics")
    assert value(port, "zonegit_keys_reload_failed") == 0
    bad = keys / "k1.key"
    bad.write_text('secret = "short"\n')
    bad.chmod(0o600)
    daemon.signal(signal.SIGHUP)
    until(lambda: value(port, "zonegit_keys_reload_failed") == 1, "the refusal in the metrics")
    daemon.logged("reload refused")
    bad.unlink()
    daemon.signal(signal.SIGHUP)
    until(lambda: value(port, "zonegit_keys_reload_failed") == 0, "the acceptance in the metrics")
    assert daemon.child("http")
    assert not daemon.has("process ended")


def test_a_dead_http_process_is_replaced_and_dns_goes_on(repo, start):
    daemon = start(repo, "--metrics-listen", "127.0.0.1:0")
    port = daemon.port("metrics")
    assert value(port, 'zonegit_worker_restarts_total{worker="http"}') == 0
    daemon.kill_child("http")
    daemon.logged("process ended process=http how=SIGKILL")
    assert rcode(ask(daemon.port(), WWW)) == 0
    assert value(port, 'zonegit_worker_restarts_total{worker="http"}') == 1, "the scrape waited in the listener"
