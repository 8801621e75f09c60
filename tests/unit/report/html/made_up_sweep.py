"""Folders of sweeps with figures by formula, in the format of `simcore sweep`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from simcore.config.load import load_scenario

K, PROMPT = "workload.draft_length", "workload.prompt_length"
NUMBERS = (
    "latency_ns_per_token", "latency_ns_per_token_half_width", "energy_pj_per_token",
    "tokens_per_joule", "baseline_latency_ns_per_token", "baseline_tokens_per_joule",
    "speedup", "tokens_per_joule_ratio", "break_even_committed_tokens",
    "accepted_plus_one_per_burst", "area_mm2",
)  # fmt: skip


def figures(k: int, prompt: int, *, simulated: bool) -> dict[str, Any]:
    """K = 1 is best up to a prompt of 300 tokens, K = 0 beyond it."""
    base = 1000.0 + prompt
    latency = base if k == 0 else base * (0.7 + 0.001 * prompt + 0.2 * (k - 1))
    per_joule = 1e6 / (1 + k)
    return {
        "latency_ns_per_token": latency,
        "latency_ns_per_token_half_width": latency / 10 if simulated else None,
        "energy_pj_per_token": 1e12 / per_joule,
        "tokens_per_joule": per_joule,
        "baseline_latency_ns_per_token": base,
        "baseline_tokens_per_joule": 1e6,
        "speedup": base / latency,
        "tokens_per_joule_ratio": per_joule / 1e6,
        "break_even_committed_tokens": 1.0 + k,
        "accepted_plus_one_per_burst": 1.0 + k / 2,
        "area_mm2": 100.0,
    }


def row(
    number: int,
    values: Mapping[str, Any],
    *,
    simulated: bool = False,
    **changes: Any,
) -> dict[str, Any]:
    k, prompt = values.get(K, 1), values.get(PROMPT, 64)
    return {
        "point": number,
        **values,
        "method": "simulate" if simulated else "estimate",
        "draft_length": k,
        "prompt_length": prompt,
        **figures(k, prompt, simulated=simulated),
        "checks_hold": True if simulated else None,
        "pareto": k < 2,
        **changes,
    }


def k_by_prompt(**options: Any) -> list[dict[str, Any]]:
    """K = 0, 1, 2 by prompts of 64, 256 and 1024 tokens."""
    points = [(k, prompt) for k in (0, 1, 2) for prompt in (64, 256, 1024)]
    return [row(i, {K: k, PROMPT: p}, **options) for i, (k, p) in enumerate(points)]


FINDINGS = {
    "best_draft_lengths": [
        {
            "values": {PROMPT: prompt},
            "prompt_length": prompt,
            "draft_length_by_throughput": best,
            "draft_length_by_tokens_per_joule": 0,
            "speedup": speedup,
        }
        for prompt, best, speedup in ((64, 1, 1.309), (256, 1, 1.046), (1024, 0, 1.0))
    ],
    "break_even": [
        {
            "values": {K: 1},
            "draft_length": 1,
            "faster_up_to": 256,
            "slower_from": 1024,
            "equal_at": 300.0,
            "tokens_per_joule_from": None,
        }
    ],
}


def made_up_sweep(
    folder: Path,
    rows: Sequence[Mapping[str, Any]],
    *,
    fields: Sequence[str] = (K, PROMPT),
    findings: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """Write a folder; `changes` are made to its manifest."""
    folder.mkdir(parents=True)
    types = {name: pa.float64() for name in NUMBERS}
    types |= {"checks_hold": pa.bool_(), "pareto": pa.bool_()}
    arrays = {
        name: pa.array([r[name] for r in rows], type=types.get(name))
        for name in rows[0]
    }
    pq.write_table(pa.table(arrays), folder / "sweep.parquet")
    content = (folder / "sweep.parquet").read_bytes()
    scenario = load_scenario("tiny")
    manifest = {
        "schema_version": "1.0",
        "state": "complete",
        "scenario": "tiny",
        "seed": 1,
        "config": scenario.model_dump(mode="json"),
        "config_sha256": "c0" * 32,
        "sweep_sha256": "5e" * 32,
        "sweep": {"grid": {field: [r[field] for r in rows] for field in fields}},
        "fields": list(fields),
        "findings": findings or {"best_draft_lengths": [], "break_even": []},
        "warnings": [],
        "versions": {"simcore": "0"},
        "files": {"sweep.parquet": {"sha256": hashlib.sha256(content).hexdigest()}},
        **changes,
    }
    (folder / "sweep.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder
