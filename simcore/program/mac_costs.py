"""Cost of analog blocks on a chip that is described by costs per MAC (legacy form).

There are no converters and tiles here: a block costs its MACs times a coefficient, and
an accumulation takes time only beyond the read that it runs beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simcore.config.accounting import AccountingConfig
from simcore.config.hardware import HardwareConfig, LegacyCostsConfig
from simcore.program.analog import AnalogMode, accumulation, engines
from simcore.program.cost import Cost
from simcore.program.operation import Operation
from simcore.program.shape import Matrix


@dataclass(frozen=True)
class MacReader:
    """Costs of analog reads from coefficients per MAC."""

    hardware: HardwareConfig
    accounting: AccountingConfig
    costs: LegacyCostsConfig

    def read(
        self, name: str, stage: str, matrices: Sequence[Matrix], mode: AnalogMode
    ) -> Operation:
        """The read of one group of matrices: MACs times the coefficient of its mode."""
        coefficient = {
            "draft": self.costs.analog_draft,
            "full": self.costs.analog_full,
            "residual": self.costs.analog_verify_reuse,
        }[mode]
        macs = sum(m.rows_out * m.columns_in for m in matrices)
        return Operation(
            name=name,
            stage=stage,
            resources=engines(mode, self.hardware, self.accounting),
            channel="compute",
            owner="arrays",
            duration_ns=Cost(macs * coefficient.latency_ns_per_mac),
            energy_pj=(("arrays", Cost(macs * coefficient.energy_pj_per_mac)),),
            elements=Cost(macs),
        )

    def accumulate(
        self,
        matrices: Sequence[Matrix],
        mode: AnalogMode,
        *,
        drafting: bool,
        beside_ns: float,
        passes: Sequence[int],
    ) -> Operation:
        """Additions beside a read of `beside_ns`.

        Parameters
        ----------
        passes : sequence of int
            Each entry is one pass over the outputs, so many adds an output; a pass
            takes time only beyond the read.
        """
        energy_pj, latency_ns = self.hardware.soc.buffers_add.for_phase(
            "draft" if drafting else "verify"
        )
        outputs = sum(m.rows_out for m in matrices)
        duration = sum(
            max(0.0, outputs * adds * latency_ns - beside_ns) for adds in passes
        )
        adds = outputs * sum(passes)
        held = engines(mode, self.hardware, self.accounting)
        return accumulation(held, adds, energy_pj, duration)
