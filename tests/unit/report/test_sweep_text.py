"""The text of a sweep: what its tables must not lose."""

from __future__ import annotations

from simcore import sweep
from simcore.report.sweep_text import sweep_report

CONTROL = "hardware.soc.control"


def test_fields_that_begin_alike_have_a_column_each():
    result = sweep(
        "qwen3-1.7b-k5",
        method="estimate",
        grid={
            f"{CONTROL}.latency_ns_per_token": [1.0, 2.0],
            f"{CONTROL}.latency_ns_per_burst": [3.0, 4.0],
        },
    )
    lines = sweep_report(result).splitlines()
    start = lines.index("Points (time and energy per token; * on the Pareto front)")
    header, *points = (line.split() for line in lines[start + 1 : start + 6])
    assert header[:4] == ["#", "latenc...r_token", "latenc...r_burst", "time"]
    assert [point[1:3] for point in points] == [
        ["1.0", "3.0"], ["1.0", "4.0"], ["2.0", "3.0"], ["2.0", "4.0"],
    ]  # fmt: skip
