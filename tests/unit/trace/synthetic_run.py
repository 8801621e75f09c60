"""A small made-up program and runs of it, for the tests of the run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from simcore.trace.schema import BURSTS_SCHEMA, PROGRAM_ENERGY_SCHEMA, REQUESTS_SCHEMA
from simcore.trace.writer import RunWriter

METADATA = {"simcore.config_sha256": "c0ffee", "simcore.seed": "7"}

#: op_id, phase, step, layer, operation, stage, resources, channel, status, cap.
OPERATIONS: list[tuple[Any, ...]] = [
    (0, "draft", 0, 0, "qkv", "qkv", ("A1[0]",), "compute", "modeled", None),
    (1, "draft", 0, 0, "kv_read", "kv_cache", ("hbm",), "movement", "modeled", 102),
    (2, "draft", 1, 0, "qkv", "qkv", ("A1[0]", "A2[0]"), "compute", "modeled", None),
    (3, "verify_drafted", 0, 10, "norm", "elementwise", ("dpu[10]",), "compute",
     "proxy", None),
    (4, "verify_bonus", 1, 2, "wo", "wo", ("A2[2]", "A1[2]", "layer[2]"), "compute",
     "modeled", None),
    (5, "commit", None, None, "kv_commit", "kv_cache", ("hbm",), "movement",
     "modeled", None),
]  # fmt: skip
N_OPERATIONS = len(OPERATIONS)
ROW_OP = np.array([op[0] for op in OPERATIONS for _ in op[6]], dtype=np.int32)
ROW_INDEX = np.array([i for op in OPERATIONS for i in range(len(op[6]))], dtype=np.int8)


def program_columns() -> dict[str, Any]:
    rows = [(op, index) for op in OPERATIONS for index in range(len(op[6]))]

    def cost(scale: float) -> list[float]:
        return [scale * (op[0] + 1) if index == 0 else 0.0 for op, index in rows]

    columns: dict[str, Any] = {
        "op_id": ROW_OP,
        "resource_index": ROW_INDEX,
        "phase": [op[1] for op, _ in rows],
        "step": [op[2] for op, _ in rows],
        "layer": [op[3] for op, _ in rows],
        "operation": [op[4] for op, _ in rows],
        "position": [op[0] for op, _ in rows],
        "stage": [op[5] for op, _ in rows],
        "resource": [op[6][index] for op, index in rows],
        "channel": [op[7] for op, _ in rows],
        "status": [op[8] for op, _ in rows],
        "owner": [op[6][0] for op, _ in rows],
        "predecessors": [[op[0] - 1] if op[0] else [] for op, _ in rows],
        "context_cap": [op[9] for op, _ in rows],
        "stall_period_ps": [None] * len(rows),
        "stall_ps": [None] * len(rows),
    }
    for scale, kind in (
        (1.0, "duration_ns"),
        (8.0, "read_bytes"),
        (3.0, "write_bytes"),
    ):
        columns[f"{kind}_base"] = cost(scale)
        columns[f"{kind}_per_token"] = cost(scale / 2)
        columns[f"{kind}_per_committed"] = cost(scale / 4)
    return columns


def energy_columns() -> dict[str, Any]:
    rows = [
        (op, component) for op in range(N_OPERATIONS) for component in ("adc", "dac")
    ]
    values: dict[str, Any] = {
        "op_id": [op for op, _ in rows],
        "component": [component for _, component in rows],
    }
    for name, scale in (("base", 0.1), ("per_token", 0.01), ("per_committed", 0.7)):
        values[f"energy_pj_{name}"] = [
            scale * (op + 1) * (2 if component == "adc" else 1)
            for op, component in rows
        ]
    values["energy_pj_per_activate"] = [
        5.0 if op == 1 and component == "adc" else 0.0 for op, component in rows
    ]
    assert set(values) == set(PROGRAM_ENERGY_SCHEMA.names)
    return values


def holds(
    seed: tuple[int, ...], origin_ps: int = 0, n_operations: int = N_OPERATIONS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ready, start and duration of one burst, one operation after another."""
    rng = np.random.default_rng(seed)
    duration = rng.integers(0, 5, n_operations) * 1001
    wait = rng.integers(0, 3, n_operations) * 7
    end = origin_ps + np.cumsum(duration + wait)
    start = end - duration
    return start - wait, start, duration


def burst_row(
    replication: int, request: int, burst: int, **values: Any
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(BURSTS_SCHEMA.names, 0)
    row.update(replication=replication, request=request, burst=burst)
    row.update(k=5, accepted=burst % 3, committed=burst % 3 + 1, energy_pj=1.25)
    row.update(context_length=100 + burst)
    row.update(values)
    return row


def request_row(replication: int, request: int) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(REQUESTS_SCHEMA.names, 0)
    row.update(replication=replication, request=request, ttft_ps=None, energy_pj=2.5)
    row.update(commit_gap_ps=[10, 20])
    return row


def write_run(
    out: Path,
    *,
    replications: int = 3,
    bursts: int = 4,
    per_part: int = 2,
    flush: bool = True,
    activates: bool = False,
    force: bool = False,
    write_events: bool = True,
    run: dict[str, Any] | None = None,
) -> None:
    """Write a run of one request per replication through the public writer."""
    with RunWriter(
        out,
        force=force,
        metadata=METADATA,
        replications_per_part=per_part,
        write_events=write_events,
    ) as writer:
        writer.write_program(program_columns(), energy_columns())
        writer.events(ROW_OP, ROW_INDEX)
        for replication in range(replications):
            origin_ps = 0
            for burst in range(bursts):
                ready, start, duration = holds((replication, burst), origin_ps)
                counts = np.arange(N_OPERATIONS, dtype=np.int32) if activates else None
                writer.record_burst(
                    replication, replication, burst, ready, start, duration, counts
                )
                end_ps = int((start + duration).max())
                if flush:
                    writer.flush_before(end_ps)
                writer.add_burst_row(
                    **burst_row(
                        replication,
                        replication,
                        burst,
                        start_ps=origin_ps,
                        end_ps=end_ps,
                    )
                )
                origin_ps = end_ps
            writer.end_replication(replication)
            writer.add_request_row(**request_row(replication, replication))
        writer.finish(
            {"seed": 7, "host": "nowhere"} if run is None else run, {"x": 1.5}
        )


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by relative name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows_of(table: pa.Table, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))
