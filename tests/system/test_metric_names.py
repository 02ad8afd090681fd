"""A real primary's and a real secondary's pages, held against the list of names, kinds and labels that is promised.

Nothing of the list may be missing, nothing be there that isn't listed, and nothing without a line of help.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from daemonkit import Daemon, ask, ask_tcp, fetch, new_reader, query, rcode, until
from metricnames import BEYOND, DESIGNED, PROCESS, QUIET
from repokit import ZONE, parsed
from tlskit import Authority
from zonegit.repo import Repository

SIGNED = ZONE + f"@ 3600 IN RRSIG SOA 13 2 3600 20310101000000 20260101000000 1 example.org. {'A' * 86}==\n"
LABEL = re.compile(r'([a-z_]+)="')


@pytest.fixture
def pair(tmp_path: Path, start: Callable[..., Daemon]) -> tuple[Daemon, Daemon]:
    """A primary with a signed zone, and a secondary that has it, both asked over UDP and TCP."""
    keys = tmp_path / "keys"
    new_reader(keys)
    with Repository.init(tmp_path / "primary") as repository:
        repository.import_zone(parsed(SIGNED), source="test.zone")
    shown = Authority(tmp_path).issue("dns")
    tls = tmp_path / "tls.toml"
    tls.write_text(f'[dns]\ntls_listen = "127.0.0.1:0"\ntls_cert = "{shown.cert}"\ntls_key = "{shown.key}"\n')
    common = ("--keys", keys, "--metrics-listen", "127.0.0.1:0", "--config", tls)
    primary = start(
        tmp_path / "primary", *common, "--replicate-listen", "127.0.0.1:0", "--replicate-name", "primary-1"
    )
    url = f"http://127.0.0.1:{primary.port('replication')}"
    secondary = start(tmp_path / "secondary", *common, "--primary", url, "--primary-name", "primary-1")
    until(lambda: rcode(ask(secondary.port(), "www.example.org")) == 0, "the zone at the secondary")
    told(secondary, "sync_clock_offset_seconds")  # the last of what a sync sets
    for daemon in (primary, secondary):
        told(daemon, "zone_signature_expiry_timestamp_seconds")  # found in the background
    for daemon in (primary, secondary):
        ask_tcp(daemon.port(), query("www.example.org"))
    return primary, secondary


def told(daemon: Daemon, name: str) -> None:
    """Wait until a page has a series of this name."""
    until(lambda: f"\nzonegit_{name}{{" in fetch(daemon.port("metrics"), "/metrics")[2], f"{name} in the metrics")


def families(text: str) -> dict[str, tuple[str, str, set[frozenset[str]]]]:
    """Name -> kind, help, and the sets of labels that its samples have."""
    found = {}
    for family in read_text(text):
        labels = {frozenset(sample.labels) - {"le"} for sample in family.samples}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = family.type, family.documentation, labels
    return found


def test_the_pages_hold_what_is_promised_and_nothing_else(pair):
    promised = {f"zonegit_{name}": known for name, known in {**DESIGNED, **BEYOND}.items()}
    seen: set[str] = set()
    for daemon in pair:
        for name, (kind, told, labels) in families(fetch(daemon.port("metrics"), "/metrics")[2]).items():
            seen.add(name)
            if name in PROCESS:
                continue
            assert name in promised, f"{name} is in no list"
            assert kind == promised[name].kind, name
            assert labels <= {promised[name].labels}, name
            assert told.endswith("."), name
    missing = promised.keys() | PROCESS
    assert missing - seen == {f"zonegit_{name}" for name in QUIET}


def test_openmetrics_has_the_same_and_promtool_accepts_the_rest(pair, needs_program):
    promtool = needs_program("promtool")
    for daemon in pair:
        port = daemon.port("metrics")
        _, kind, text = fetch(port, "/metrics", accept="application/openmetrics-text; version=1.0.0")
        assert kind.startswith("application/openmetrics-text")
        names = {f"{each.name}_total" if each.type == "counter" else each.name for each in read_openmetrics(text)}
        plain = fetch(port, "/metrics")[2]
        assert names == families(plain).keys()
        checked = subprocess.run([promtool, "check", "metrics"], input=plain, text=True, capture_output=True)
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
