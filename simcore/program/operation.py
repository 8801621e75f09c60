"""One operation: one kind of work of one layer in one step, and what it occupies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from simcore.program.cost import ZERO, Cost
from simcore.program.stall import RefreshStall
from simcore.units import PS_PER_NS

Phase = Literal["draft", "verify_drafted", "verify_bonus", "draft_ahead", "commit"]
Status = Literal["modeled", "proxy", "excluded"]

PHASES: tuple[Phase, ...] = (
    "draft",
    "verify_drafted",
    "verify_bonus",
    "draft_ahead",
    "commit",
)

#: Resources that every layer has its own of; only `hbm` is shared by the chip.
LAYER_RESOURCES = (
    "A1",
    "A2",
    "dac",
    "dpu",
    "attention",
    "sram",
    "fabric_read",
    "fabric_write",
    "control",
    "layer",
)
HBM = "hbm"
LAYER_GATE = "layer_gate"

#: Components whose reads and writes are bytes of a memory or of the fabric.
MEMORIES = ("sram", "hbm", "fabric", "d_reg")


@dataclass(frozen=True, slots=True)
class Operation:
    """Work with one cost, held on one or several resources of its layer at once.

    Attributes
    ----------
    name : str
        Kind of work, for example `attention_qk`.
    stage : str
        Reporting bucket.
    resources : tuple of str
        Kinds of resource, all held for the whole duration; the first owns the row
        that carries energy and bytes.
    channel : {"compute", "movement", "gate"}
        Whether it computes, moves bytes, or only keeps a layer for one token.
    owner : str
        The one component that this operation's count (elements, conversions, bytes)
        belongs to.
    status : {"modeled", "proxy"}
        How faithfully it is counted.
    duration_ns, read_bytes, write_bytes : Cost
        Time, and bytes moved out of and into `owner` when that is a memory.
    energy_pj : tuple of (component, Cost)
        Dynamic energy by component; each joule appears once.
    elements : Cost
        Counted events: MACs, elements, ADC outputs, tile activations.
    stall : RefreshStall or None
        Refreshes of an HBM transfer, on top of `duration_ns`.
    activate_energy_pj : float
        HBM energy of each row activation, where they are counted one by one.
    """

    name: str
    stage: str
    resources: tuple[str, ...]
    channel: Literal["compute", "movement", "gate"]
    owner: str
    status: Status = "modeled"
    duration_ns: Cost = ZERO
    read_bytes: Cost = ZERO
    write_bytes: Cost = ZERO
    energy_pj: tuple[tuple[str, Cost], ...] = ()
    elements: Cost = ZERO
    stall: RefreshStall | None = None
    activate_energy_pj: float = 0.0

    def ns_at(self, context: Any, committed: Any = 0) -> Any:
        """Unrounded duration in ns, refreshes included; numbers or arrays."""
        linear = self.duration_ns.at(context, committed)
        return linear if self.stall is None else self.stall.ns(linear)

    def ps_at(self, context: int, committed: float = 0) -> int:
        """Duration in whole picoseconds, half to even, refreshes included."""
        linear = round(self.duration_ns.at(context, committed) * PS_PER_NS)
        return linear if self.stall is None else int(self.stall.ps(linear))

    def has_cost(self) -> bool:
        """Whether anything is spent: time, bytes or energy."""
        return bool(
            self.duration_ns
            or self.read_bytes
            or self.write_bytes
            or any(cost for _, cost in self.energy_pj)
        )


@dataclass(frozen=True, slots=True)
class LayerStep:
    """One layer's part of one step: operations in order, some with parallel legs.

    Attributes
    ----------
    positions : tuple of tuple of Operation
        Each position starts when all legs of the one before have ended; the legs of
        a position run at the same time on resources of their own.
    context_cap : int or None
        Most cached tokens the layer looks at (sliding window minus the token itself).
    """

    positions: tuple[tuple[Operation, ...], ...]
    context_cap: int | None = None

    def context(self, context_length: int) -> int:
        """Cached tokens this layer sees when `context_length` are cached."""
        if self.context_cap is None:
            return context_length
        return min(context_length, self.context_cap)


def layer_counts(layers: Iterable[LayerStep]) -> list[tuple[LayerStep, int]]:
    """Distinct layers and how often each occurs, in the order they first do.

    Parameters
    ----------
    layers : iterable of LayerStep
        Of one step; layers of one kind share one object.
    """
    # Identity is enough and cheap.
    counts: dict[int, int] = {}
    first: dict[int, LayerStep] = {}
    for part in layers:
        counts[id(part)] = counts.get(id(part), 0) + 1
        first.setdefault(id(part), part)
    return [(first[key], times) for key, times in counts.items()]
