"""Sweeps as written: ranges, points, and every problem told before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from simcore.config.load import config_sha256, load_scenario
from simcore.config.sweep import MAX_POINTS, SweepConfig, SweepRange
from simcore.config.sweep_points import load_sweep_points

Mapping = dict[str, Any]
Errors = Callable[..., list[str]]
Write = Callable[..., str]

K = "workload.draft_length"
PROMPT = "workload.prompt_length"


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ({"from": 0, "to": 8, "step": 2}, [0, 2, 4, 6, 8]),
        ({"from": 1, "to": 8, "step": 3}, [1, 4, 7]),
        ({"from": 64, "to": 512, "factor": 2}, [64, 128, 256, 512]),
        ({"from": 0.1, "to": 0.5, "step": 0.1}, [0.1, 0.2, 0.3, 0.4, 0.5]),
        ({"from": 1, "to": 10, "factor": 2.5}, [1.0, 2.5, 6.25]),
        ({"from": 5, "to": 5, "step": 1}, [5]),
        ({"from": -2, "to": 0, "step": 1}, [-2, -1, 0]),
    ],
)
def test_a_range_has_the_values_it_says(written: Mapping, values: list[float]) -> None:
    found = SweepRange.model_validate(written).values()
    assert found == values
    # A field of whole numbers takes no 64.0.
    assert [type(value) for value in found] == [type(value) for value in values]


def test_the_last_field_of_a_grid_changes_first() -> None:
    config = SweepConfig.model_validate(
        {"grid": {K: [3, 1], "schedule": ["serialized", "prefetch"]}}
    )
    assert config.n_points == 4
    assert config.fields == (K, "schedule")
    assert config.points() == (
        {K: 3, "schedule": "serialized"},
        {K: 3, "schedule": "prefetch"},
        {K: 1, "schedule": "serialized"},
        {K: 1, "schedule": "prefetch"},
    )


def test_points_of_a_list_may_set_different_fields() -> None:
    config = SweepConfig.model_validate({"list": [{K: 3}, {PROMPT: 64, K: 2}]})
    assert config.fields == (K, PROMPT)
    assert config.points() == ({K: 3}, {PROMPT: 64, K: 2})


@pytest.mark.parametrize(
    ("section", "lines"),
    [
        (
            {},
            [
                "sweep.grid: give either grid or list. For example grid: "
                "{workload.draft_length: [0, 2, 4]}.",
            ],
        ),
        (
            {"grid": {K: []}},
            [
                f"sweep.grid.{K}: got a list of 0 items; must be a mapping or a list "
                "of at least 1 entries.",
            ],
        ),
        (
            {"grid": {K: {"from": 4, "to": 2}}},
            [
                f"sweep.grid.{K}.step: give either step or factor. For example "
                "{from: 64, to: 4096, factor: 2}.",
                f"sweep.grid.{K}.to: got 2; must be >= from (4).",
            ],
        ),
        (
            {"grid": {K: {"from": 0, "to": 8, "factor": 1}}},
            [
                f"sweep.grid.{K}.factor: got 1; must be > 1. It would never end.",
                f"sweep.grid.{K}.from: got 0; must be > 0 with a factor.",
            ],
        ),
        (
            {"grid": {K: {"from": 0, "to": 8, "step": -1}}},
            [f"sweep.grid.{K}.step: got -1; must be > 0. It would never end."],
        ),
        (
            {"list": [{K: 1}, {"sweep.method": "estimate", "a..b": 1}]},
            [
                "sweep.list[1].sweep.method: a sweep cannot change itself.",
                "sweep.list[1].a..b: is no dotted field. For example "
                "workload.draft_length.",
            ],
        ),
        (
            {"grid": {K: [1]}, "requests": 2, "bursts": 3},
            ["sweep.bursts: give requests or bursts."],
        ),
        (
            {"grid": {"workload.requests": [1, 2]}, "requests": 2},
            [
                "sweep.grid.workload.requests: sweep.requests sets it for every "
                "point. Leave one of them out.",
            ],
        ),
        (
            {"grid": {K: [1]}, "method": "estimate", "bursts": 3, "baseline": False},
            [
                "sweep.bursts: got 3; must be absent with method 'estimate'. An "
                "estimate simulates nothing.",
                "sweep.baseline: got false; must be true or absent with method "
                "'estimate'. It costs nothing there.",
            ],
        ),
        (
            {"grid": {K: [1]}, "metod": "estimate"},
            ["sweep.metod: unknown field. Did you mean 'method'?"],
        ),
        (
            {"grid": {K: {"from": 1, "to": 100, "step": 1}, PROMPT: [1] * 101}},
            [
                "sweep.grid: got 10,100 points; must be at most 10,000. Take fewer "
                "values of a field, or several sweeps.",
            ],
        ),
        (
            {"grid": {"seed": {"from": 0, "to": 1e15, "step": 0.001}}},
            [
                "sweep.grid: got more than 10,000 points; must be at most 10,000. "
                "Take fewer values of a field, or several sweeps.",
            ],
        ),
    ],
)
def test_what_is_wrong_with_the_section_is_told(
    scenario: Mapping, errors: Errors, section: Mapping, lines: list[str]
) -> None:
    assert errors(load_scenario, {**scenario, "sweep": section}) == lines
    assert errors(load_sweep_points, {**scenario, "sweep": section}) == lines


def test_as_many_points_as_allowed_are_points(scenario: Mapping) -> None:
    seeds = {"seed": {"from": 1, "to": MAX_POINTS, "step": 1}}
    assert SweepConfig.model_validate({"grid": seeds}).n_points == MAX_POINTS


def test_a_sweep_changes_nothing_of_a_run_alone(scenario: Mapping) -> None:
    alone = load_scenario(scenario)
    swept = load_scenario({**scenario, "sweep": {"grid": {K: [0, 1]}}})
    assert swept == alone
    assert config_sha256(swept) == config_sha256(alone)


def test_every_point_is_the_scenario_with_its_overrides(scenario: Mapping) -> None:
    bits = "hardware.analog.adc.residual_bits"
    parallel = "accounting.tile_parallelism"
    grid = {K: [0, 5], bits: [4, 12], parallel: ["all", "matrix"]}
    loaded = load_sweep_points({**scenario, "sweep": {"grid": grid}})
    assert loaded.base == load_scenario(scenario)
    assert [point.number for point in loaded.points] == list(range(8))
    energies = set()
    for point in loaded.points:
        overrides = [f"{field}={value}" for field, value in point.values.items()]
        assert point.scenario == load_scenario(scenario, overrides)
        # The bits choose components of the library anew.
        adc = point.scenario.hardware.components.adc_residual
        energies.add(adc.energy_pj_per_conversion)
    assert energies == {0.25, 2.0}


def test_points_share_the_parts_that_are_equal(scenario: Mapping) -> None:
    bits = "hardware.analog.adc.residual_bits"
    grid = {bits: [4, 12], K: [0, 1, 2]}
    points = load_sweep_points({**scenario, "sweep": {"grid": grid}}).points
    assert len({id(point.scenario.model) for point in points}) == 1
    assert len({id(point.scenario.hardware) for point in points}) == 2


def test_a_part_and_a_value_in_it_may_both_be_swept(
    scenario: Mapping, write: Write
) -> None:
    write("h.yaml", yaml.safe_dump({**scenario["hardware"], "name": "from-a-file"}))
    grid = {"hardware.analog.adc.residual_bits": [4], "hardware": ["h.yaml"]}
    (point,) = load_sweep_points({**scenario, "sweep": {"grid": grid}}).points
    assert point.scenario.hardware.name == "from-a-file"
    assert point.scenario.hardware.analog.adc.residual_bits == 4


def test_paths_in_a_file_are_relative_to_it(scenario: Mapping, write: Write) -> None:
    write("parts/h.yaml", yaml.safe_dump(scenario["hardware"]))
    section = {"grid": {"hardware": ["h.yaml"]}}
    name = write("parts/s.yaml", yaml.safe_dump({**scenario, "sweep": section}))
    (point,) = load_sweep_points(name).points
    assert point.scenario.hardware == load_scenario(scenario).hardware
    here = {"grid": {"hardware": ["parts/h.yaml"]}}
    (point,) = load_sweep_points(name, settings=here).points
    assert point.scenario.hardware == load_scenario(scenario).hardware


def test_all_problems_of_all_points_are_told_at_once_where_they_stand(
    write: Write, scenario: Mapping, errors: Errors
) -> None:
    text = yaml.safe_dump(scenario, sort_keys=False)
    n_lines = len(text.splitlines())
    sweep = (
        "sweep:\n"
        "  grid:\n"
        "    workload.draft_length:\n"
        "      - 4\n"
        "      - 6\n"
        "    workload.prompt_length: [64, 128, 256, 512]\n"
        "    schedule: [serialized, serialised]\n"
        "    streams: [1, 0]\n"
    )
    name = write("s.yaml", text + sweep)
    found = errors(load_sweep_points, name)
    at = f"{name}:{n_lines + 5}"
    first = (
        "workload.draft_length=6, workload.prompt_length=64, schedule=serialized, "
        "streams=1"
    )
    assert found == [
        f"{at}: point 16 ({first}), 17, 18 and 13 more: workload.draft_length: got 6; "
        "must be at most 5, the k of the acceptance. Nothing is known beyond it; "
        "measure at a larger k.",
        f"{name}:{n_lines + 7}: point 2 (workload.draft_length=4, "
        "workload.prompt_length=64, schedule=serialised, streams=1), 3, 6 and 13 "
        "more: schedule: got 'serialised'; must be one of serialized, "
        "layer-pipelined, prefetch, overlap or null. Did you mean 'serialized'?",
        f"{name}:{n_lines + 8}: point 1 (workload.draft_length=4, "
        "workload.prompt_length=64, schedule=serialized, streams=0), 3, 5 and 13 "
        "more: streams: got 0; must be an integer between 1 and 100000.",
    ]


def test_what_is_wrong_at_every_point_says_so(
    scenario: Mapping, errors: Errors
) -> None:
    section = {"list": [{"workload.draft_lenth": 1}, {"workload.draft_lenth": 2}]}
    assert errors(load_sweep_points, scenario, settings=section, given_as="--grid") == [
        "--grid: all 2 points: workload.draft_lenth: unknown field. Did you mean "
        "'draft_length'?"
    ]


def test_the_scenario_must_be_right_by_itself(
    scenario: Mapping, errors: Errors
) -> None:
    scenario["seed"] = -1
    section = {"grid": {K: [99]}}
    assert errors(load_sweep_points, {**scenario, "sweep": section}) == [
        "seed: got -1; must be an integer between 0 and 9223372036854775807."
    ]


def test_without_a_sweep_the_hint_shows_one(scenario: Mapping, errors: Errors) -> None:
    assert errors(load_sweep_points, scenario) == [
        "sweep: missing. Add a sweep section or use --grid, for example --grid "
        "workload.draft_length=0:8."
    ]


def test_an_override_of_a_swept_field_is_refused(
    scenario: Mapping, errors: Errors
) -> None:
    scenario["sweep"] = {"grid": {"hardware.analog": ["x"], "seed": [1, 2]}}
    overrides = ["seed=3", "hardware.analog.dac_bits=4", f"{K}=1"]
    assert errors(load_sweep_points, scenario, overrides) == [
        "override: hardware.analog.dac_bits: the sweep sets it at every point. Leave "
        "the override out, or the field out of the sweep.",
        "override: seed: the sweep sets it at every point. Leave the override out, or "
        "the field out of the sweep.",
    ]


def test_settings_replace_what_they_exclude(scenario: Mapping) -> None:
    scenario["sweep"] = {"grid": {K: [0, 1]}, "bursts": 3, "baseline": False}

    def config(**settings: Any) -> SweepConfig:
        return load_sweep_points(scenario, settings=settings).config

    assert config(requests=2).bursts is None
    assert config(requests=2).requests == 2
    estimated = config(method="estimate")
    assert (estimated.bursts, estimated.baseline) == (None, True)
    listed = config(list=[{K: 2}])
    assert (listed.grid, listed.points()) == (None, ({K: 2},))
    assert config().bursts == 3


def test_settings_that_exclude_each_other_are_refused(
    scenario: Mapping, errors: Errors
) -> None:
    scenario["sweep"] = {"grid": {K: [0, 1]}}
    settings = {"method": "estimate", "requests": 2}
    assert errors(
        load_sweep_points, scenario, settings=settings, given_as="option"
    ) == [
        "option: sweep.requests: got 2; must be absent with method 'estimate'. An "
        "estimate simulates nothing."
    ]


def test_settings_that_cannot_be_read_are_problems(
    scenario: Mapping, errors: Errors
) -> None:
    grid = {K: [object()], "seed": [1, float("nan")]}
    found = errors(load_sweep_points, scenario, settings={"grid": grid})
    assert [line.partition(";")[0] for line in found] == [
        f"sweep: sweep.grid.{K}[0]: got object",
        "sweep: sweep.grid.seed[1]: got nan",
    ]


def test_a_resolved_scenario_can_be_swept_but_for_what_was_looked_up(
    scenario: Mapping, errors: Errors
) -> None:
    resolved = load_scenario(scenario)
    points = load_sweep_points(resolved, settings={"grid": {K: [0, 1, 2]}}).points
    assert [p.scenario.workload.draft_length for p in points] == [0, 1, 2]
    bits = {"grid": {"hardware.analog.adc.residual_bits": [4]}}
    assert errors(load_sweep_points, resolved, settings=bits) == [
        "sweep: point 0 (hardware.analog.adc.residual_bits=4): "
        "hardware.analog.adc.residual_bits: its components were looked up already. "
        "Override it on the scenario file instead."
    ]
