"""Alert rules and dashboard as they are shipped: promtool likes them; they ask for nothing that isn't published."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from metricnames import BEYOND, DESIGNED, PROCESS, published

ROOT = Path(__file__).resolve().parents[3]
PROMETHEUS = ROOT / "packaging" / "prometheus"
RULES = (PROMETHEUS / "zonegit.rules.yml").read_text()
DASHBOARD = json.loads((ROOT / "packaging" / "grafana" / "zonegit.json").read_text())
PAGE = (ROOT / "docs" / "operations.md").read_text()
METRIC = re.compile(r"\b(?:zonegit|process|python)_[a-z_]+")
ALERTS = re.findall(r"- alert: (\w+)", RULES)


SHOWN = (
    "dns_queries_total", "dns_request_duration_seconds_bucket", "dns_cache_hits_total", "zone_serial",
    "sync_lag_seconds", "sync_objects_total", "sync_bytes_total", "auth_attempts_total",
    "auth_key_not_after_timestamp_seconds", "worker_restarts_total", "store_map_used_bytes",
)  # fmt: skip


def panels() -> Iterator[dict]:
    for panel in DASHBOARD["panels"]:
        yield panel
        yield from panel.get("panels", ())


@pytest.mark.parametrize("check", ["check rules zonegit.rules.yml", "test rules tests.yml", "test rules days.yml"])
def test_promtool_accepts_the_rules_and_they_fire_when_they_should(check, needs_program):
    command = [needs_program("promtool"), *check.split()]
    done = subprocess.run(command, cwd=PROMETHEUS, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_ask_for_what_is_published():
    code = "\n".join(line for line in RULES.splitlines() if not line.lstrip().startswith("#"))
    asked = set(METRIC.findall(code))
    assert len(asked) > 10
    assert asked <= published()


def test_each_alert_has_a_severity_a_test_and_a_page():
    tests = "".join((PROMETHEUS / name).read_text() for name in ("tests.yml", "days.yml"))
    assert len(ALERTS) == len(set(ALERTS)) == 20
    for alert, text in zip(ALERTS, RULES.split("- alert: ")[1:], strict=True):
        assert re.search(r"severity: (warning|critical)\n", text), alert
        assert f'runbook: "operations.md#{alert.lower()}"' in text
        assert f"\n### {alert}\n" in PAGE
        assert f"alertname: {alert}\n" in tests


def test_the_page_tells_of_every_metric_with_its_labels():
    for name, known in {**DESIGNED, **BEYOND}.items():
        row = re.search(rf"^\| `{name}(?:{{([a-z_,]+)}})?` \| ", PAGE, re.MULTILINE)
        assert row, name
        assert frozenset((row[1] or "").split(",")) - {""} == known.labels, name
    assert all(name.startswith("process_") or name == "python_info" for name in PROCESS)


def test_the_dashboard_asks_for_what_is_published():
    queries = [target["expr"] for panel in panels() for target in panel.get("targets", ())]
    assert len(queries) > 20
    asked = set(METRIC.findall(" ".join([*queries, json.dumps(DASHBOARD["templating"])])))
    assert asked <= published()
    assert {f"zonegit_{name}" for name in SHOWN} <= asked


def test_the_dashboard_belongs_to_no_installation():
    assert DASHBOARD["schemaVersion"] >= 36
    assert DASHBOARD["id"] is None
    names = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert {"datasource", "instance"} <= names
    numbers = [panel["id"] for panel in panels()]
    assert len(numbers) == len(set(numbers))
    for panel in panels():
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24


def test_each_query_of_the_dashboard_can_be_read(needs_program, tmp_path):
    """As the expressions of recording rules, with the variables filled in."""
    queries = [target["expr"] for panel in panels() for target in panel.get("targets", ())]
    filled = [each.replace("$__rate_interval", "5m").replace("$instance", ".*") for each in queries]
    rules = [{"record": f"a:number_{number}", "expr": each} for number, each in enumerate(filled)]
    file = tmp_path / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run([needs_program("promtool"), "check", "rules", file], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
