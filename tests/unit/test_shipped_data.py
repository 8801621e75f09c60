"""Are the shipped hardware, models, acceptance and scenarios complete and usable?"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from simcore.config.acceptance import (
    BurstReplayAcceptance,
    HistogramAcceptance,
    PositionReplayAcceptance,
)
from simcore.config.load import (
    load_acceptance,
    load_hardware,
    load_model,
    load_scenario,
)
from simcore.program.burst import scenario_program
from simcore.program.outcomes import replay_lengths

ROOT = Path(__file__).resolve().parents[2]
HARDWARE = sorted((ROOT / "hardware").glob("*.yaml"))
LIBRARIES = sorted((ROOT / "hardware" / "libraries").glob("*.json"))
SCENARIOS = sorted((ROOT / "scenarios").glob("*.yaml"))
MODELS = sorted((ROOT / "scenarios" / "models").glob("*.yaml"))
ACCEPTANCE = sorted(
    path
    for path in (ROOT / "scenarios" / "acceptance").iterdir()
    if path.suffix in (".json", ".yaml")
)
STATUSES = {"measured", "published", "derived", "assumed"}


def stem(path: Path) -> str:
    return path.stem


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def unannotated(node: Any, path: str = "") -> Iterator[str]:
    """Paths of numbers without a legal status and a source."""
    if is_number(node):
        yield path
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from unannotated(item, f"{path}[{index}]")
    elif isinstance(node, dict) and "value" in node:
        legal = (
            set(node) == {"value", "status", "source"}
            and is_number(node["value"])
            and math.isfinite(node["value"])
            and node["status"] in STATUSES
            and isinstance(node["source"], str)
            and node["source"].strip()
        )
        if not legal:
            yield path
    elif isinstance(node, dict):
        for key, item in node.items():
            yield from unannotated(item, f"{path}.{key}".lstrip("."))


def count_annotated(node: Any) -> int:
    if isinstance(node, dict):
        return "value" in node or sum(count_annotated(item) for item in node.values())
    return 0


@pytest.mark.parametrize(
    "node",
    [
        {"a": 1},
        {"a": [1.5]},
        {"a": {"value": 1}},
        {"a": {"value": 1, "status": "guessed", "source": "x"}},
        {"a": {"value": 1, "status": "assumed", "source": " "}},
        {"a": {"value": "1", "status": "assumed", "source": "x"}},
    ],
)
def test_a_number_without_status_and_source_is_found(node: Any) -> None:
    assert [path[0] for path in unannotated(node)] == ["a"]


@pytest.mark.parametrize("path", HARDWARE, ids=stem)
def test_every_hardware_number_has_a_status_and_a_source(path: Path) -> None:
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert list(unannotated(tree)) == []
    assert count_annotated(tree) > 20


@pytest.mark.parametrize("path", HARDWARE, ids=stem)
def test_every_number_of_a_chip_file_keeps_its_provenance_when_loaded(
    path: Path,
) -> None:
    hardware = load_hardware(path)
    explicit = {name for name, where in hardware.origins.items() if where == "explicit"}
    assert len(explicit) > 50
    # The words among the numbers.
    words = {"soc.schedule", "memory.hbm.model", "memory.hbm.channel.preset"}
    assert explicit - set(hardware.provenance) <= words


@pytest.mark.parametrize("path", LIBRARIES, ids=stem)
def test_a_library_file_holds_one_library_that_says_what_it_is(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert list(content) == [path.stem]
    library = content[path.stem]
    assert "Status: " in library["_about"]
    assert {"adc", "dac", "array", "digital"} <= set(library)


@pytest.mark.parametrize("path", LIBRARIES, ids=stem)
def test_every_library_makes_a_chip(path: Path) -> None:
    library = json.loads(path.read_text(encoding="utf-8"))[path.stem]
    hardware = load_hardware(
        {
            "library": path.stem,
            "analog": {
                "xbar_size": 128,
                "num_columns_per_adc": 16,
                "dac_bits": 4,
                "adc": {"draft_bits": 4, "residual_bits": 12},
            },
        }
    )
    assert (
        hardware.components.adc_residual.energy_pj_per_conversion
        == (library["adc"]["12"]["energy_pj_per_conversion"])
    )


def test_reference_chip_has_the_numbers_of_its_specification() -> None:
    chip = load_hardware("residual-analog-22nm")
    parts, memory = chip.components, chip.memory
    assert memory is not None
    assert chip.analog.xbar_size == 128
    assert (
        chip.analog.draft_columns_per_adc,
        chip.analog.residual_columns_per_adc,
    ) == (
        16,
        32,
    )
    assert (chip.soc.draft_activation_bits, chip.soc.verify_activation_bits) == (8, 12)
    assert (chip.reuse_policy, chip.soc.schedule) == ("reread", "layer-pipelined")
    assert parts.adc_draft.energy_pj_per_conversion == 0.226
    assert parts.adc_draft.latency_ns_per_conversion == 1.0
    assert parts.adc_residual.energy_pj_per_conversion == 21.0
    assert parts.adc_residual.latency_ns_per_conversion == 10.0
    assert parts.array.energy_pj_per_activation == 0.0025
    # lanes at 1 GHz: 4096 attention, 256 softmax, 512 elementwise.
    lanes = {"attention_qk": 4096, "attention_softmax": 256, "norm": 512}
    for feature, count in lanes.items():
        assert parts.digital.feature(feature).latency_ns_per_op == 1 / count
    assert memory.hbm.read_bandwidth_GBps == pytest.approx(0.9 * 2 * 819)
    assert memory.hbm.read_energy_pj_per_byte == pytest.approx(28.7 + 8)
    assert memory.sram.capacity_bytes == 2 * 1024**2
    assert memory.sram.read_energy_pj_per_byte == 2.3
    assert memory.fabric.read_bandwidth_GBps == 2048


@pytest.mark.parametrize("path", MODELS, ids=stem)
def test_every_model_loads_under_its_own_name_and_names_its_source(path: Path) -> None:
    model = load_model(path.stem)
    assert model.name == path.stem
    assert model.source


@pytest.mark.parametrize("path", ACCEPTANCE, ids=stem)
def test_every_acceptance_loads_and_says_what_it_is(path: Path) -> None:
    acceptance = load_acceptance(path.stem)
    assert acceptance.source
    assert acceptance.label
    # Nothing shipped was measured on this chip's own drafts.
    assert acceptance.label.startswith(("proxy", "assumed", "made-up"))


@pytest.mark.parametrize("k", [4, 5])
def test_recorded_histogram_agrees_with_the_figures_its_source_quotes(k: int) -> None:
    acceptance = load_acceptance(f"eagle-gsm8k-k{k}")
    assert isinstance(acceptance, HistogramAcceptance)
    assert acceptance.k == k
    assert set(acceptance.histogram) == set(range(k + 1))
    bursts = math.fsum(acceptance.histogram.values())
    committed = math.fsum((a + 1) * n for a, n in acceptance.histogram.items())
    assert acceptance.source is not None
    assert f"{bursts:.0f} bursts" in acceptance.source
    assert f"{committed / bursts:.4f} committed tokens per burst" in acceptance.source


def test_replay_examples_show_the_whole_range_of_outcomes() -> None:
    bursts = load_acceptance("burst-replay-example")
    assert isinstance(bursts, BurstReplayAcceptance)
    assert {a for request in bursts.requests for a in request} == set(range(6))
    positions = load_acceptance("position-replay-example")
    assert isinstance(positions, PositionReplayAcceptance)
    assert min(min(request) for request in positions.requests) == 1


def drawn_positions(draws: random.Random) -> tuple[int, ...]:
    """One request of synthetic-k20, as its file says."""
    easy = draws.random() < 0.5
    agrees = []
    for _ in range(160 + 20):
        agrees.append(draws.random() < (0.8 if easy else 0.5))
        easy ^= draws.random() < 0.1
    return tuple(
        1 + next((n for n in range(20) if not agrees[position + n]), 20)
        for position in range(160)
    )


def test_the_synthetic_positions_are_drawn_as_their_file_says() -> None:
    positions = load_acceptance("synthetic-k20")
    assert isinstance(positions, PositionReplayAcceptance)
    draws = random.Random(1)
    assert positions.requests == tuple(drawn_positions(draws) for _ in range(16))


def test_the_synthetic_positions_commit_as_much_as_their_file_says() -> None:
    positions = load_acceptance("synthetic-k20")
    lengths = [a for r in range(16) for a in replay_lengths(positions, r, 5)]
    assert math.fsum(lengths) / len(lengths) + 1 == pytest.approx(2.65, abs=0.06)


@pytest.mark.parametrize("path", SCENARIOS, ids=stem)
def test_every_scenario_loads_by_name_and_by_path(path: Path) -> None:
    scenario = load_scenario(path.stem)
    assert scenario == load_scenario(path)
    assert scenario.name == path.stem
    assert scenario.description
    assert scenario.warnings == ()


def test_the_five_reference_scenarios_are_there() -> None:
    assert {path.stem for path in SCENARIOS} >= {
        "qwen3-1.7b-k5",
        "qwen3-1.7b-serialized",
        "llama-3.2-1b-k4",
        "llama-3.1-8b-k5",
        "tiny",
    }


def test_the_serialized_scenario_differs_only_in_schedule_and_size() -> None:
    pipelined = load_scenario("qwen3-1.7b-k5")
    serialized = load_scenario("qwen3-1.7b-serialized")
    assert (pipelined.schedule, serialized.schedule) == (
        "layer-pipelined",
        "serialized",
    )
    for part in ("model", "hardware", "acceptance", "accounting"):
        assert getattr(pipelined, part) == getattr(serialized, part)


@pytest.mark.parametrize("context_length", [16, 17, 24, 31])
def test_every_hold_of_the_tiny_scenario_is_a_whole_picosecond(
    context_length: int,
) -> None:
    table = scenario_program(load_scenario("tiny")).table
    base, per_token, per_committed = table.duration
    for committed in (1, 2, 3, 4):
        exact_ps = 1000 * (
            base + per_token * table.context(context_length) + per_committed * committed
        )
        assert np.array_equal(exact_ps, np.rint(exact_ps))
        assert exact_ps.max() > 0
