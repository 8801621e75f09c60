"""The cross-check can fail: an engine that errs by 1 % anywhere is found and named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from simcore.analysis.check import Check
from simcore.analysis.composition import Composition
from simcore.analysis.crosscheck import conditional_row
from simcore.cli.app import execute
from simcore.config.load import load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.engine import burst_controller
from simcore.engine.simulate import simulate_replication
from simcore.experiments.validate import validate
from simcore.program.burst import scenario_program
from simcore.program.outcomes import BurstOutcome
from simcore.trace.recorder import NullRecorder

SMALL = (
    "workload.max_tokens=2",
    "workload.draft_length=1",
    "model.n_layers=1",
)

#: Overrides that together hold every kind of operation that takes time.
SCENARIOS: dict[str, tuple[str, ...]] = {
    "plain": SMALL,
    "serialized": (*SMALL, "schedule=serialized"),
    "others": (
        *SMALL,
        "accounting.attention=sram_cim",
        "accounting.lm_head=dpu",
        "accounting.tile_parallelism=all",
    ),
    # Refresh every 9 ns of a slow stack, so that every transfer meets some.
    "channel": (
        *SMALL,
        "hardware.memory.hbm.model=channel",
        "hardware.memory.hbm.channel.preset=HBM3",
        "hardware.memory.hbm.channel.burst_ns=50",
        "hardware.memory.hbm.channel.refresh_interval_ns=9",
        "hardware.memory.hbm.channel.refresh_stall_ns=3",
        "hardware.memory.hbm.channel.refresh_ns=2",
    ),
    # Speculative KV of 16 bits, the cache of 8.
    "formats": (
        *SMALL,
        "hardware.memory.kv_cache.sram.value_bytes_per_elem=2",
    ),
}


def scenario(name: str) -> ScenarioConfig:
    return load_scenario("tiny", SCENARIOS[name])


def kinds(name: str) -> list[str]:
    """Operations of the scenario that take time, gates left out."""
    table = scenario_program(scenario(name)).table
    return sorted(
        {op.name for op in table.operations if op.channel != "gate" and op.duration_ns}
    )


def planted() -> list[tuple[str, str]]:
    """Every operation of the first scenario, some of the second, the new of the others.

    Each is a (scenario, operation).
    """
    first = kinds("plain")
    return [
        *(("plain", kind) for kind in first),
        *(("serialized", kind) for kind in kinds("serialized")[::4]),
        *(("others", kind) for kind in kinds("others") if kind not in first),
        *(("channel", kind) for kind in ("kv_read", "kv_commit", "embedding_read")),
        *(("formats", kind) for kind in kinds("formats") if kind not in first),
    ]


def plant(monkeypatch: pytest.MonkeyPatch, kind: str, factor: float) -> None:
    """Let the engine hold every operation of `kind` `factor` times as long."""
    true_durations = burst_controller.hold_durations_ps

    def wrong(table: Any, *burst: Any) -> list[int]:
        return [
            round(ps * factor) if table.operations[op].name == kind else ps
            for op, ps in enumerate(true_durations(table, *burst))
        ]

    monkeypatch.setattr(burst_controller, "hold_durations_ps", wrong)


def named(checks: list[Check]) -> str:
    (check,) = [c for c in checks if c.name == "operations_held_as_long_as_their_cost"]
    assert not check.holds
    return check.detail


@pytest.mark.parametrize("name", SCENARIOS)
def test_without_an_error_everything_holds(name: str) -> None:
    report = validate(scenario(name))
    assert report.holds, [str(check) for check in report.checks if not check.holds]
    assert all(row.difference_ps == 0 for row in report.conditional)


@pytest.mark.parametrize(("name", "kind"), planted())
def test_one_percent_more_in_one_kind_of_operation_is_found_and_named(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, kind, 1.01)
    report = validate(scenario(name))
    assert not report.holds
    accused = {text.partition(" (")[0] for text in named(report.checks).split("; ")}
    assert accused == {kind}
    assert not all(row.holds for row in report.conditional)


def test_planted_kinds_are_the_catalogue() -> None:
    assert {kind for _, kind in planted()} == {
        "embedding_read",
        "norm",
        "quantize",
        "qkv",
        "accumulate",
        "dequantize",
        "qk_norm",
        "rope",
        "kv_pack",
        "kv_write",
        "kv_read",
        "kv_unpack",
        "kv_dequantize",
        "kv_load",
        "attention_qk",
        "attention_softmax",
        "attention_pv",
        "wo",
        "residual_add",
        "gate_up",
        "down",
        "gate_up_down",
        "ffn_activation",
        "ffn_gate_multiply",
        "control",
        "hop",
        "final_norm",
        "lm_head",
        "lm_head_weights",
        "sampling",
        "control_burst",
        "verify_setup",
        "kv_commit",
        "kv_convert",
    }


def test_one_percent_less_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "kv_read", 0.99)
    report = validate(scenario("plain"))
    assert "kv_read (draft): " in named(report.checks)
    assert all(row.difference_ps < 0 for row in report.conditional)


def test_an_engine_that_forgets_refresh_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    true_durations = burst_controller.hold_durations_ps

    def wrong(table: Any, outcome: Any, *rest: Any) -> list[int]:
        durations = true_durations(table, outcome, *rest)
        context = table.context(outcome.context_length).tolist()
        for op, operation in enumerate(table.operations):
            if operation.stall is not None and operation.name == "kv_read":
                durations[op] = round(operation.duration_ns.at(context[op]) * 1000)
        return durations

    monkeypatch.setattr(burst_controller, "hold_durations_ps", wrong)
    report = validate(scenario("channel"))
    assert not report.holds
    accused = {text.partition(" (")[0] for text in named(report.checks).split("; ")}
    assert accused == {"kv_read"}
    assert all(row.difference_ps < 0 for row in report.conditional)


def test_validate_exits_with_3_and_names_the_operation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(monkeypatch, "attention_pv", 1.01)
    assert execute(["validate", "tiny"]) == 3
    printed = capsys.readouterr().out
    assert "attention_pv (draft): " in printed
    assert "attention_qk (" not in printed


def test_an_operation_that_does_not_wait_is_found() -> None:
    program = scenario_program(scenario("plain"))
    outcome = BurstOutcome(16, 1, 2)
    right = program.table
    # The first verify read starts with the burst instead of after the draft.
    early = right.phase.index("verify_drafted")
    before = list(right.predecessors)
    before[early] = ()
    after = [tuple(s for s in ops if s != early) for ops in right.successors]
    program.__dict__["table"] = replace(
        right, predecessors=tuple(before), successors=tuple(after)
    )
    (times,) = simulate_replication(program, {0: [outcome]}, NullRecorder())
    row = conditional_row(Composition(program), outcome, times.end_ps - times.start_ps)
    assert row.difference_ps < 0
    assert not row.holds
