"""Speed of the HBM state machine: any traffic, and the transfers of the chip.

Row segments a second of a sequential read, compiled and plain; and milliseconds of a
transfer that finds its stack busy, with its servers together and one by one. Both ways
give the same picoseconds, which is checked here too.

Usage: ``python benchmarks/hbm_speed.py``
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from simcore.config.hbm import HbmChannelConfig
from simcore.program.hbm import stack, state_machine
from simcore.program.hbm.stack import HbmStack

#: Transactions of one row segment.
SEGMENT = 4
#: KV of one layer at 128 tokens of context, the share of one stack of two; 8 caches.
TRANSFER_BYTES, CACHES, REGION_BYTES = 133_120, 8, 17_039_360


def segments_per_s(n_bytes: int, window: int | None, rounds: int) -> float:
    """Median over rounds of a sequential read on a new stack."""
    n = n_bytes // 32
    zeros = np.zeros(n, dtype=np.int64)
    address = np.arange(n, dtype=np.int64) * 32
    found = []
    for _ in range(rounds):
        memory = HbmStack(HbmChannelConfig(preset="HBM3"))
        started = time.perf_counter()
        memory.serve(zeros, address, zeros, window)
        found.append(n / SEGMENT / (time.perf_counter() - started))
    return statistics.median(found)


def ms_per_transfer(n: int, *, together: bool) -> tuple[float, int]:
    """Of reads of several caches in turn, each when the one before has ended.

    Returns
    -------
    ms, end_ps : float, int
        Wall clock of one, and when the last has ended.
    """
    memory = HbmStack(HbmChannelConfig(preset="HBM3"))
    end_ps = 0
    started = time.perf_counter()
    for i in range(n):
        address = i % CACHES * REGION_BYTES
        if together:
            transactions = np.arange(TRANSFER_BYTES // 32, dtype=np.int64)
            done, _ = memory.serve(
                np.full_like(transactions, end_ps),
                address + 32 * transactions,
                np.zeros_like(transactions),
            )
            end_ps = int(done.max())
        else:
            end_ps, _ = memory.transfer(end_ps, address, TRANSFER_BYTES, is_write=False)
    return (time.perf_counter() - started) / n * 1000, end_ps


def main() -> None:
    segments_per_s(1 << 16, 1 << 14, 1)
    ms_per_transfer(1, together=False)
    window = segments_per_s(1 << 25, 1 << 20, 5)
    whole = segments_per_s(1 << 25, None, 5)
    rounds = [
        [ms_per_transfer(300, together=together) for together in (True, False)]
        for _ in range(5)
    ]
    assert len({end_ps for pair in rounds for _, end_ps in pair}) == 1
    together, alone = (statistics.median(r[i][0] for r in rounds) for i in (0, 1))
    for name, function in list(vars(state_machine).items()):
        if hasattr(function, "py_func"):
            setattr(state_machine, name, function.py_func)
    stack.serve = state_machine.serve
    plain = segments_per_s(1 << 18, 1 << 20, 1)
    plain_transfer, _ = ms_per_transfer(2, together=False)
    print(f"any traffic, 1 MiB in flight     {window:10,.0f} segments/s")
    print(f"any traffic, all at once         {whole:10,.0f} segments/s")
    print(f"the same in plain Python         {plain:10,.0f} segments/s")
    print(f"a transfer, servers together     {together:10.3f} ms")
    print(f"a transfer, one server at a time {alone:10.3f} ms")
    print(f"the same in plain Python         {plain_transfer:10.1f} ms")
    print(f"together / one at a time         {together / alone:10.1f}")


if __name__ == "__main__":
    main()
