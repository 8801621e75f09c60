"""Do results show themselves in a notebook, without letting a name write HTML?"""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import simcore
from simcore.notebook import html_table, metric_rows

NASTY = "<script>alert('x')</script> & \"q\""


class Cells(HTMLParser):
    """Cells of the tables of a text; refuses what is not closed or not allowed."""

    ALLOWED = ("table", "caption", "thead", "tbody", "tr", "th", "td")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.caption = ""
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag in self.ALLOWED
        assert all(name == "style" for name, _ in attrs)
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1] == "caption":
            self.caption += data
        else:
            assert self.open[-1] in ("td", "th")
            self.rows[-1][-1] += data


def test_every_text_is_escaped() -> None:
    cells = Cells(html_table(NASTY, [NASTY], [[NASTY], [f"a{NASTY}\x00"]]))
    assert cells.caption == NASTY
    assert cells.rows == [[NASTY], [NASTY], [f"a{NASTY}?"]]
    assert len(html_table("c", ["h"], [["x" * 10_000]])) < 500


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12, "12"),
        (1_234_567, "1,234,567"),
        (0.0, "0"),
        (3741.94, "3,742"),
        (1_272_345.6, "1,272,000"),
        (0.81849, "0.8185"),
        (-2.5, "-2.500"),
        (999.96, "1,000.0"),
        (1.5e-9, "1.500e-09"),
        (2e20, "2.000e+20"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
        (True, "True"),
        (None, ""),
    ],
)
def test_numbers_have_four_digits(value: Any, text: str) -> None:
    assert Cells(html_table("", [], [[value]])).rows[1] == [text]


def test_metrics_are_numbers_or_have_an_interval() -> None:
    metrics = {"a_ns": {"value": 2.0, "half_width": None}, "b_pj": 3.0}
    assert metric_rows(metrics) == [("a_ns", 2.0, None), ("b_pj", 3.0, None)]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> simcore.RunResult:
    folder = tmp_path_factory.mktemp("runs") / "a&b<c>"
    scenario = simcore.load_scenario("tiny").model_copy(update={"name": NASTY})
    return simcore.simulate(scenario, out=folder)


def test_a_result_shows_its_metrics_and_checks(result: simcore.RunResult) -> None:
    cells = Cells(result._repr_html_())
    assert NASTY in cells.caption
    assert cells.caption.endswith(
        f"simulated 4 requests, 20 bursts; all {len(result.checks)} checks hold"
    )
    assert [row[0] for row in cells.rows[1:]] == list(result.metrics)
    latency = result.metrics["latency_ns_per_token"]
    assert cells.rows[1][1] == f"{latency['value']:,.0f}"


def test_a_result_names_the_checks_that_fail(result: simcore.RunResult) -> None:
    from dataclasses import replace

    first = result.checks[0]
    failed = replace(result, checks=[replace(first, holds=False), *result.checks[1:]])
    caption = Cells(failed._repr_html_()).caption
    assert caption.endswith(f"these checks fail: {first.name}")
    assert Cells(replace(result, checks=[])._repr_html_()).caption.endswith("unchecked")


def test_an_estimate_shows_its_metrics_and_the_verdict() -> None:
    estimate = simcore.estimate(
        "tiny", "toy-ideal", "alpha-0.85", 16, draft_length=3, max_tokens=16
    )
    cells = Cells(estimate._repr_html_())
    assert "closed form of tiny on toy-ideal" in cells.caption
    shown = dict(cells.rows[1:])
    assert list(shown)[: len(estimate.metrics)] == list(estimate.metrics)
    assert shown["speedup"] == f"{estimate.verdict.speedup:.4f}"


def test_a_trace_shows_its_tables(result: simcore.RunResult) -> None:
    assert result.path is not None
    trace = simcore.read_trace(Path(result.path))
    cells = Cells(trace._repr_html_())
    assert str(result.path) in cells.caption
    shown = dict(cells.rows[1:])
    assert shown["bursts.parquet"] == "20"
    assert shown["events, and the view wide"] == f"{trace.n_events:,}"
