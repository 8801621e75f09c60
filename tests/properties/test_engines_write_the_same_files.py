"""Both engines write the same run folder, to the byte."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from simcore.config.load import load_scenario
from simcore.config.shipped import shipped_files
from simcore.experiments.run import simulate

OVERLAP = (
    "schedule=overlap",
    "hardware.reuse_policy=reuse",
    "accounting.dac_banks=2",
)

CASES = {
    "alone": (),
    "serialized": ("schedule=serialized",),
    "prefetch": ("schedule=prefetch",),
    "overlap": OVERLAP,
    "overlap, shared": (*OVERLAP, "streams=2"),
    "stop at mismatch": ("verification=stop_at_mismatch",),
    "stop at mismatch, shared": ("verification=stop_at_mismatch", "streams=4"),
    "shared": ("streams=4",),
    "little SRAM": ("streams=4", "hardware.memory.sram.capacity_bytes=5000"),
    "arrivals": ("streams=4", "arrival.kind=poisson", "arrival.rate_per_s=20000"),
    "jitter": ("jitter_cv=0.3",),
    "jitter, shared": ("jitter_cv=0.3", "streams=2", "schedule=serialized"),
    "no drafts": ("workload.draft_length=0", "streams=2"),
    "a sample": ("trace=sample", "trace_requests=1", "shard_replications=2"),
}


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def both(tmp_path: Path, name: str, changes: tuple[str, ...], **more: int) -> None:
    found = {}
    for engine in ("simpy", "fast"):
        scenario = load_scenario(name, [*changes, f"engine={engine}"])
        run = simulate(scenario, out=tmp_path / engine, cross_check=False, **more)
        assert run.engine["name"] == engine
        found[engine] = hashes(tmp_path / engine)
    assert found["fast"] == found["simpy"]
    assert "bursts.parquet" in found["fast"]
    assert "events/part-00000.parquet" in found["fast"]


@pytest.mark.parametrize("case", CASES)
def test_the_toy_in_every_way(tmp_path: Path, case: str) -> None:
    both(tmp_path, "tiny", CASES[case])


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_files("scenario"))
@pytest.mark.parametrize("streams", [1, 2])
def test_every_shipped_scenario(tmp_path: Path, name: str, streams: int) -> None:
    changes = (f"streams={streams}", f"workload.requests={streams}", "trace=full")
    short = () if name == "tiny" else ("workload.max_tokens=8",)
    both(tmp_path, name, (*changes, *short))


def test_another_seed_gives_other_files(tmp_path: Path) -> None:
    for seed in (1, 2):
        simulate("tiny", seed=seed, out=tmp_path / str(seed), cross_check=False)
    first, second = (hashes(tmp_path / str(seed)) for seed in (1, 2))
    assert first["bursts.parquet"] != second["bursts.parquet"]
