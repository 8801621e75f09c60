"""How much a result hangs on numbers that are uncertain by a factor of ten.

Each input is scaled by each factor, alone, and the scenario is estimated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from simcore.analysis.area import area_report
from simcore.analysis.estimate import Estimate, estimate_scenario
from simcore.analysis.variation import varied
from simcore.config.hardware import (
    ConverterSpec,
    FeatureCoefficient,
    HardwareConfig,
    LegacyCostsConfig,
    MacCoefficient,
)
from simcore.config.scenario import ScenarioConfig

FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0)

Scaling = Callable[[HardwareConfig, float], HardwareConfig | None]


@dataclass(frozen=True)
class SensitivityRow:
    """The scenario with one input scaled.

    Attributes
    ----------
    what : str
        The input.
    factor : float
        What it was multiplied by.
    metrics : dict of str to float or None
        latency_ns_per_token, energy_pj_per_token, tokens_per_joule, speedup,
        break_even_committed_tokens, on_chip_mm2.
    """

    what: str
    factor: float
    metrics: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"input": self.what, "factor": self.factor, "metrics": self.metrics}


@dataclass(frozen=True)
class Sensitivity:
    """Results under scaled inputs.

    Attributes
    ----------
    nominal : dict of str to float
        Metrics of the scenario as it is.
    rows : tuple of SensitivityRow
        By input, then by factor; 1 is among the factors where it was asked for.
    left_out : dict of str to str
        Inputs that this hardware does not have, and why.
    """

    nominal: dict[str, float]
    rows: tuple[SensitivityRow, ...]
    left_out: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "nominal": self.nominal,
            "rows": [row.to_dict() for row in self.rows],
            "left_out": self.left_out,
        }


def sensitivity(
    scenario: ScenarioConfig, factors: Sequence[float] = FACTORS
) -> Sensitivity:
    """Scale each uncertain input by each factor.

    Parameters
    ----------
    scenario : ScenarioConfig
        Where everything else stays.
    factors : sequence of float
        Each > 0.

    Raises
    ------
    ValueError
        If a factor is not positive.
    """
    if not all(factor > 0 for factor in factors):
        raise ValueError("factors must be > 0")
    nominal = _metrics(estimate_scenario(scenario))
    rows: list[SensitivityRow] = []
    left_out: dict[str, str] = {}
    for what, (scale, why_not) in INPUTS.items():
        if scale(scenario.hardware, 1.0) is None:
            left_out[what] = why_not
            continue
        for factor in factors:
            found = nominal
            if factor != 1.0:
                hardware = scale(scenario.hardware, factor)
                changed = varied(scenario, hardware=hardware)
                found = _metrics(estimate_scenario(changed))
            rows.append(SensitivityRow(what, factor, found))
    return Sensitivity(nominal, tuple(rows), left_out)


def _metrics(estimate: Estimate) -> dict[str, float]:
    scenario, verdict = estimate.scenario, estimate.verdict
    metrics = estimate.metrics
    area = area_report(
        scenario.model,
        scenario.hardware,
        scenario.accounting,
        scenario.workload.draft_length,
    )
    return {
        "latency_ns_per_token": metrics["latency_ns_per_token"],
        "energy_pj_per_token": metrics["energy_pj_per_token"],
        "tokens_per_joule": metrics["tokens_per_joule"],
        "speedup": verdict.speedup,
        "break_even_committed_tokens": verdict.break_even_committed_tokens,
        "on_chip_mm2": area.on_chip_mm2,
    }


def _adcs(
    hardware: HardwareConfig, names: Sequence[str], field: str, factor: float
) -> HardwareConfig | None:
    parts = hardware.components
    if parts is None:
        return None
    scaled: dict[str, ConverterSpec] = {}
    for name in names:
        spec: ConverterSpec = getattr(parts, name)
        scaled[name] = spec.model_copy(update={field: getattr(spec, field) * factor})
    return hardware.model_copy(update={"components": parts.model_copy(update=scaled)})


def _adc_energy(hardware: HardwareConfig, factor: float) -> HardwareConfig | None:
    names = ("adc_draft", "adc_residual")
    return _adcs(hardware, names, "energy_pj_per_conversion", factor)


def _adc_area(hardware: HardwareConfig, factor: float) -> HardwareConfig | None:
    names = ("adc_draft", "adc_residual")
    return _adcs(hardware, names, "area_mm2_per_unit", factor)


def _adc_latency(hardware: HardwareConfig, factor: float) -> HardwareConfig | None:
    return _adcs(hardware, ("adc_residual",), "latency_ns_per_conversion", factor)


def _hbm(
    hardware: HardwareConfig, fields: Sequence[str], factor: float
) -> HardwareConfig | None:
    memory = hardware.memory
    if memory is None:
        return None
    hbm = memory.hbm
    if hbm.in_use is not None:
        # The same on the channel: all its energies, or the rate of its pins.
        energy = factor if fields[0].endswith("pj_per_byte") else 1.0
        channel = hbm.in_use.scaled(energy=energy, rate=factor / energy)
        return hardware.model_copy(
            update={
                "memory": memory.model_copy(
                    update={"hbm": hbm.model_copy(update={"channel": channel})}
                )
            }
        )
    scaled = hbm.model_copy(
        update={field: getattr(hbm, field) * factor for field in fields}
    )
    return hardware.model_copy(
        update={"memory": memory.model_copy(update={"hbm": scaled})}
    )


def _hbm_energy(hardware: HardwareConfig, factor: float) -> HardwareConfig | None:
    fields = ("read_energy_pj_per_byte", "write_energy_pj_per_byte")
    return _hbm(hardware, fields, factor)


def _hbm_bandwidth(hardware: HardwareConfig, factor: float) -> HardwareConfig | None:
    return _hbm(hardware, ("read_bandwidth_GBps", "write_bandwidth_GBps"), factor)


def _dpu_lanes(hardware: HardwareConfig, factor: float) -> HardwareConfig:
    """More lanes take less time an operation; the number of lanes may be broken."""
    if hardware.costs is not None:
        return hardware.model_copy(
            update={"costs": _digital_costs(hardware.costs, factor)}
        )
    parts = hardware.components
    assert parts is not None  # one of the two forms is there
    features: dict[str, FeatureCoefficient] = {
        name: one.model_copy(
            update={"latency_ns_per_op": one.latency_ns_per_op / factor, "lanes": None}
        )
        for name, one in parts.digital.features.items()
    }
    digital = parts.digital.model_copy(update={"features": features})
    return hardware.model_copy(
        update={"components": parts.model_copy(update={"digital": digital})}
    )


def _digital_costs(costs: LegacyCostsConfig, factor: float) -> LegacyCostsConfig:
    def faster(block: MacCoefficient) -> MacCoefficient:
        return block.model_copy(
            update={"latency_ns_per_mac": block.latency_ns_per_mac / factor}
        )

    coarse = ("digital_attention", "digital_softmax", "digital_elementwise", "kv_cache")
    update: dict[str, Any] = {name: faster(getattr(costs, name)) for name in coarse}
    update["digital_features"] = {
        name: faster(block) for name, block in costs.digital_features.items()
    }
    return costs.model_copy(update=update)


_NO_CONVERTERS = "costs per MAC have no converters"
_NO_MEMORY = "the hardware describes no memory"

#: What is scaled, and why it may be missing.
INPUTS: dict[str, tuple[Scaling, str]] = {
    "ADC energy": (_adc_energy, _NO_CONVERTERS),
    "ADC area": (_adc_area, _NO_CONVERTERS),
    "residual ADC latency": (_adc_latency, _NO_CONVERTERS),
    "HBM energy": (_hbm_energy, _NO_MEMORY),
    "HBM bandwidth": (_hbm_bandwidth, _NO_MEMORY),
    "DPU lanes": (_dpu_lanes, ""),
}
