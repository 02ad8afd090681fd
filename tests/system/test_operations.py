"""docs/operations.md as it stands: TLS with a CA of one's own, the first key, and a key rotated three times."""

import contextlib
import re
import signal
import ssl
from functools import partial
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, until
from machinekit import PAGE, Machines, sections
from metricnames import BEYOND, DESIGNED
from zonegit.repo import Repository

BY_KEYS = {"primary": "http", "secondary": "puller"}
"""The process of each machine's daemon that needs keys and certificates."""


def set_www(machines: Machines, last: int) -> None:
    with Repository.open(machines.top / "primary" / "repo") as repository:
        repository.set("www", 1, 60, [bytes((192, 0, 2, last))])


@pytest.fixture
def machines(tmp_path: Path, repo: Path, needs_program) -> Machines:
    for program in ("openssl", "curl", "sha256sum"):
        needs_program(program)
    found = Machines(tmp_path / "machines")
    repo.rename(found.top / "primary" / "repo")
    return found


def test_the_page_is_true(machines: Machines, start) -> None:
    page = sections()
    tls = page["TLS"]
    printed = [machines.sh(machine, text) for kind, machine, text in tls if kind == "sh"]
    for _, machine, text in page["The first key"]:
        machines.sh(machine, text)
    fingerprint = re.findall(r"\b[0-9a-f]{64}\b", printed[1])[0]
    with (machines.top / "primary" / "keys.d" / "k2026a.key").open("a") as file:
        file.write(f'client_cert = "{fingerprint}"\n')
    settings = {machine: text for kind, machine, text in tls if kind == "toml"}

    daemons = {machine: machines.run(machine, settings[machine], start) for machine in ("primary", "secondary")}
    primary = daemons["primary"]
    secondary = daemons["secondary"]

    def follows(last: int) -> None:
        set_www(machines, last)
        until(lambda: bytes((192, 0, 2, last)) in ask(secondary.port(), "www.example.org", tries=3), "the change")

    follows(10)
    for turn, (old, new) in enumerate((("a", "b"), ("b", "c"), ("c", "d"))):
        for step, (_, machine, text) in enumerate(page["Rotating a key"]):
            commands = text.replace("k2026b", f"k2026{new}").replace("k2026a", f"k2026{old}")
            run = partial(machines.sh, machine, commands)
            if "reload" in text:
                daemons[machine].reload(BY_KEYS[machine], by=run)
            else:
                run()
            follows(20 + 10 * turn + step)
    no_sync_failed(secondary)
    metrics = scrape(machines, page, secondary)
    assert "zonegit_keys_reload_failed 0.0" in metrics
    assert 'zonegit_sync_sessions_total{peer="primary-1",result="ok"}' in metrics
    assert 'peer="primary-1",result="un' not in metrics
    used = dict(re.findall(r'last_used_timestamp_seconds\{key_id="(\w+)"\} (\S+)', scrape(machines, page, primary)))
    assert set(used) == {"k2026a", "k2026b", "k2026c", "k2026d"}
    assert float(used["k2026d"]) == max(map(float, used.values()))
    refuses_a_bad_set(machines, primary, lambda: scrape(machines, page, primary))
    follows(77)
    renews_a_certificate(machines, tls[0][2], daemons)
    follows(88)
    no_sync_failed(secondary)


def no_sync_failed(secondary: Daemon) -> None:
    secondary.caught_up("puller")
    assert not secondary.has("sync failed")


def scrape(machines: Machines, page: dict[str, list[tuple[str, str, str]]], daemon: Daemon) -> str:
    ((_, machine, text),) = page["What the metrics say"]
    return machines.sh(machine, text.replace("9353", str(daemon.port("metrics"))))


def refuses_a_bad_set(machines: Machines, primary: Daemon, metrics) -> None:
    (machines.top / "primary" / "keys.d" / "k2026d.key").chmod(0o644)
    primary.signal(signal.SIGHUP)
    primary.logged("reload refused")
    until(lambda: "zonegit_keys_reload_failed 1.0" in metrics(), "the refusal in the metrics")
    (machines.top / "primary" / "keys.d" / "k2026d.key").chmod(0o600)
    (machines.top / "primary" / "tls" / "primary.key").chmod(0o644)
    primary.signal(signal.SIGHUP)
    primary.logged("primary.key: others may read")
    (machines.top / "primary" / "tls" / "primary.key").chmod(0o600)


def renews_a_certificate(machines: Machines, text: str, daemons: dict[str, Daemon]) -> None:
    """Another certificate of the same CA in the old one's place, loaded by a reload of each daemon."""
    place = ("127.0.0.1", daemons["primary"].port("replication"))
    path = machines.top / "primary" / "tls" / "primary.pem"
    old = path.read_text()
    assert ssl.get_server_certificate(place, timeout=20).split() == old.split()
    machines.sh("primary", "".join(line for line in text.splitlines(keepends=True) if "-x509 -newkey" not in line))
    assert path.read_text() != old
    for machine, daemon in daemons.items():
        daemon.reload(BY_KEYS[machine])
    assert ssl.get_server_certificate(place, timeout=20).split() == path.read_text().split()


NAMED = """\
options { directory "DIR"; };
key "k" { algorithm hmac-sha256; secret "c2VjcmV0"; };
zone "." { type hint; file "/usr/share/dns/root.hints"; };
zone "one.test" IN { file "one"; allow-transfer { key "k"; }; type primary; };
zone "two.test" { type master; file "zones/two"; };
zone "three.test" { type secondary; file "three"; primaries { 192.0.2.1; }; };
zone "four.test" { type primary; file "absent"; };
"""


def test_all_zones_of_a_named_conf_are_imported(machines: Machines, needs_program) -> None:
    """`directory` is where names lead, in named.conf and in an $INCLUDE."""
    needs_program("named-checkconf")
    directory = machines.top / "bind"
    (directory / "zones").mkdir(parents=True)
    soa = "$TTL 300\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n"
    (directory / "one").write_text(soa)
    (directory / "zones" / "two").write_text(soa + "$INCLUDE zones/part\n")
    (directory / "zones" / "part").write_text("www A 192.0.2.2\n")
    (directory / "three").write_bytes(b"\0\0\0\2raw")
    conf = directory / "named.conf"
    conf.write_text(NAMED.replace("DIR", str(directory)))
    ((_, _, text),) = [block for block in sections()["Moving from another server"] if block[1] == "zones"]
    text = text.replace("/etc/bind/named.conf", str(conf)).replace("/var/cache/bind", str(directory))
    with contextlib.suppress(AssertionError):  # the last zone has no file
        machines.sh("primary", text)
    with Repository.open(machines.top / "primary" / "repo", readonly=True) as repository:
        zones = {zone.zone: zone.records for zone in repository.zones()}
    assert (zones["one.test."], zones["two.test."]) == (3, 4)
    assert not {"three.test.", "four.test.", "."} & zones.keys()


METRICS = PAGE.read_text().partition("## What the metrics say\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("family", re.findall(r"^\| `(\w+)[`{]", METRICS, re.MULTILINE))
def test_every_metric_is_one(family: str) -> None:
    assert family in {**DESIGNED, **BEYOND}
