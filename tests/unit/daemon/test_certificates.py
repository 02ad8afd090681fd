"""When certificates end: what the metrics and the log say of it, at a start, at a reload and day after day."""

import logging
import math
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tlskit import Authority
from zonegit.daemon.certificates import AGAIN, CertificateEnds
from zonegit.ops.address import Address
from zonegit.ops.config import Config, DnsConfig, PrimaryConfig, ReplicationConfig
from zonegit.ops.samples import Samples

DAY = 86_400


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def samples() -> Samples:
    return Samples(memoryview(bytearray(8192)))


def told(samples: Samples) -> dict[str, float]:
    return {
        labels[0]: values[0]
        for family, labels, values in samples.read()
        if family.name == "tls_certificate_not_after_timestamp_seconds"
    }


def config_of(tmp_path: Path, ca: Authority, days: float) -> Config:
    dns, server, client = (ca.issue(name, timedelta(days=days)) for name in ("dns", "server", "client"))
    return Config(
        tmp_path,
        dns=DnsConfig(tls_cert=dns.cert, tls_key=dns.key),
        replication=ReplicationConfig(Address("127.0.0.1", 0), "p", tls_cert=server.cert, tls_key=server.key),
        primary=PrimaryConfig("https://127.0.0.1", "p", client_cert=client.cert, client_key=client.key),
    )


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    caplog.clear()
    return found


def test_each_of_them_is_told_and_those_that_end_soon_are_logged(tmp_path: Path, samples: Samples, caplog) -> None:
    clock = Clock()
    ends = CertificateEnds(samples, clock)
    config = config_of(tmp_path, Authority(tmp_path), 20)
    ends.publish(config)
    assert set(told(samples)) == {"dns", "replication", "primary"}
    assert all(abs(end - clock.now - 20 * DAY) < 3600 for end in told(samples).values())
    assert warnings(caplog) == []
    assert ends.wait is not None and 0 < ends.wait <= AGAIN
    clock.now += 7 * DAY
    ends.turn()
    found = warnings(caplog)
    assert len(found) == 3
    assert any("a certificate expires soon role=replication" in line and "server.pem" in line for line in found)
    ends.turn()
    assert warnings(caplog) == [], "once a day"
    clock.now += 14 * DAY
    assert ends.wait == 0
    ends.turn()
    assert all("has expired" in line for line in warnings(caplog))


def test_a_clock_that_was_ahead_and_is_set_right_delays_no_warning(
    tmp_path: Path, samples: Samples, caplog
) -> None:
    clock = Clock()
    clock.now += 300 * DAY
    ends = CertificateEnds(samples, clock)
    ends.publish(config_of(tmp_path, Authority(tmp_path), 3))
    assert len(warnings(caplog)) == 3
    clock.now -= 300 * DAY
    ends.turn()
    assert len(warnings(caplog)) == 3
    ends.turn()
    assert warnings(caplog) == []


def test_a_renewed_one_and_one_that_is_no_longer_named(tmp_path: Path, samples: Samples, caplog) -> None:
    ca = Authority(tmp_path)
    ends = CertificateEnds(samples, Clock())
    config = config_of(tmp_path, ca, 3)
    ends.publish(config)
    assert len(warnings(caplog)) == 3
    ca.issue("server", timedelta(days=300))
    ends.publish(replace(config, primary=None))
    assert len(warnings(caplog)) == 1, "that of dns is as it was"
    assert told(samples)["replication"] > time.time() + 299 * DAY
    assert told(samples)["primary"] == math.inf


def test_without_certificates_there_is_nothing_to_do(tmp_path: Path, samples: Samples) -> None:
    ends = CertificateEnds(samples)
    ends.publish(Config(tmp_path))
    ends.turn()
    assert ends.wait is None
    assert told(samples) == {}


def test_a_file_that_vanished_leaves_what_was_known(tmp_path: Path, samples: Samples) -> None:
    clock = Clock()
    ends = CertificateEnds(samples, clock)
    config = config_of(tmp_path, Authority(tmp_path), 20)
    ends.publish(config)
    before = told(samples)
    assert config.dns.tls_cert is not None
    config.dns.tls_cert.unlink()
    clock.now += DAY
    ends.turn()
    assert told(samples) == before
