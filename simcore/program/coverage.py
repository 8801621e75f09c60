"""What is modelled, what stands in by proxy, and what is left out, item by item."""

from __future__ import annotations

from dataclasses import dataclass

from simcore.program.burst import BurstProgram
from simcore.program.catalogue import OPERATIONS
from simcore.program.operation import LayerStep, Status

_LATENT = ("latent_norm", "q_up", "k_absorb", "v_up")
_EXPERTS = ("router", "router_softmax", "expert_combine")


@dataclass(frozen=True)
class CoverageItem:
    """One item of the machine or of the work, and how it is treated."""

    item: str
    status: Status
    note: str


_OUTSIDE = (
    CoverageItem(
        "operand load of attention", "proxy", "inside the qk and pv coefficients"
    ),
    CoverageItem(
        "activations inside a layer", "proxy", "io_buffers of the analog periphery"
    ),
    CoverageItem(
        "leakage", "proxy", "static power times the time it is on; no temperature"
    ),
    CoverageItem("prefill and time to first token", "excluded", "not at chip level"),
    CoverageItem(
        "weight programming", "excluded", "a one-time cost, told apart when given"
    ),
    CoverageItem("numerical precision", "excluded", "acceptance is an input"),
    CoverageItem("thermal limits, yield, host and network", "excluded", "not modelled"),
)


def coverage(program: BurstProgram) -> list[CoverageItem]:
    """Status of every operation of the catalogue, and of what lies outside it."""
    found = _statuses(program)
    items = []
    for name in OPERATIONS:
        if name in found:
            note = "" if found[name] == "modeled" else "coefficient of a coarser unit"
            if name.startswith("kv_buffer"):
                note = "bytes and energy; time inside the transfer or attention"
            if name.startswith("d_reg"):
                note = "energy a byte of the SRAM; no time of its own"
            items.append(CoverageItem(name, found[name], note))
        else:
            items.append(CoverageItem(name, "excluded", _reason(program, name)))
    merged = [name for name in found if name not in OPERATIONS]
    items += [CoverageItem(name, found[name], "") for name in merged]
    return [*items, *_OUTSIDE, *_hbm(program)]


def _hbm(program: BurstProgram) -> list[CoverageItem]:
    """How the banks behind the HBM channel are treated."""
    memory = program.hardware.memory
    if memory is None or memory.hbm.in_use is None:
        note = "a bandwidth efficiency and a latency"
        return [CoverageItem("HBM refresh and row misses", "proxy", note)]
    note = "counted from the start of each transfer; rows opened once"
    if program.times_transfers:
        note = "by bank, row and refresh instant as transfers start"
    return [CoverageItem("HBM refresh and row misses", "modeled", note)]


def _statuses(program: BurstProgram) -> dict[str, Status]:
    found: dict[str, Status] = {}
    layers: list[LayerStep] = [program.setup, *program.commit[:1]]
    for step in program.steps:
        layers += step.layers
    seen: set[int] = set()
    for part in layers:
        if id(part) in seen:
            continue
        seen.add(id(part))
        for legs in part.positions:
            for op in legs:
                # The weakest status of an operation is the one to tell.
                if found.get(op.name) != "proxy":
                    found[op.name] = op.status
    return found


def _one_format(program: BurstProgram) -> bool:
    memory = program.hardware.memory
    cache = None if memory is None else memory.kv_cache
    return cache is None or cache.sram_format == cache.hbm


def _reason(program: BurstProgram, name: str) -> str:
    model, hardware = program.model, program.hardware
    movement = ("kv_", "embedding", "hop", "d_reg")
    if name.startswith("kv_buffer") and not program.policy.kv_buffers:
        return "the schedule does not read ahead"
    if name == "kv_load" and program.accounting.attention == "streaming":
        return "operands stream into the MAC lanes"
    if name == "lm_head_weights" and program.accounting.lm_head == "analog":
        return "the weights are on analog tiles"
    if name in ("lm_head", "lm_head_weights", "final_norm", "sampling") and (
        program.accounting.lm_head == "excluded"
    ):
        return "switched off"
    if name in _LATENT and (model.mla is None or name == "q_up"):
        return "the model has none"
    if name in _EXPERTS and model.moe is None:
        return "the model has none"
    if name == "qk_norm" and not model.qk_norm:
        return "the model has none"
    if name == "rope" and not model.rotary:
        return "the model has none"
    if name == "ffn_gate_multiply" and not model.gated:
        return "the model has none"
    if name.startswith("d_reg") and hardware.reuse_policy == "reread":
        return "reread keeps no draft results"
    if name in ("lm_head", "embedding_read", "sampling", "final_norm") and (
        model.vocab_size is None
    ):
        return "the model names no vocabulary"
    if name.startswith(movement) and hardware.memory is None:
        return "the hardware describes no memory"
    if name in ("kv_dequantize", "kv_convert") and _one_format(program):
        return "SRAM and HBM keep KV in one format"
    if name == "verify_setup" and program.draft_length == 0:
        return "nothing is set up without speculation"
    if program.accounting.extra_features == "off":
        return "switched off or free of cost"
    return "its coefficients are zero"
