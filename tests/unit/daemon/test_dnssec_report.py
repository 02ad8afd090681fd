"""The gauges of signed zones: what is over is told, also by a publisher that took over from another one."""

from math import inf

from zonegit.daemon.dnssec_report import DnssecReport
from zonegit.ops.samples import Samples
from zonegit.repo.dnssec.status import DnssecStatus, Problem, Waiting

STATUS = DnssecStatus(
    "example.org.",
    1000,
    signed_since=900,
    first_end=5000,
    under_way="the rollover of the KSK",
    waiting=(Waiting("parent", "the parent", 400, None),),
    problems=(Problem("key-missing", "a key is missing"),),
)
CALM = STATUS._replace(waiting=(), problems=(), under_way="")


def series(samples: Samples) -> dict[tuple[str, ...], float]:
    return {(family.name, *labels): values[0] for family, labels, values in samples.read()}


def test_what_is_over_is_told() -> None:
    samples = Samples(memoryview(bytearray(4096)))
    report = DnssecReport(samples)
    report.zone(STATUS)
    expected = {
        ("dnssec_waiting_seconds", "example.org.", "parent"): 600.0,
        ("dnssec_problem", "example.org.", "key-missing"): 1.0,
        ("dnssec_signature_expires_timestamp_seconds", "example.org."): 5000.0,
    }
    assert series(samples) == expected
    report.zone(CALM)
    assert sorted(series(samples).values()) == [0.0, 0.0, 5000.0]
    report.zone(CALM._replace(signed_since=None, first_end=None))
    assert sorted(series(samples).values()) == [0.0, 0.0, inf]


def test_a_new_publisher_tells_what_is_over_since_the_last_one() -> None:
    area = memoryview(bytearray(4096))
    DnssecReport(Samples(area)).zone(STATUS)
    samples = Samples(area)
    DnssecReport(samples).zone(CALM)
    assert sorted(series(samples).values()) == [0.0, 0.0, 5000.0]
