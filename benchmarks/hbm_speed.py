"""Row segments a second of the HBM state machine: compiled and plain, in one run.

Usage: ``python benchmarks/hbm_speed.py``
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from simcore.config.hbm import HbmChannelConfig
from simcore.program.hbm import state_machine
from simcore.program.hbm.stack import HbmStack

#: Transactions of one row segment.
SEGMENT = 4


def segments_per_s(n_bytes: int, window: int | None, rounds: int) -> float:
    """Median over rounds of a sequential read on a new stack."""
    n = n_bytes // 32
    zeros = np.zeros(n, dtype=np.int64)
    address = np.arange(n, dtype=np.int64) * 32
    found = []
    for _ in range(rounds):
        stack = HbmStack(HbmChannelConfig(preset="HBM3"))
        started = time.perf_counter()
        stack.serve(zeros, address, zeros, window)
        found.append(n / SEGMENT / (time.perf_counter() - started))
    return statistics.median(found)


def main() -> None:
    segments_per_s(1 << 16, 1 << 14, 1)
    compiled = segments_per_s(1 << 25, 1 << 20, 5)
    transfer = segments_per_s(1 << 25, None, 5)
    for name, function in list(vars(state_machine).items()):
        if hasattr(function, "py_func"):
            setattr(state_machine, name, function.py_func)
    from simcore.program.hbm import stack

    stack.serve = state_machine.serve
    plain = segments_per_s(1 << 18, 1 << 20, 1)
    print(f"compiled, 1 MiB in flight   {compiled:12,.0f} segments/s")
    print(f"compiled, a transfer        {transfer:12,.0f} segments/s")
    print(f"plain Python                {plain:12,.0f} segments/s")
    print(f"compiled / plain            {compiled / plain:12,.0f}")


if __name__ == "__main__":
    main()
