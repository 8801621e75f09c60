"""Traffic as the DRAM simulators were driven with: streams, mixes, random chunks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simcore.config.hbm import HbmChannelConfig
from simcore.program.hbm.stack import HbmStack

TRANSACTION = 32


class Traffic(NamedTuple):
    """Transactions in order; `group` of them make a chunk."""

    arrival_ps: np.ndarray
    address: np.ndarray
    is_write: np.ndarray
    group: int


def _chunks(base: np.ndarray, n_bytes: int) -> np.ndarray:
    return (base[:, None] + np.arange(0, n_bytes, TRANSACTION)).ravel()


def stream(n_bytes: int) -> Traffic:
    """A sequential read, all asked for at once."""
    n = n_bytes // TRANSACTION
    zeros = np.zeros(n, dtype=np.int64)
    return Traffic(zeros, np.arange(n, dtype=np.int64) * TRANSACTION, zeros, n)


def mix(n_transactions: int, write_fraction: float, granularity: int) -> Traffic:
    """Two sequential streams, 2 GiB apart; every 1 / fraction-th piece is a write."""
    n_chunks = n_transactions * TRANSACTION // granularity
    count = np.floor(np.arange(1, n_chunks + 1) * write_fraction + 1e-9)
    writes = np.diff(count, prepend=0).astype(np.int64)
    read_at = np.cumsum(1 - writes) - (1 - writes)
    write_at = np.cumsum(writes) - writes
    far = (1 << 31) + write_at * granularity
    base = np.where(writes == 1, far, read_at * granularity)
    group = granularity // TRANSACTION
    address = _chunks(base, granularity)
    return Traffic(
        np.zeros(address.size, dtype=np.int64), address, np.repeat(writes, group), group
    )


def random_chunks(n_transactions: int, chunk: int, capacity: int) -> Traffic:
    """Aligned reads of `chunk` bytes anywhere."""
    n_chunks = n_transactions * TRANSACTION // chunk
    rng = np.random.default_rng(5)
    address = _chunks(rng.integers(0, capacity // chunk, n_chunks) * chunk, chunk)
    zeros = np.zeros(address.size, dtype=np.int64)
    return Traffic(zeros, address, zeros, chunk // TRANSACTION)


def isolated(n: int, capacity: int) -> Traffic:
    """Single reads, so far apart that none meets another."""
    rng = np.random.default_rng(5)
    arrival = np.arange(n, dtype=np.int64) * 993_217
    address = rng.integers(0, capacity // 64, n) * 64
    return Traffic(arrival, address, np.zeros(n, dtype=np.int64), 1)


def bursts(n_bytes: int, n: int, period_ps: int) -> Traffic:
    """Sequential reads of one size, one after another at a fixed period."""
    group = n_bytes // TRANSACTION
    arrival = np.repeat(np.arange(n, dtype=np.int64) * period_ps, group)
    address = np.arange(n * group, dtype=np.int64) * TRANSACTION
    return Traffic(arrival, address, np.zeros(n * group, dtype=np.int64), group)


def stack(preset: str, refresh: str = "all_bank") -> HbmStack:
    """A stack that refreshes all channels at once, as the simulators do."""
    return HbmStack(
        HbmChannelConfig(preset=preset, refresh=refresh, refresh_phase="synchronous")
    )


def latencies_ns(
    memory: HbmStack, traffic: Traffic, window_bytes: int | None
) -> tuple[float, np.ndarray]:
    """Time of all traffic, and of every chunk; writes end when they are queued."""
    done, taken = memory.serve(
        traffic.arrival_ps, traffic.address, traffic.is_write, window_bytes
    )
    end = np.where(traffic.is_write == 1, taken, done)
    chunk = (end - traffic.arrival_ps).reshape(-1, traffic.group).max(axis=1)
    return float(end.max()) / 1000, chunk / 1000
