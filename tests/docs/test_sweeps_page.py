"""docs/sweeps.md names every column of `sweep.parquet` and every field of a sweep."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simcore.config.sweep import SweepConfig
from simcore.experiments.sweep_figures import METRICS, QUANTILE_METRICS
from simcore.experiments.sweep_table import COLUMNS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sweeps.md").read_text()
NAMED = set(re.findall(r"`(\w+)`", PAGE))


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_is_named(column: str) -> None:
    if column.endswith("_half_width"):
        assert "_half_width" in NAMED
        column = column.removesuffix("_half_width")
    if column.removeprefix("closed_form_") in METRICS:
        assert "closed_form_" in NAMED
        column = column.removeprefix("closed_form_")
    for quantile in ("_p95", "_p99"):
        if column.endswith(quantile):
            assert quantile in NAMED
            assert column.removesuffix(quantile) in QUANTILE_METRICS
            return
    assert column in NAMED


def test_no_column_is_named_that_is_not_there() -> None:
    table = PAGE.partition("| column | meaning |")[2].partition("## From Python")[0]
    firsts = [line.split("|")[1] for line in table.splitlines() if "|" in line]
    columns = {name for first in firsts for name in re.findall(r"`(\w+)`", first)}
    parts = {"_half_width", "closed_form_", "_p95", "_p99"}
    assert columns - parts <= set(COLUMNS)


@pytest.mark.parametrize("field", SweepConfig.model_fields)
def test_every_field_of_a_sweep_is_named(field: str) -> None:
    assert field in NAMED
