"""What each part of a configuration has an effect on, and which module reads it.

Said once for a section; the entry with the longest path counts.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldUse:
    """What a field changes.

    Attributes
    ----------
    effect : str
        In words.
    modules : tuple of str
        Where the code is, relative to the package.
    """

    effect: str
    modules: tuple[str, ...]


def _use(effect: str, *modules: str) -> FieldUse:
    return FieldUse(effect, modules)


_NAMING = _use("names and notes in reports", "report/facts.py")
_ANALOG = _use(
    "time and energy of the analog reads (resources A1, A2, dac)", "program/analog.py"
)
_DIGITAL = _use(
    "time and energy of the digital operations (resources dpu and attention)",
    "program/digital.py",
)
_MOVEMENT = _use(
    "time and energy of bytes moved: KV reads, writes and commits",
    "program/movement.py",
)
_KV = _use("bytes of KV per token and layer", "program/shape.py", "program/movement.py")
_SHAPE = _use(
    "how many operations, elements and bytes a step has",
    "program/shape.py",
    "program/layer.py",
)
_LEAKAGE = _use("leakage energy: power x time it is on", "analysis/leakage.py")
_AREA = _use("chip area; neither time nor energy", "analysis/area.py")
_LIBRARY = _use(
    "the numbers of the chip, where its file gives none",
    "config/hardware_resolution.py",
)
_ACCEPTED = _use("accepted drafts of every burst", "program/outcomes.py")

#: By the beginning of the path; the longest one counts.
_BY_PATH: dict[str, FieldUse] = {
    "": _use("the whole run", "experiments/run.py"),
    "name": _use("the name in reports and of the run folder", "report/facts.py"),
    "description": _NAMING,
    "load_warnings": _NAMING,
    "sweep": _use(
        "the points of `simcore sweep`; nothing of a run alone",
        "config/sweep.py",
        "experiments/sweep.py",
    ),
    "accounting": _use(
        "what is counted and how it is timed (docs/accounting.md)",
        "program/layer.py",
        "program/analog.py",
    ),
    "accounting.attention_heads": _SHAPE,
    "accounting.head_dim": _SHAPE,
    "accounting.power_gating": _LEAKAGE,
    "accounting.commit_size": _use(
        "tokens of a commit in the closed form", "analysis/closed_form.py"
    ),
    "accounting.baseline_setup": _use("the K = 0 baseline", "program/burst.py"),
    "accounting.pipelined_latency": _use(
        "latency of the closed form", "analysis/burst_model.py"
    ),
    "workload": _use("the bursts of a request", "program/burst.py"),
    "workload.requests": _use(
        "samples, so the width of the confidence intervals", "experiments/plan.py"
    ),
    "verification": _use("which verify steps run", "program/verification/__init__.py"),
    "schedule": _use(
        "who waits for whom inside a burst", "program/schedules/__init__.py"
    ),
    "streams": _use("how many requests share a chip", "experiments/plan.py"),
    "arrival": _use("arrival times of requests", "program/arrivals.py"),
    "jitter_cv": _use("durations of holds", "program/jitter.py"),
    "seed": _use(
        "acceptance, arrivals and jitter, each from a stream of its own",
        "program/random_words.py",
    ),
    "trace": _use("what the run folder holds", "trace/writer.py"),
    "model": _SHAPE,
    "model.name": _NAMING,
    "model.source": _NAMING,
    "model.draft_policy": _use(
        "which blocks a draft step reads on array 1 only", "program/layer.py"
    ),
    "model.layer_windows": _use("context that a layer attends to", "program/layer.py"),
    "model.sliding_window": _use("context that a layer attends to", "program/layer.py"),
    "model.max_position_embeddings": _use(
        "a warning when a context is longer", "config/scenario.py"
    ),
    "model.activation_bits": _use(
        "slices of an analog read, where soc gives no bits", "program/analog.py"
    ),
    "hardware": _LIBRARY,
    "hardware.name": _NAMING,
    "hardware.description": _NAMING,
    "hardware.provenance": _use(
        "counts of assumed numbers, `simcore explain hardware`", "report/facts.py"
    ),
    "hardware.origins": _use("comments of `simcore show`", "config/describe.py"),
    "hardware.reuse_policy": _use(
        "whether verify reads array 1 again", "program/analog.py", "program/burst.py"
    ),
    "hardware.analog": _ANALOG,
    "hardware.components": _LIBRARY,
    "hardware.components.adc": _ANALOG,
    "hardware.components.dac": _ANALOG,
    "hardware.components.adc_draft": _ANALOG,
    "hardware.components.adc_residual": _ANALOG,
    "hardware.components.delta_dac": _ANALOG,
    "hardware.components.array": _ANALOG,
    "hardware.components.digital": _DIGITAL,
    "hardware.components.analog_periphery": _ANALOG,
    "hardware.components.soc": _use(
        "as hardware.soc, where that gives none", "config/hardware_resolution.py"
    ),
    "hardware.components.memory": _use(
        "as hardware.memory, where that gives none", "config/hardware_resolution.py"
    ),
    "hardware.costs": _use(
        "time and energy of every operation, by MAC", "program/mac_costs.py"
    ),
    "hardware.costs.analog_weight_area": _AREA,
    "hardware.soc": _use("control, setup and accumulation", "program/layer.py"),
    "hardware.soc.schedule": _use(
        "who waits for whom, where the scenario does not say",
        "program/schedules/__init__.py",
    ),
    "hardware.soc.attention_cim_units": _DIGITAL,
    "hardware.soc.attention_cim_storage_bits_per_element": _AREA,
    "hardware.soc.draft_activation_bits": _ANALOG,
    "hardware.soc.verify_activation_bits": _ANALOG,
    "hardware.soc.buffers_add": _use(
        "time and energy of adding up ADC outputs", "program/analog.py"
    ),
    "hardware.memory": _MOVEMENT,
    "hardware.memory.hbm.channel": _use(
        "time and energy of HBM transfers with model channel (docs/hbm.md)",
        "program/hbm/timing.py",
        "program/hbm/fast_path.py",
    ),
    "hardware.memory.kv_cache": _KV,
    "hardware.memory.kv_cache.max_context_tokens": _use(
        "a scenario whose context is longer is refused", "config/scenario.py"
    ),
    "hardware.memory.d_reg": _use(
        "energy of keeping draft results for reuse", "program/movement.py"
    ),
    "hardware.leakage_power": _LEAKAGE,
    "hardware.leakage_per": _LEAKAGE,
    "acceptance": _ACCEPTED,
    "acceptance.source": _NAMING,
    "acceptance.status": _NAMING,
    "acceptance.label": _use(
        "the caveat beside the acceptance in reports", "report/facts.py"
    ),
}

#: By the last part of a path, before all others.
_BY_NAME: tuple[tuple[str, FieldUse], ...] = (
    ("area_mm2", _AREA),
    ("arrays_per_weight", _AREA),
    ("leakage_power", _LEAKAGE),
    ("_nw", _LEAKAGE),
    (
        "programming_",
        _use(
            "the one-time cost of writing the weights, told apart",
            "analysis/programming.py",
        ),
    ),
    ("reference_capacity_bytes", _use("area and leakage", "analysis/area.py")),
)


def use_of(path: str) -> FieldUse:
    """What a field has an effect on.

    Parameters
    ----------
    path : str
        As in `simcore.config.fields`.
    """
    name = path.rpartition(".")[2]
    for part, use in _BY_NAME:
        if part in name:
            return use
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        found = _BY_PATH.get(".".join(parts[:end]))
        if found is not None:
            return found
    return _BY_PATH[""]


def all_uses() -> list[FieldUse]:
    """Everything that `use_of` can answer."""
    return [*_BY_PATH.values(), *(use for _, use in _BY_NAME)]
