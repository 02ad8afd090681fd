"""Medians, percentiles, budgets and how they are written."""

import pytest
from figures import Figure, at_least, at_most, budget_text, median_ratio, number_text, percentile
from report import figure_row, text_table

TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.mark.parametrize(("percent", "expected"), [(1, 1), (50, 5), (90, 9), (91, 10), (100, 10)])
def test_a_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], percent) == expected


def test_a_ratio_is_taken_within_each_turn() -> None:
    slow_moment = 0.1
    ours, theirs = [200, 200 * slow_moment, 220], [100, 100 * slow_moment, 100]
    assert median_ratio(ours, theirs) == pytest.approx(2)


def test_turns_have_to_match() -> None:
    with pytest.raises(ValueError, match="shorter"):
        median_ratio([1, 2], [1])


@pytest.mark.parametrize(
    ("budget", "value", "verdict"),
    [
        (at_most(2), 2.0, "met"),
        (at_most(2), 2.1, "missed"),
        (at_least(2), 2.0, "met"),
        (at_least(2), 1.9, "missed"),
        (None, 5.0, ""),
    ],
)
def test_a_budget_holds_on_one_side(budget, value, verdict) -> None:
    assert Figure("it", value, "ms", budget).verdict == verdict


@pytest.mark.parametrize(
    ("value", "text"), [(123456.7, "123,457"), (12.34, "12.3"), (1.234, "1.23"), (0.01234, "0.012"), (0, "0.000")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number_text(value) == text


def test_budgets_are_written_with_their_side() -> None:
    assert budget_text(at_most(2), "ms") == "≤ 2 ms"
    assert budget_text(at_least(60000), "objects/s") == "≥ 60,000 objects/s"


def test_a_row_tells_figure_budget_ratios_and_verdict() -> None:
    figure = Figure("rate", 0.875, f"{TIMES} NSD", at_least(0.5), {"NSD": 0.875, "BIND": 2.5}, "kernel 60 %")
    assert figure_row(figure) == [
        "rate",
        f"0.88 {TIMES} NSD",
        f"≥ 0.5 {TIMES} NSD",
        f"0.88 {TIMES} NSD, 2.50 {TIMES} BIND",
        "kernel 60 %",
        "met",
    ]


def test_tables_are_aligned() -> None:
    assert text_table(["name", "ms"], [["a", "1"], ["longer", "100"]]) == (
        "name     ms\n------  ---\na         1\nlonger  100"
    )
