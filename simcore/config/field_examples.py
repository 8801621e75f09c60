"""An example of every field: from a shipped file, or made from what it allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from simcore.config.field_tree import ANY, FieldEntry
from simcore.config.files import read_document
from simcore.config.hbm_presets import PRESETS, PresetName
from simcore.config.shipped import Kind, library_files, shipped_files, shown_path

#: Reading order: the reference first, toys last.
_FIRST = ("qwen3-1.7b-k5", "qwen3-1.7b", "residual-analog-22nm", "eagle-gsm8k-k5")
_LAST = ("tiny", "toy-ideal")

#: Where no shipped file has a value and a made one would be odd.
_MADE: dict[str, Any] = {
    "arrival.rate_per_s": 200.0,
    "arrival.times_ns": [0, 1.5e6],
    "jitter_cv": 0.1,
    "streams": 4,
    "sweep.list": [{"workload.draft_length": 2}, {"workload.draft_length": 4}],
    "trace": "bursts",
    "verification": "stop_at_mismatch",
    "model.sliding_window": 4096,
    "model.layer_windows": [4096, None],
    "model.ffn_expansion": 4.0,
    "model.mla.kv_lora_rank": 512,
    "model.mla.q_lora_rank": 1536,
    "model.mla.qk_nope_head_dim": 128,
    "model.mla.qk_rope_head_dim": 64,
    "model.mla.v_head_dim": 128,
    "model.moe.n_experts": 128,
    "model.moe.experts_per_token": 8,
    "model.moe.expert_d_ff": 768,
    "model.moe.n_shared_experts": 1,
    "model.moe.shared_expert_d_ff": 2048,
    "model.moe.first_dense_layers": 1,
    "model.moe.layer_is_moe": [False, True],
    "hardware.library_file": "my_libraries.json",
    "hardware.memory.hbm.channel.refresh": "none",
    "acceptance.accepted": 3,
    "acceptance.histogram": {"0": 40, "1": 25, "2": 35},
}
_PRESET: PresetName = "HBM3"
#: Sections that chips have in their own file or in their library.
_SAME = tuple(
    (("hardware", *own.split(".")), ("hardware", "components", library))
    for own, library in (
        ("soc", "soc"),
        ("memory", "memory"),
        ("leakage_power", "leakage_power"),
        ("analog.periphery", "analog_periphery"),
    )
)

#: By the last part of a path, and by unit, for numbers that nobody gives.
_BY_NAME = {
    "address_map": "ro:14,ba:2,si:2,co:4,bg:2,pc:1,ch:4",
    "arrays_per_weight": 4,
    "capacity_bytes": 2**21,
    "dac_banks": 2,
    "instructions_per_operation": 50,
    "library": "puma_like_v1",
    "reference_capacity_bytes": 2**21,
    "preset": _PRESET,
    "scales_per_token_per_head": 2,
    "value_bytes_per_elem": 1,
}
_BY_UNIT = {"ns": 1.5, "pJ": 0.5, "mm2": 0.01, "nW": 1e6, "GB/s": 256.0, "bits": 8}


@dataclass(frozen=True)
class FieldExample:
    """One value of a field.

    Attributes
    ----------
    value : object
        Plain data.
    file : str or None
        Shipped file that has it; None when it is made up.
    status, source : str or None
        Of a number, where the file says it.
    """

    value: Any
    file: str | None
    status: str | None = None
    source: str | None = None


def example_of(entry: FieldEntry) -> FieldExample | None:
    """An example of a field that people write; None for sections.

    Parameters
    ----------
    entry : FieldEntry
        The field.
    """
    if entry.children or not entry.written:
        return None
    for parts in _places(entry.parts):
        for file, data in _documents():
            for value in _values(data, parts):
                found = _shipped(value, file, entry)
                if found is not None:
                    return found
    return _preset(entry) or FieldExample(_made(entry), None)


def _shipped(value: Any, file: str, entry: FieldEntry) -> FieldExample | None:
    if not isinstance(value, dict):
        return None if value is None else FieldExample(value, file)
    if {"value", "status", "source"} <= value.keys():
        return FieldExample(
            value["value"], file, str(value["status"]), str(value["source"])
        )
    # A mapping of plain values, such as a histogram.
    return FieldExample(value, file) if entry.path in _MADE else None


def _preset(entry: FieldEntry) -> FieldExample | None:
    """What a preset gives for a field of the HBM channel."""
    if "channel" not in entry.parts or entry.path in _MADE:
        return None
    known = PRESETS[_PRESET].get(entry.parts[-1])
    if known is None:
        return None
    return FieldExample(known.value, f"preset {_PRESET}", known.status, known.source)


def _places(parts: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Where else the same number may stand: in the chip's sections or its library."""
    found = [parts]
    for here, there in _SAME:
        for one, other in ((here, there), (there, here)):
            if parts[: len(one)] == one:
                found.append((*other, *parts[len(one) :]))
    return found


@cache
def _documents() -> tuple[tuple[str, Any], ...]:
    """Shipped files, each put where it stands in a scenario."""
    found: list[tuple[str, Any]] = []
    kinds: tuple[Kind, ...] = ("scenario", "model", "hardware", "acceptance")
    for kind in kinds:
        files = shipped_files(kind)
        for name in sorted(files, key=_rank):
            data = read_document(files[name], shown_path(files[name])).data
            whole = data if kind == "scenario" else {kind: data}
            found.append((shown_path(files[name]), whole))
    for path in library_files():
        libraries = read_document(path, shown_path(path)).data
        found += [
            (shown_path(path), {"hardware": {"components": library}})
            for library in libraries.values()
        ]
    return tuple(found)


def _rank(name: str) -> tuple[int, str]:
    if name in _FIRST:
        return _FIRST.index(name), name
    return (len(_FIRST) + 1 if name in _LAST else len(_FIRST)), name


def _values(data: Any, parts: tuple[str, ...]) -> Iterator[Any]:
    if not parts:
        yield data
    elif isinstance(data, dict) and parts[0] == ANY:
        for item in data.values():
            yield from _values(item, parts[1:])
    elif isinstance(data, dict) and parts[0] in data:
        yield from _values(data[parts[0]], parts[1:])


def _made(entry: FieldEntry) -> Any:
    if entry.path in _MADE:
        return _MADE[entry.path]
    name, form = entry.parts[-1], entry.forms[0]
    if name in _BY_NAME:
        return _BY_NAME[name]
    if form.choices:
        # What differs from the default shows more.
        return next((c for c in form.choices if c != form.default), form.choices[0])
    if form.allowed.startswith("true or false"):
        return form.default != "true"
    if form.allowed.startswith("text"):
        return "some words"
    if form.allowed.startswith("a mapping"):
        return {}
    if form.allowed.startswith("a list"):
        return []
    unit = (entry.unit or "").partition("/")[0]
    if form.allowed.startswith("a number"):
        return _BY_UNIT.get(unit, 1.0)
    if "integer" in form.allowed:
        return int(_BY_UNIT.get(unit, 4))
    raise ValueError(f"no example of {entry.path}")
