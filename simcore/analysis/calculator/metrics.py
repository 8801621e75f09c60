"""The four metrics of a burst, and how two sets of them compare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.analysis.calculator.memory import FloatArray
from simcore.units import NS_PER_S, PJ_PER_J, leakage_pj

#: Names of the metrics, in report order.
METRICS = (
    "energy_pj_per_token",
    "latency_ns_per_token",
    "throughput_tokens_per_s",
    "tokens_per_joule",
)

Metrics = dict[str, float]


@dataclass(frozen=True, slots=True)
class MetricArrays:
    """Metrics at several prompt lengths.

    Attributes
    ----------
    values : dict of str to ndarray of float, shape (n,)
        One array for each of `METRICS`.
    burst_latency_ns : ndarray of float, shape (n,)
        Time of a burst.
    """

    values: dict[str, FloatArray]
    burst_latency_ns: FloatArray

    def at(self, index: int) -> Metrics:
        """Metrics at one of the prompt lengths."""
        return {name: float(values[index]) for name, values in self.values.items()}


def burst_metrics(
    energy_pj: FloatArray,
    latency_ns: FloatArray,
    leakage_power_nw: float,
    committed: float,
) -> MetricArrays:
    """Metrics of bursts.

    Parameters
    ----------
    energy_pj, latency_ns : ndarray of float, shape (n,)
        Energy of a burst without leakage, and its time.
    leakage_power_nw : float
        Static power of the chip.
    committed : float
        Mean committed tokens of a burst.
    """
    leakage = leakage_pj(leakage_power_nw, 1.0) * latency_ns
    energy_per_token = (energy_pj + leakage) / committed
    latency_per_token = latency_ns / committed
    return MetricArrays(
        values={
            "energy_pj_per_token": energy_per_token,
            "latency_ns_per_token": latency_per_token,
            "throughput_tokens_per_s": _per(NS_PER_S, latency_per_token),
            "tokens_per_joule": _per(PJ_PER_J, energy_per_token),
        },
        burst_latency_ns=latency_ns,
    )


def _per(unit: float, values: FloatArray) -> FloatArray:
    """`unit` / value; 0 where nothing is spent."""
    return np.divide(unit, values, out=np.zeros_like(values), where=values != 0)


def ratios(metrics: Metrics, baseline: Metrics) -> dict[str, float | None]:
    """Metrics over those of the baseline; None where that is 0."""
    return {
        name: metrics[name] / baseline[name] if baseline[name] else None
        for name in METRICS
    }


def differences(metrics: Metrics, baseline: Metrics) -> Metrics:
    """Metrics less those of the baseline."""
    return {name: metrics[name] - baseline[name] for name in METRICS}
