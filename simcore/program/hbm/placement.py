"""Where KV caches, embedding rows and weights lie in HBM."""

from __future__ import annotations

from typing import Protocol

from simcore.config.hbm import TRANSACTION_BYTES
from simcore.program.burst import BurstProgram
from simcore.program.outcomes import BurstOutcome

#: KV blocks start at multiples of this, so that they cover all channels and groups.
BLOCK_BYTES = 16_384
#: Room for the cache of one layer of one request, in tokens.
_REGION_TOKENS = 16_384
#: Spreads rows of a table; a large odd number.
_SPREAD = 2_654_435_761


class _Run(Protocol):
    @property
    def request(self) -> int: ...
    @property
    def outcome(self) -> BurstOutcome: ...


class Placement:
    """Addresses of transfers: every layer of every request has a region of its own.

    Parameters
    ----------
    program : BurstProgram
        Model, formats and operations.
    n_transactions : int
        Capacity of one stack in transactions; addresses wrap around.
    """

    def __init__(self, program: BurstProgram, n_transactions: int) -> None:
        self._table = program.table
        self._layers = program.n_layers
        memory = program.hardware.memory
        assert memory is not None
        written = [
            op.write_bytes.per_committed
            for part in program.commit
            for legs in part.positions
            for op in legs
            if op.owner == "hbm"
        ]
        stacks = memory.hbm.channel.stacks if memory.hbm.channel else 1
        self._token_bytes = max(1, round(max(written, default=0.0)) // stacks)
        tokens = _REGION_TOKENS * self._token_bytes
        self._region = -(-tokens // BLOCK_BYTES) * BLOCK_BYTES
        self._capacity = n_transactions * TRANSACTION_BYTES

    def address(self, run: _Run, op: int) -> int:
        """First byte of a transfer, in the addresses of one stack."""
        operation = self._table.operations[op]
        layer = int(self._table.layer[op])
        start = (run.request * self._layers + layer) * self._region
        if operation.name == "kv_commit":
            start += run.outcome.context_length * self._token_bytes
        elif operation.name == "embedding_read":
            # Some row of the table: which token it is does not matter here.
            token = run.outcome.context_length + int(self._table.step[op])
            start = (token * _SPREAD) % self._capacity
        address = start % self._capacity
        return address - address % TRANSACTION_BYTES
