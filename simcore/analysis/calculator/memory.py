"""Bytes that move, and what moving them costs.

Fixed latencies are paid once for whatever is pooled into one `Traffic`: a phase in the
breakdown, a single step in the pipelined schedule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simcore.analysis.calculator.inputs import CalculatorInput
from simcore.config.memory import KvFormat, MemoryConfig

FloatArray = npt.NDArray[np.float64]

TECHNOLOGIES = ("sram", "hbm", "fabric")


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes read and written; arrays that broadcast with each other.

    Attributes
    ----------
    sram_read, sram_write, hbm_read, hbm_write : ndarray of float
        Bytes. All of them also cross the fabric.
    """

    sram_read: FloatArray
    sram_write: FloatArray
    hbm_read: FloatArray
    hbm_write: FloatArray

    def of(self, technology: str) -> tuple[FloatArray, FloatArray]:
        """Bytes read from and written to one of `TECHNOLOGIES`."""
        if technology == "sram":
            return self.sram_read, self.sram_write
        if technology == "hbm":
            return self.hbm_read, self.hbm_write
        return self.sram_read + self.hbm_read, self.sram_write + self.hbm_write


@dataclass(frozen=True, slots=True)
class MovementCost:
    """Cost of one `Traffic`.

    Attributes
    ----------
    energy_pj, busy_ns : dict of str to ndarray of float
        By technology, in the shape of its traffic; the busy times overlap.
    latency_ns : ndarray of float
        The slowest read, then the slowest write, in the shape of all traffic.
    """

    energy_pj: dict[str, FloatArray]
    busy_ns: dict[str, FloatArray]
    latency_ns: FloatArray

    @property
    def total_energy_pj(self) -> FloatArray:
        """Energy of all technologies."""
        return self.energy_pj["sram"] + self.energy_pj["hbm"] + self.energy_pj["fabric"]


@dataclass(frozen=True, slots=True)
class KvBytes:
    """Bytes of one token's keys and values over all layers."""

    hbm: float
    sram: float


def kv_bytes(chip: CalculatorInput, memory: MemoryConfig) -> KvBytes:
    """Bytes per token; keys and values are as wide as the residual stream."""
    formats = memory.kv_cache
    return KvBytes(
        hbm=_token_bytes(chip, formats.hbm),
        sram=_token_bytes(chip, formats.sram_format),
    )


def _token_bytes(chip: CalculatorInput, kv: KvFormat) -> float:
    model = chip.model
    values = 2 * model.d_model * kv.value_bytes_per_elem
    scales = model.n_heads * kv.scales_per_token_per_head * kv.scale_bytes
    return float(model.n_layers * (values + scales))


def steps_traffic(
    kv: KvBytes,
    prompt_lengths: FloatArray,
    *,
    steps: npt.ArrayLike,
    speculative_reads: npt.ArrayLike,
    committed: float = 0.0,
) -> Traffic:
    """Traffic of some steps.

    Parameters
    ----------
    kv : KvBytes
        Bytes per token.
    prompt_lengths : ndarray of float
        Tokens in HBM, all read by each step.
    steps : array_like of float
        Number of steps; each writes one token to SRAM.
    speculative_reads : array_like of float
        Tokens read from SRAM in all; same shape as the others, or one that broadcasts.
    committed : float
        Tokens written to HBM.
    """
    n_steps = np.asarray(steps, dtype=np.float64)
    tokens_read = np.asarray(speculative_reads, dtype=np.float64)
    return Traffic(
        sram_read=tokens_read * kv.sram,
        sram_write=n_steps * kv.sram,
        hbm_read=n_steps * prompt_lengths * kv.hbm,
        hbm_write=np.asarray(committed * kv.hbm),
    )


def movement_cost(memory: MemoryConfig, traffic: Traffic) -> MovementCost:
    """Energy and latency of one bundle of traffic.

    Parameters
    ----------
    memory : MemoryConfig
        The technologies.
    traffic : Traffic
        Bytes, pooled.
    """
    energy, busy, reads, writes = {}, {}, [], []
    for name in TECHNOLOGIES:
        technology = getattr(memory, name)
        read, written = traffic.of(name)
        energy[name] = (
            read * technology.read_energy_pj_per_byte
            + written * technology.write_energy_pj_per_byte
        )
        reads.append(
            _service_ns(
                read, technology.read_bandwidth_GBps, technology.read_latency_ns
            )
        )
        writes.append(
            _service_ns(
                written, technology.write_bandwidth_GBps, technology.write_latency_ns
            )
        )
        busy[name] = reads[-1] + writes[-1]
    slowest_read = np.maximum(np.maximum(reads[0], reads[1]), reads[2])
    slowest_write = np.maximum(np.maximum(writes[0], writes[1]), writes[2])
    return MovementCost(energy, busy, slowest_read + slowest_write)


def _service_ns(n_bytes: FloatArray, bandwidth: float, latency_ns: float) -> FloatArray:
    moving = n_bytes / bandwidth if bandwidth else np.zeros_like(n_bytes)
    return np.where(n_bytes > 0, moving + latency_ns, 0.0)
