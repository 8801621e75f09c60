"""Tables of the pages that are made from the code, so that they cannot be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args, get_origin

import annotated_types
from document_runner import run_command
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simcore.analysis.estimate import estimate_scenario
from simcore.config.accounting import AccountingConfig
from simcore.config.arrival import ArrivalConfig
from simcore.config.base import RESOLVED_ONLY
from simcore.config.hardware import (
    FEATURES,
    AdcConfig,
    AnalogConfig,
    ArraySpec,
    BuffersAddConfig,
    ColumnsPerAdc,
    ControlConfig,
    ConverterSpec,
    HardwareConfig,
    LeakagePowerConfig,
    PeripheryBlock,
    PeripheryConfig,
    SocConfig,
    VerifySetupConfig,
)
from simcore.config.hbm import HbmChannelConfig
from simcore.config.library import CoefficientBlock, DigitalLibrary
from simcore.config.load import load_scenario
from simcore.config.memory import (
    DraftStoreConfig,
    HbmConfig,
    KvCacheConfig,
    KvFormat,
    MemoryTechnology,
    SramConfig,
)
from simcore.config.scenario import ScenarioFile, WorkloadConfig
from simcore.config.shipped import library_files, shipped_files
from simcore.config.sweep import SweepConfig

_HEAD = "| field | default | allowed | meaning |\n|---|---|---|---|"


def scenario() -> str:
    """Every field that a scenario file may hold."""
    rows = [_HEAD]
    order = ("name", "description", "model", "hardware", "acceptance", "accounting")
    fields = ScenarioFile.model_fields
    names = [*order, *(name for name in fields if name not in order)]
    names = [n for n in names if fields[n].json_schema_extra != RESOLVED_ONLY]
    for name in names:
        if name == "workload":
            rows += [
                _row(f"workload.{inner}", info)
                for inner, info in WorkloadConfig.model_fields.items()
            ]
        elif name == "sweep":
            rows += [
                _row(f"sweep.{inner}", info)
                for inner, info in SweepConfig.model_fields.items()
            ]
        else:
            rows.append(_row(name, fields[name]))
    return "\n".join(rows)


def accounting() -> str:
    """Every accounting switch."""
    fields = AccountingConfig.model_fields.items()
    return "\n".join([_HEAD, *(_row(name, info) for name, info in fields)])


def hardware() -> str:
    """Every field that a hardware file may hold; like sections stand together."""
    sections: list[tuple[str, type[BaseModel]]] = [
        ("", HardwareConfig),
        ("analog.", AnalogConfig),
        ("analog.adc.", AdcConfig),
        ("analog.adc.num_columns_per_adc.", ColumnsPerAdc),
        ("analog.periphery.*.", PeripheryBlock),
        ("soc.", SocConfig),
        ("soc.verify_setup.", VerifySetupConfig),
        ("soc.buffers_add.", BuffersAddConfig),
        ("soc.control.", ControlConfig),
        ("memory.{sram,hbm,fabric}.", MemoryTechnology),
        ("memory.sram.", SramConfig),
        ("memory.hbm.", HbmConfig),
        ("memory.hbm.channel.", HbmChannelConfig),
        ("memory.d_reg.", DraftStoreConfig),
        ("memory.kv_cache.", KvCacheConfig),
        ("memory.kv_cache.{hbm,sram}.", KvFormat),
        ("components.{dac,adc}.BITS.", ConverterSpec),
        ("components.array.", ArraySpec),
        ("components.digital.", DigitalLibrary),
        ("components.digital.NAME.", CoefficientBlock),
    ]
    rows = [_HEAD, "| `name` | - | text | Default: the file's name. |"]
    for prefix, model in sections:
        rows += [
            _row(prefix + name, info)
            for name, info in model.model_fields.items()
            if not _is_section(info)
            and prefix + name != "name"
            # Said for all memories together.
            and not (
                model in (SramConfig, HbmConfig)
                and name in MemoryTechnology.model_fields
            )
        ]
    rows.append("| `leakage_power.*` | `0.0` | number, at least 0 | Static power. |")
    lists = [
        ("`analog.periphery`", PeripheryConfig.model_fields),
        (
            "`components.digital`",
            [n for n, f in DigitalLibrary.model_fields.items() if _is_section(f)],
        ),
        ("`components.digital.features`", FEATURES),
        ("`leakage_power`, in nW for the whole chip", LeakagePowerConfig.model_fields),
    ]
    rows += ["", *(f"- {what}: {', '.join(names)}." for what, names in lists)]
    return "\n".join(rows)


def libraries() -> str:
    """Shipped component libraries and what they say of themselves."""
    rows = ["| library | ADC bits | DAC bits | about |", "|---|---|---|---|"]
    for path in library_files():
        for name, content in json.loads(path.read_text(encoding="utf-8")).items():
            widths = [_widths(content[kind]) for kind in ("adc", "dac")]
            about = content["_about"].partition("re-typed. ")[2] or content["_about"]
            rows.append(f"| `{name}` | {widths[0]} | {widths[1]} | {about} |")
    return "\n".join(rows)


def _widths(bits: Iterable[str]) -> str:
    widths = sorted(map(int, bits))
    if len(widths) > 2 and widths == list(range(widths[0], widths[-1] + 1)):
        return f"{widths[0]} to {widths[-1]}"
    return ", ".join(map(str, widths))


def coverage() -> str:
    """What the report of the reference scenario declares."""
    estimate = estimate_scenario(load_scenario("qwen3-1.7b-k5"))
    rows = ["| status | items |", "|---|---|"]
    for status in ("modeled", "proxy", "excluded"):
        items = [
            _with_note(item["item"], item["note"])
            for item in estimate.to_dict()["coverage"]
            if item["status"] == status
        ]
        rows.append(f"| {status} | {', '.join(items)} |")
    return "\n".join(rows)


def validation() -> str:
    """What `simcore validate` measures on the shipped scenarios."""
    rows = [
        "| scenario | schedule | distinct bursts | integers | floats, their bound "
        "| energy | means that hold | laws that hold |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows += [_validation_row(name) for name in sorted(shipped_files("scenario"))]
    return "\n".join(rows)


def _validation_row(name: str) -> str:
    report = json.loads(run_command(f"simcore validate {name} --json"))["result"]
    checks = {check["name"]: check for check in report["checks"]}
    exact = checks.pop("burst_latency_equals_integer_composition")
    floats = checks.pop("burst_latency_equals_float_closed_form")
    energy = checks.pop("energy_equals_closed_form")
    means = [checks.pop(n)["holds"] for n in list(checks) if n.startswith("expected_")]
    laws = [check["holds"] for check in checks.values()]
    cells = [
        f"`{name}`",
        load_scenario(name).schedule,
        exact["detail"].partition(" bursts")[0],
        exact["measured"],
        f"{floats['measured']}, {floats['bound']}",
        energy["measured"],
        f"{sum(means)} of {len(means)}",
        f"{sum(laws)} of {len(laws)}",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def _with_note(item: str, note: str) -> str:
    return f"{item} ({note})" if note else item


def _row(name: str, info: FieldInfo) -> str:
    meaning = (info.description or "").replace("|", "/")
    return f"| `{name}` | {_default(info)} | {_allowed(info)} | {meaning} |"


def _is_section(info: FieldInfo) -> bool:
    """Whether a field is told in rows of its own, or is written by the loader."""
    if isinstance(info.json_schema_extra, dict):
        return True
    kinds = [info.annotation, *get_args(info.annotation)]
    return any(isinstance(k, type) and issubclass(k, BaseModel) for k in kinds)


def _default(info: FieldInfo) -> str:
    if info.is_required() and not (info.description or "").count("default:"):
        return "required"
    if info.is_required() or info.default is None or info.default_factory is not None:
        if info.annotation is ArrivalConfig:
            return "all_at_once"
        return "physical" if info.default_factory is not None else "-"
    return f"`{info.default}`"


def _allowed(info: FieldInfo) -> str:
    bounds = [m for m in info.metadata if isinstance(m, annotated_types.BaseMetadata)]
    words = _type_words(info.annotation)
    return _with_bounds(words, bounds)


def _type_words(annotation: Any) -> str:
    if annotation is int:
        return "integer"
    if annotation is float:
        return "number"
    if annotation is bool:
        return "`true`, `false`"
    if get_origin(annotation) in (dict, tuple):
        return "a mapping" if get_origin(annotation) is dict else "a list"
    if annotation in (str, Any):
        return "text" if annotation is str else "name, path or mapping"
    if annotation is ArrivalConfig:
        return "`all_at_once` or a mapping of kind and its number"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "`physical` or a mapping of switches"
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    arguments = get_args(annotation)
    metadata = getattr(annotation, "__metadata__", None)
    if metadata is not None:
        bounds: list[Any] = []
        for item in metadata:
            bounds += item.metadata if isinstance(item, FieldInfo) else [item]
        return _with_bounds(_type_words(arguments[0]), bounds)
    return ", ".join(_type_words(a) for a in arguments if a is not type(None))


def _with_bounds(words: str, bounds: list[Any]) -> str:
    low = next((b.ge for b in bounds if isinstance(b, annotated_types.Ge)), None)
    high = next((b.le for b in bounds if isinstance(b, annotated_types.Le)), None)
    if low is None and high is None:
        return words
    if high is None or (high >= 1e15 and high != 2**63 - 1):
        return f"{words}, at least {low:g}"
    upper = "2^63 - 1" if high == 2**63 - 1 else f"{high:,}"
    return f"{words}, {low:g} to {upper}"


TABLES: dict[str, Callable[[], str]] = {
    "scenario": scenario,
    "accounting": accounting,
    "coverage": coverage,
    "hardware": hardware,
    "libraries": libraries,
    "validation": validation,
}
#: Tables that take minutes.
SLOW_TABLES = ("validation",)
