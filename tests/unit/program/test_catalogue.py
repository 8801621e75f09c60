"""The catalogue of operations says what programs really hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import simcore.program
from simcore.config.load import load_scenario
from simcore.program.burst import scenario_program
from simcore.program.catalogue import OPERATIONS
from simcore.program.operation import Operation

FOLDER = Path(simcore.program.__file__).parent

MIXTURE = {
    "n_experts": 4,
    "experts_per_token": 2,
    "expert_d_ff": 128,
}
LATENT = {
    "kv_lora_rank": 64,
    "q_lora_rank": 48,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 16,
    "v_head_dim": 32,
}
#: Between them, scenarios that hold every operation.
VARIANTS: tuple[tuple[str, ...], ...] = (
    (),
    ("schedule=prefetch",),
    ("hardware.reuse_policy=reuse",),
    ("accounting.lm_head=dpu", "accounting.attention=sram_cim"),
    ("hardware.memory.kv_cache.sram.value_bytes_per_elem=2",),
    ("model.qk_norm=true",),
    tuple(f"model.moe.{name}={value}" for name, value in MIXTURE.items()),
    tuple(f"model.mla.{name}={value}" for name, value in LATENT.items()),
)
#: Words of a summary, and the kind of resource that they promise.
PLACES = {
    "on dpu": "dpu",
    "on attention": "attention",
    "on control": "control",
    "analog arrays": "A1",
    "to sram": "sram",
    "from hbm": "hbm",
    "to hbm": "hbm",
    "over the fabric": "fabric_write",
}


def programmed(changes: tuple[str, ...]) -> Iterator[Operation]:
    program = scenario_program(load_scenario("tiny", changes))
    steps = [layer for step in program.steps for layer in step.layers]
    for part in (program.setup, *steps, *program.commit):
        for legs in part.positions:
            yield from legs


@pytest.fixture(scope="module")
def found() -> dict[str, set[str]]:
    """Kinds of resource of every operation, over all variants."""
    resources: dict[str, set[str]] = {}
    for changes in VARIANTS:
        for operation in programmed(changes):
            resources.setdefault(operation.name, set()).update(operation.resources)
    return resources


def test_every_operation_is_listed_and_every_listed_one_occurs(found):
    assert set(found) - {"gate"} == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_runs_where_its_summary_says(found, name):
    summary = OPERATIONS[name].summary
    for words, resource in PLACES.items():
        if summary.endswith(words) or (words == "to sram" and words in summary):
            assert resource in found[name], (summary, found[name])


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_module_is_the_one_that_builds_it(name):
    text = (FOLDER / f"{OPERATIONS[name].module}.py").read_text(encoding="utf-8")
    # The draft store's two directions share one place.
    named = name.replace("_write", "_{direction}").replace("_read", "_{direction}")
    assert re.search(rf'"({name}|{re.escape(named)})"', text)
