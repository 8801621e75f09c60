"""Energy and bytes of a burst program, added up once for all prompt lengths."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from simcore.analysis.composition import parts
from simcore.analysis.context_sum import ContextSum, SeenBursts
from simcore.program.burst import BurstProgram
from simcore.program.operation import MEMORIES


class EnergyKey(NamedTuple):
    """Where a joule is counted; every joule has one key."""

    phase: str
    stage: str
    component: str
    channel: str
    operation: str


class BurstCosts:
    """Sums of the energies and bytes of one program.

    Attributes
    ----------
    energy_pj : dict of EnergyKey to ContextSum
        Dynamic energy of a burst.
    traffic_bytes : dict of (memory, direction) to ContextSum
        Bytes a burst moves.

    Parameters
    ----------
    program : BurstProgram
        What a burst executes.
    """

    def __init__(self, program: BurstProgram) -> None:
        self.energy_pj: dict[EnergyKey, ContextSum] = {}
        self.traffic_bytes: dict[tuple[str, str], ContextSum] = {}
        for phase, index, part, times in parts(program):
            seen = (index, part.context_cap)
            for legs in part.positions:
                for op in legs:
                    for component, cost in op.energy_pj:
                        key = EnergyKey(phase, op.stage, component, op.channel, op.name)
                        found = self.energy_pj.get(key)
                        if found is None:
                            found = self.energy_pj[key] = ContextSum()
                        found.add(cost, seen, times)
                    if op.owner in MEMORIES:
                        self._move(op.owner, "read").add(op.read_bytes, seen, times)
                        self._move(op.owner, "write").add(op.write_bytes, seen, times)

    def _move(self, memory: str, direction: str) -> ContextSum:
        return self.traffic_bytes.setdefault((memory, direction), ContextSum())

    @cached_property
    def total_energy_pj(self) -> ContextSum:
        """Dynamic energy of a burst, all keys together."""
        total = ContextSum()
        for part in self.energy_pj.values():
            total.include(part)
        return total

    def expected_energy_pj(self, bursts: SeenBursts) -> dict[EnergyKey, float]:
        """Dynamic energy of a request.

        Parameters
        ----------
        bursts : SeenBursts
            The bursts of the request.
        """
        return {key: part.expected(bursts) for key, part in self.energy_pj.items()}

    def expected_bytes(self, bursts: SeenBursts) -> dict[tuple[str, str], float]:
        """Bytes that a request moves.

        Parameters
        ----------
        bursts : SeenBursts
            The bursts of the request.
        """
        return {key: part.expected(bursts) for key, part in self.traffic_bytes.items()}
