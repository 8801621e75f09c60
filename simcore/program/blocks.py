"""Analog blocks of a layer: what is read in which phase, accumulated and stored.

Under reuse a drafted token keeps its results in D_reg: verification then reads only
the residual arrays (draft blocks) or nothing at all (full blocks).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from simcore.config.accounting import AccountingConfig
from simcore.config.hardware import HardwareConfig
from simcore.config.model import ModelConfig
from simcore.program.analog import AnalogMode, AnalogReader
from simcore.program.mac_costs import MacReader
from simcore.program.movement import Mover
from simcore.program.operation import Operation, Phase
from simcore.program.shape import Matrix

Positions = list[tuple[Operation, ...]]

_STAGES = {
    "qkv": "qkv",
    "q_up": "qkv",
    "k_absorb": "qkv",
    "v_up": "wo",
    "wo": "wo",
    "lm_head": "lm_head",
}


@dataclass(frozen=True)
class BlockBuilder:
    """Builds the positions of one analog block; `mover` is None without D_reg."""

    model: ModelConfig
    hardware: HardwareConfig
    accounting: AccountingConfig
    mover: Mover | None

    @cached_property
    def _tiles(self) -> AnalogReader:
        hardware = self.hardware
        assert hardware.analog is not None  # or there are costs per MAC
        assert hardware.components is not None
        return AnalogReader(
            hardware,
            self.accounting,
            self.model.activation_bits,
            hardware.analog,
            hardware.components,
        )

    def positions(
        self, name: str, matrices: Sequence[Matrix], phase: Phase, policy: str
    ) -> Positions:
        """Read, accumulation and stored draft of block `name` in one phase.

        Parameters
        ----------
        policy : {"draft", "full"}
            How draft steps read the block.
        """
        reuse = self.hardware.reuse_policy == "reuse" and name != "lm_head"
        drafting = phase == "draft"
        reused = reuse and phase == "verify_drafted"
        mode: AnalogMode = "full"
        if policy == "draft" and drafting:
            mode = "draft"
        elif policy == "draft" and reused:
            mode = "residual"
        if self.hardware.costs is not None:
            read = self._by_macs(name, matrices, phase, policy, mode, reuse=reuse)
        elif reused and policy == "full":
            read = []
        else:
            read = self._by_tiles(name, matrices, mode, drafting=drafting, adds=reused)
        if not reuse or self.mover is None or phase == "verify_bonus":
            return read
        outputs = sum(m.rows_out for m in matrices)
        # The stored draft is read while the residual converts, and written after.
        if reused:
            return [(self.mover.stored_draft(outputs, ("A2",), "read"),), *read]
        return [*read, (self.mover.stored_draft(outputs, ("A1",), "write"),)]

    def _by_tiles(
        self,
        name: str,
        matrices: Sequence[Matrix],
        mode: AnalogMode,
        *,
        drafting: bool,
        adds: bool,
    ) -> Positions:
        reader = self._tiles
        stage = _STAGES.get(name, "ffn")
        return [
            (reader.read(name, stage, matrices, mode, drafting=drafting),),
            (
                reader.accumulate(
                    matrices, mode, drafting=drafting, adds_stored_draft=adds
                ),
            ),
        ]

    def _by_macs(
        self,
        name: str,
        matrices: Sequence[Matrix],
        phase: Phase,
        policy: str,
        mode: AnalogMode,
        *,
        reuse: bool,
    ) -> Positions:
        """Costs per MAC: a pass of adds for what is stored, and for what combines."""
        assert self.hardware.costs is not None
        reader = MacReader(self.hardware, self.accounting, self.hardware.costs)
        read = reader.read(name, _STAGES.get(name, "ffn"), matrices, mode)
        beside_ns = read.duration_ns.base
        positions: Positions = [(read,)]
        if phase == "draft":
            passes = [1] * (int(reuse) + int(policy == "full"))
        elif reuse and phase == "verify_drafted":
            passes = [2] if policy == "draft" else [1]
            if policy == "full":
                positions, beside_ns, mode = [], 0.0, "residual"
        else:
            passes = [1]
        add = reader.accumulate(
            matrices,
            mode,
            drafting=phase == "draft",
            beside_ns=beside_ns,
            passes=passes,
        )
        return [*positions, (add,)]
