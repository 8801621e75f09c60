"""Rows of a sweep, one a point, and the same as typed columns."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from simcore.analysis.sweep_findings import pareto_points
from simcore.config.sweep import Method
from simcore.config.sweep_points import SweepPoint, value_text
from simcore.experiments.sweep_figures import (
    METRICS,
    QUANTILE_METRICS,
    QUANTILE_NAMES,
    Figures,
)

#: Version of the columns and of `sweep.json`.
SWEEP_SCHEMA_VERSION = "1.0"

_I64, _F64, _TEXT, _BOOL = pa.int64(), pa.float64(), pa.string(), pa.bool_()
_BASELINE = (
    "latency_ns_per_token",
    "energy_pj_per_token",
    "throughput_tokens_per_s",
    "tokens_per_joule",
    "burst_latency_ns",
)

#: Columns after the swept fields, with their types; all but the first few may be null.
COLUMNS: Mapping[str, Any] = {
    "config_sha256": _TEXT,
    "method": _TEXT,
    "schedule": _TEXT,
    "streams": _I64,
    "seed": _I64,
    "prompt_length": _I64,
    "max_tokens": _I64,
    "draft_length": _I64,
    "requests": _I64,
    "bursts": _I64,
    "tokens": _I64,
    **{name: _F64 for metric in METRICS for name in (metric, f"{metric}_half_width")},
    **{f"{name}_{q}": _F64 for name in QUANTILE_METRICS for q in QUANTILE_NAMES},
    "accepted_plus_one_per_burst": _F64,
    **{f"baseline_{name}": _F64 for name in _BASELINE},
    "speedup": _F64,
    "tokens_per_joule_ratio": _F64,
    "break_even_committed_tokens": _F64,
    "break_even_power_w": _F64,
    **{f"closed_form_{name}": _F64 for name in METRICS},
    "closed_form_speedup": _F64,
    "closed_form_tokens_per_joule_ratio": _F64,
    "closed_form_break_even_committed_tokens": _F64,
    "closed_form_follows": _BOOL,
    "area_mm2": _F64,
    "off_chip_hbm_mm2": _F64,
    "leakage_power_nw": _F64,
    "busiest_resource": _TEXT,
    "busiest_utilization": _F64,
    "checks_hold": _BOOL,
    "pareto": _BOOL,
}


def sweep_rows(
    points: Sequence[SweepPoint],
    fields: Sequence[str],
    method: Method,
    found: Sequence[tuple[str, Figures, Figures | None]],
) -> list[dict[str, Any]]:
    """One row for each point, in order.

    Parameters
    ----------
    points : sequence of SweepPoint
        What was worked out.
    fields : sequence of str
        Dotted fields that change.
    method : {"simulate", "estimate"}
        How.
    found : sequence of (str, dict, dict or None)
        For each point its configuration's hash, its figures, and those of its
        baseline when that was simulated.

    Returns
    -------
    list of dict
        `point`, the swept fields, and `COLUMNS`.
    """
    rows: list[dict[str, Any]] = []
    for point, (sha256, figures, baseline) in zip(points, found, strict=True):
        scenario = point.scenario
        everything = {
            "config_sha256": sha256,
            "method": method,
            "schedule": scenario.schedule,
            "streams": scenario.streams,
            "seed": scenario.seed,
            "prompt_length": scenario.workload.prompt_length,
            "max_tokens": scenario.workload.max_tokens,
            "draft_length": scenario.workload.draft_length,
            **figures,
            **_compared(figures, baseline, method),
        }
        rows.append(
            {
                "point": point.number,
                **{field: point.values.get(field) for field in fields},
                **{name: everything.get(name) for name in COLUMNS},
            }
        )
    for row, on_front in zip(rows, pareto_points(rows, fields), strict=True):
        row["pareto"] = on_front
    return rows


def _compared(
    figures: Figures, baseline: Figures | None, method: Method
) -> dict[str, float | None]:
    """Baseline, speed-up, efficiency and break-even of one row."""
    if method == "estimate":
        baseline = {name: figures[f"baseline_{name}"] for name in _BASELINE}
    elif baseline is None:
        baseline = dict.fromkeys(_BASELINE)
    return {
        **{f"baseline_{name}": baseline[name] for name in _BASELINE},
        "speedup": _ratio(
            baseline["latency_ns_per_token"], figures["latency_ns_per_token"]
        ),
        "tokens_per_joule_ratio": _ratio(
            figures["tokens_per_joule"], baseline["tokens_per_joule"]
        ),
        # By formula the steps without speculation are taken at the same contexts.
        "break_even_committed_tokens": (
            figures["closed_form_break_even_committed_tokens"]
            if method == "estimate"
            else _ratio(figures["burst_latency_ns"], baseline["burst_latency_ns"])
        ),
    }


def _ratio(value: float | None, by: float | None) -> float | None:
    return value / by if value is not None and by else None


def sweep_table(
    rows: Sequence[Mapping[str, Any]],
    fields: Sequence[str],
    metadata: Mapping[str, str] | None = None,
) -> pa.Table:
    """Rows as an Arrow table, the same for the same rows.

    Parameters
    ----------
    rows : sequence of mapping
        As `sweep_rows` makes them; at least one.
    fields : sequence of str
        Dotted fields that change.
    metadata : mapping of str to str, optional
        Of the schema.
    """
    types = {"point": _I64}
    types |= {field: _type_of([row[field] for row in rows]) for field in fields}
    types |= COLUMNS
    columns = {
        name: [_as_type(row[name], kind) for row in rows]
        for name, kind in types.items()
    }
    schema = pa.schema(
        [pa.field(name, kind) for name, kind in types.items()],
        metadata={"simcore.schema_version": SWEEP_SCHEMA_VERSION, **(metadata or {})},
    )
    arrays = [pa.array(columns[name], type=kind) for name, kind in types.items()]
    return pa.Table.from_arrays(arrays, schema=schema)


def csv_bytes(table: pa.Table) -> bytes:
    """The table as CSV with a header; what is not known is empty."""
    sink = io.BytesIO()
    pa_csv.write_csv(table, sink)
    return sink.getvalue()


def _type_of(values: Sequence[Any]) -> Any:
    """Narrowest type that holds every value; text where they are of several kinds."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return _BOOL
    if kinds == {int} and all(abs(v) < 2**63 for v in values if v is not None):
        return _I64
    if kinds and kinds <= {int, float}:
        return _F64
    return _TEXT


def _as_type(value: Any, kind: Any) -> Any:
    if value is None or kind not in (_F64, _TEXT):
        return value
    if kind == _F64:
        return float(value)
    return value if isinstance(value, str) else value_text(value)
