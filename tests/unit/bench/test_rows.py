"""What the scripts read and make: latencies, a changed zone, questions for differences, memory."""

import os
from pathlib import Path

import ixfr
import latency
import memory
import pytest
from dns_client import query
from figures import at_most
from material import ZoneFile
from processes import MeasuringFailed, family, worked

ZONE = """\
@ 3600 IN SOA ns1 hostmaster 7 7200 900 1209600 300
@ 3600 IN NS ns1
ns1 300 IN A 192.0.2.1
www 300 IN A 192.0.2.10
two 300 IN A 192.0.2.11
two 300 IN AAAA 2001:db8::1
"""


def test_latencies_are_what_dnsperf_prints_of_each_query() -> None:
    told = "> NOERROR www.example A 0.000120\n> NXDOMAIN no.example A 0.002000\nQueries sent: 2\n"
    assert latency.read_latencies(told) == [pytest.approx(120), pytest.approx(2000)]


def test_the_percentile_is_that_of_each_sample() -> None:
    figure = latency.figure(5, {"zonegit": [[1.0, 3.0], [2.0, 6.0]], "Knot": [[1.0, 2.0], [1.0, 4.0]]})
    assert (figure.value, figure.budget, figure.verdict) == (1.5, at_most(2), "met")


def test_only_names_with_one_address_are_changed(tmp_path: Path) -> None:
    path = tmp_path / "a.zone"
    path.write_text(ZONE)
    zone = ZoneFile(path, "example.", 7, 6)
    found = ixfr.changed(zone, 2, tmp_path / "b.zone")
    before, after = ZONE.splitlines(), found.path.read_text().splitlines()
    assert found.serial == 8
    assert [at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new] == [0, 2, 3]
    with pytest.raises(MeasuringFailed, match="fewer than 3"):
        ixfr.changed(zone, 3, tmp_path / "c.zone")


def test_a_question_for_differences_holds_the_serial() -> None:
    asked = ixfr.ixfr_query("example.", 7)
    plain = query("example.", 251)
    assert asked[12 : len(plain)] == plain[12:]
    assert asked[8:10] == b"\0\1"
    assert asked[len(plain) :] == b"\xc0\x0c\0\6\0\1\0\0\0\0\0\x16\0\0\0\0\0\7" + bytes(16)


def test_memory_and_work_of_a_process() -> None:
    whole, anonymous = memory.private(os.getpid())
    assert whole > 0
    assert anonymous > 0
    assert next(family(os.getpid())) == os.getpid()
    assert worked(os.getpid()) > 0
