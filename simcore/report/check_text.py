"""What a scenario means once resolved, and what a run of it would cost."""

from __future__ import annotations

from typing import Any

from simcore.analysis.estimate import Estimate
from simcore.config.hardware import HardwareConfig
from simcore.config.memory import HbmConfig
from simcore.config.model import ModelConfig
from simcore.config.scenario import ScenarioConfig
from simcore.experiments.plan import RunPlan
from simcore.report.estimate_text import prediction_sections
from simcore.report.facts import (
    basis_section,
    notes_section,
    scenario_lines,
    warnings_section,
)
from simcore.report.layout import paragraph, sections
from simcore.report.numbers import count, counted, significant, size_bytes


def check_report(estimate: Estimate, plan: RunPlan) -> str:
    """Resolved values, size of a run, and the closed-form prediction.

    Parameters
    ----------
    estimate : Estimate
        Of the scenario.
    plan : RunPlan
        Of a run of it.
    """
    scenario = estimate.scenario
    data = estimate.to_dict()
    prediction = prediction_sections(data)
    return sections(
        [
            scenario_lines(scenario, f"seed {scenario.seed}", "nothing was run"),
            _resolved(scenario),
            paragraph(size_line(plan), indent="  ", first=""),
            f"Closed-form prediction\n{prediction[0]}",
            *prediction[1:],
            warnings_section(data["warnings"]),
            notes_section(data["notes"]),
            basis_section(data["accounting"], data["coverage"], scenario.hardware),
        ]
    )


def check_result(estimate: Estimate, plan: RunPlan) -> dict[str, Any]:
    """The same for machines: the whole resolved scenario."""
    return {
        "scenario": estimate.scenario,
        "size": {
            "requests": plan.replications,
            "bursts": plan.expected_bursts,
            "operations": plan.expected_bursts * plan.holds_per_burst,
            "trace": plan.trace,
            "event_rows": plan.expected_trace_rows,
            "bytes": plan.expected_trace_bytes,
            "memory_bytes": plan.expected_memory_bytes,
        },
        "estimate": estimate.to_dict(),
    }


def _resolved(scenario: ScenarioConfig) -> str:
    items = [
        f"model: {_model(scenario.model)}",
        f"hardware: {_hardware(scenario.hardware)}",
        f"verification {scenario.verification}, trace {scenario.trace}, "
        f"engine {scenario.engine}",
    ]
    return "\n".join(
        ["Resolved", *(paragraph(i, indent="    ", first="  ") for i in items)]
    )


def _model(model: ModelConfig) -> str:
    heads = f"{model.n_heads} heads ({model.n_kv_heads} KV) of {model.head_dim}"
    policy = model.draft_policy.default
    layers = len(model.draft_policy.per_layer)
    parts = [
        counted(model.n_layers, "layer"),
        f"d_model {count(model.d_model)}",
        heads,
        f"{model.ffn_type} d_ff {count(model.d_ff)}",
        f"vocabulary {'none' if model.vocab_size is None else count(model.vocab_size)}",
        f"{model.activation_bits}-bit activations",
        f"draft policy qkv {policy.qkv}, wo {policy.wo}, ffn {policy.ffn}"
        + (f", {counted(layers, 'layer')} of their own" if layers else ""),
    ]
    return ", ".join(parts)


def _hardware(hardware: HardwareConfig) -> str:
    analog, memory = hardware.analog, hardware.memory
    parts = ["costs per MAC"]
    if analog is not None:
        parts = [
            f"{analog.xbar_size} x {analog.xbar_size} arrays",
            f"{analog.dac_bits}-bit DAC",
            f"draft ADC {analog.adc.draft_bits} bits, {analog.draft_columns_per_adc} "
            "columns each",
            f"residual ADC {analog.adc.residual_bits} bits, "
            f"{analog.residual_columns_per_adc} columns each",
        ]
    parts.append(f"reuse policy {hardware.reuse_policy}")
    if hardware.library is not None:
        parts.append(f"library {hardware.library}")
    if memory is None:
        parts.append("no byte model of memories")
    else:
        hbm, fabric = memory.hbm.technology, memory.fabric
        parts.append(
            f"HBM {_hbm_model(memory.hbm)} {hbm.read_bandwidth_GBps:.4g} GB/s, fabric "
            f"{fabric.read_bandwidth_GBps:g} GB/s"
        )
    return ", ".join(parts)


def _hbm_model(hbm: HbmConfig) -> str:
    """`model channel (2 x HBM3, refresh all_bank)`."""
    channel = hbm.in_use
    if channel is None:
        return f"model {hbm.model}"
    stacks = f"{channel.stacks} x {channel.preset}"
    return f"model channel ({stacks}, refresh {channel.refresh})"


def size_line(plan: RunPlan) -> str:
    """How large a run will be: requests, bursts, events, disk and memory."""
    operations = round(plan.expected_bursts * plan.holds_per_burst)
    return (
        f"A run: {counted(plan.scenario.workload.requests, 'request')}, about "
        f"{significant(plan.expected_bursts)} bursts, {significant(operations)} "
        f"operations, {significant(plan.expected_trace_rows)} event rows "
        f"(trace: {plan.trace}), {size_bytes(plan.expected_trace_bytes)} on disk, "
        f"{size_bytes(plan.expected_memory_bytes)} of memory"
    )
