"""Reading dnsperf, slicing queries, and telling servers that answer something else."""

from pathlib import Path

import pytest
import udp
from material import sliced
from processes import MeasuringFailed, split_cores

TIMES_NSD = "\N{MULTIPLICATION SIGN} NSD"
TOLD = """\
DNS Performance Testing Tool
Version 2.10.0

Statistics:

  Queries sent:         1000
  Queries completed:    990 (99.00%)
  Queries lost:         10 (1.00%)

  Response codes:       NOERROR 700 (70.71%), NXDOMAIN 290 (29.29%)
  Average packet size:  request 35, response 77
  Run time (s):         1.000321
  Queries per second:   98968.253968
"""


def test_dnsperf_is_read() -> None:
    sample = udp.read_sample(TOLD)
    assert sample.rate == pytest.approx(98968.25, abs=0.01)
    assert sample.lost == 1.0
    assert sample.codes == {"NOERROR": 70.71, "NXDOMAIN": 29.29}


def test_output_without_statistics_is_an_error() -> None:
    with pytest.raises(MeasuringFailed, match="no statistics"):
        udp.read_sample("Error: unable to open input data file\n")


def test_a_cores_times_are_read() -> None:
    stat = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 10 1 20 300 40 5 6 7 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\n"
    assert udp.core_times(stat, "0") == (340, 389)
    assert udp.core_times(stat, None) == (18, 72)
    with pytest.raises(MeasuringFailed, match="cpu7"):
        udp.core_times(stat, "7")


def samples(rates: list[float], codes: dict[str, float]) -> list[udp.Sample]:
    return [udp.Sample(rate, 0.0, codes) for rate in rates]


def test_a_load_with_a_budget_becomes_a_ratio() -> None:
    codes = {"NOERROR": 100.0}
    taken = {
        "zonegit": samples([120, 125], codes),
        "NSD": samples([100, 100], codes),
        "BIND": samples([60, 62.5], codes),
    }
    figure = udp.figure("zipf", 1000, taken)
    assert (figure.value, figure.unit, figure.verdict) == (pytest.approx(1.225), TIMES_NSD, "met")
    assert figure.ratios == {"NSD": pytest.approx(1.225), "BIND": pytest.approx(2.0)}


def test_a_load_without_its_peer_is_a_rate() -> None:
    figure = udp.figure("wide", 1000, {"zonegit": samples([80, 90], {})})
    assert (figure.value, figure.unit, figure.budget) == (85, "q/s", None)


def test_other_answers_are_told() -> None:
    taken = {
        "zonegit": samples([1, 1], {"SERVFAIL": 100.0}),
        "NSD": samples([1, 1], {"NOERROR": 70.0, "NXDOMAIN": 30.0}),
        "Knot": samples([1, 1], {"NOERROR": 71.0, "NXDOMAIN": 29.0}),
    }
    (note,) = udp.disagreements("zipf", taken)
    assert "zonegit answered SERVFAIL 100.0 %" in note


@pytest.mark.parametrize(("lines", "parts"), [(1, [1]), (3, [3]), (7, [3, 3]), (6, [3, 3])])
def test_queries_are_cut_into_whole_slices(tmp_path: Path, lines: int, parts: list[int]) -> None:
    path = tmp_path / "q.wide"
    path.write_text("".join(f"h{number}.example.com A\n" for number in range(lines)))
    slices = sliced(path, 3)
    assert [len(each.read_text().splitlines()) for each in slices] == parts
    assert "".join(each.read_text() for each in slices) == "".join(path.read_text().splitlines(True)[: sum(parts)])


def test_the_server_gets_a_core_and_the_load_the_others() -> None:
    cores = split_cores([5, 2, 3])
    if cores.server is not None:  # None where taskset is missing
        assert (cores.server, cores.load, cores.load_count) == ("2", "3,5", 2)
    assert split_cores([0]).server is None
