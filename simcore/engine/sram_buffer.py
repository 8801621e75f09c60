"""The SRAM buffer: a port in every layer, and one capacity for speculative KV."""

from __future__ import annotations

from collections import deque

from simpy.events import Event

from simcore.engine.clock import Clock
from simcore.engine.hardware_block import HardwareBlock
from simcore.errors import SimulationError


class SramPort(HardwareBlock):
    """The one port of a layer's slice of the SRAM."""

    __slots__ = ()


class SramBuffer:
    """Bytes for speculative KV, reserved by a burst all or nothing.

    Parameters
    ----------
    clock : Clock
        The clock of the replication.
    capacity_bytes : int or None
        None when the hardware names no capacity.

    Attributes
    ----------
    held : dict
        Bytes held now, by (request, burst).
    peak_bytes : int
        Most bytes held at once so far.
    """

    def __init__(self, clock: Clock, capacity_bytes: int | None) -> None:
        self.capacity_bytes = capacity_bytes
        self.held: dict[tuple[int, int], int] = {}
        self.peak_bytes = 0
        self._clock = clock
        self._queue: deque[tuple[tuple[int, int], int, Event]] = deque()

    @property
    def occupied_bytes(self) -> int:
        """Bytes held now."""
        return sum(self.held.values())

    @property
    def waiting(self) -> list[tuple[int, int]]:
        """Bursts that wait for room, oldest first."""
        return [owner for owner, _, _ in self._queue]

    def reserve(self, owner: tuple[int, int], n_bytes: int) -> Event | None:
        """Reserve `n_bytes` for burst `owner`.

        Returns
        -------
        Event or None
            None when reserved at once, else an event that succeeds when it is.
        """
        if not self._queue and self._fits(n_bytes):
            self._hold(owner, n_bytes)
            return None
        granted = self._clock.event()
        self._queue.append((owner, n_bytes, granted))
        return granted

    def release(self, owner: tuple[int, int]) -> None:
        """Free what burst `owner` holds and serve the queue in order.

        Raises
        ------
        SimulationError
            If the burst holds nothing.
        """
        if owner not in self.held:
            raise SimulationError(f"burst {owner} frees SRAM that it does not hold")
        del self.held[owner]
        while self._queue and self._fits(self._queue[0][1]):
            waiting, n_bytes, granted = self._queue.popleft()
            self._hold(waiting, n_bytes)
            granted.succeed()

    def _fits(self, n_bytes: int) -> bool:
        capacity = self.capacity_bytes
        return capacity is None or self.occupied_bytes + n_bytes <= capacity

    def _hold(self, owner: tuple[int, int], n_bytes: int) -> None:
        self.held[owner] = n_bytes
        self.peak_bytes = max(self.peak_bytes, self.occupied_bytes)
