"""Debian's Prometheus over a primary and a secondary: both are up; the shipped rules fire when something breaks."""

import json
import re
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, new_reader, rcode, until

RULES = Path(__file__).resolve().parents[2] / "packaging" / "prometheus" / "zonegit.rules.yml"
PATIENCE = 120.0

pytestmark = pytest.mark.timeout(600)


class Prometheus:
    """One server with the shipped rules, whose pauses are cut short; asked through its HTTP API."""

    def __init__(self, program: str, home: Path, targets: list[str]) -> None:
        home.mkdir()
        (home / "rules.yml").write_text(impatient(RULES.read_text()))
        jobs = [{"job_name": "zonegit", "static_configs": [{"targets": targets}]}]
        every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "200ms"}
        config = {"global": every, "rule_files": ["rules.yml"], "scrape_configs": jobs}
        (home / "prometheus.yml").write_text(json.dumps(config))
        self._log = (home / "log").open("wb")
        self._process = subprocess.Popen(
            [
                program,
                f"--config.file={home}/prometheus.yml",
                f"--storage.tsdb.path={home}/data",
                "--web.listen-address=127.0.0.1:0",
            ],
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._port = 0
        try:
            until(lambda: self._listens(home / "log"), "the port of prometheus", PATIENCE)
        except BaseException:
            self.stop()
            raise

    def _listens(self, log: Path) -> bool:
        """Whether it has said where; its port is noted."""
        said = re.search(r'msg="Listening on" address=127\.0\.0\.1:(\d+)', log.read_text())
        assert said or self._process.poll() is None, log.read_text()
        self._port = int(said[1]) if said else 0
        return self._port > 0

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def query(self, text: str) -> dict[str, float]:
        """The values of an expression by instance; nothing while it can't be asked."""
        asked = urllib.parse.urlencode({"query": text})
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/api/v1/query?{asked}", timeout=10) as found:
                result = json.load(found)["data"]["result"]
        except (OSError, urllib.error.URLError):
            assert self._process.poll() is None, "prometheus ended"
            return {}
        return {each["metric"].get("instance", ""): float(each["value"][1]) for each in result}

    def firing(self, alert: str) -> set[str]:
        """The instances that an alert fires for."""
        return set(self.query(f'ALERTS{{alertname="{alert}", alertstate="firing"}}'))


def impatient(rules: str) -> str:
    """The rules, to fire at once; a secondary is stale after two seconds."""
    text, pauses = re.subn(r"\n +for: \w+", "", rules)
    assert pauses > 5
    text, stale = re.subn(r"(zonegit_sync_last_success_timestamp_seconds) > 120", r"\1 > 2", text)
    assert stale == 1
    return text


@pytest.fixture
def pair(tmp_path: Path, repo: Path, start: Callable[..., Daemon]) -> tuple[Daemon, Daemon]:
    keys = tmp_path / "keys"
    new_reader(keys)
    common = ("--keys", keys, "--metrics-listen", "127.0.0.1:0")
    primary = start(repo, *common, "--replicate-listen", "127.0.0.1:0", "--replicate-name", "primary-1")
    url = f"http://127.0.0.1:{primary.port('replication')}"
    secondary = start(
        tmp_path / "secondary", *common, "--primary", url, "--primary-name", "primary-1", "--pull-interval", "1s"
    )
    until(lambda: rcode(ask(secondary.port(), "www.example.org")) == 0, "the zone at the secondary")
    return primary, secondary


@pytest.fixture
def prometheus(tmp_path: Path, pair: tuple[Daemon, Daemon], needs_program) -> Iterator[Prometheus]:
    targets = [f"127.0.0.1:{daemon.port('metrics')}" for daemon in pair]
    server = Prometheus(needs_program("prometheus"), tmp_path / "prometheus", targets)
    yield server
    server.stop()


def test_both_are_up_and_alerts_fire_when_something_breaks(tmp_path, pair, prometheus):
    primary, secondary = pair
    first, second = (f"127.0.0.1:{daemon.port('metrics')}" for daemon in pair)
    until(lambda: prometheus.query("up") == {first: 1, second: 1}, "both are up", PATIENCE)
    serials = {first: 2026112001, second: 2026112001}
    until(lambda: prometheus.query("zonegit_zone_serial") == serials, "the serials of both", PATIENCE)
    asked = 'sum by (instance) (zonegit_dns_requests_total{zone="example.org."})'
    until(lambda: prometheus.query(asked).get(second, 0) >= 1, "the request that was answered", PATIENCE)
    for quiet in ("ZonegitDown", "ZonegitReloadFailed"):
        until(lambda quiet=quiet: prometheus.firing(quiet) == set(), f"no {quiet} once both are up", PATIENCE)

    bad = tmp_path / "keys" / "k2.key"
    bad.write_text('secret = "short"\n')
    bad.chmod(0o600)
    primary.signal(signal.SIGHUP)
    until(lambda: prometheus.firing("ZonegitReloadFailed") == {first}, "the alert of the reload", PATIENCE)
    bad.unlink()
    primary.signal(signal.SIGHUP)
    until(lambda: prometheus.firing("ZonegitReloadFailed") == set(), "its end", PATIENCE)

    assert primary.stop() == 0
    until(lambda: prometheus.firing("ZonegitDown") == {first}, "the alert of the primary", PATIENCE)
    until(lambda: prometheus.firing("ZonegitSecondaryStale") == {second}, "the alert of the secondary", PATIENCE)
    assert rcode(ask(secondary.port(), "www.example.org")) == 0
