"""The SRAM buffer: a port in every layer, and one capacity in bytes."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple

from simcore.engine.hardware_block import HardwareBlock
from simcore.errors import SimulationError

#: A burst: (request, burst).
Owner = tuple[int, int]


class SramPort(HardwareBlock):
    """The one port of a layer's slice of the SRAM."""

    __slots__ = ()


class Reservation(NamedTuple):
    """Bytes that a burst waits for; the first three order the queue."""

    ready_ps: int
    request: int
    burst: int
    n_bytes: int
    granted: Callable[[], None]


_AGE = itemgetter(0, 1, 2)


class SramBuffer:
    """Bytes that bursts reserve all or nothing, first come first served.

    The chip grants: `serve` is called when everything that ends at an instant has
    ended, so that the order of events within an instant never matters.

    Parameters
    ----------
    capacity_bytes : int or None
        None when the hardware names no capacity.

    Attributes
    ----------
    held : dict
        Bytes held now, by (request, burst).
    peak_bytes : int
        Most bytes held at once so far.
    has_changed : bool
        Whether who waits may be served now, and could not be before.
    """

    def __init__(self, capacity_bytes: int | None) -> None:
        self.capacity_bytes = capacity_bytes
        self.held: dict[Owner, int] = {}
        self.occupied_bytes = 0
        self.peak_bytes = 0
        self.has_changed = False
        self._queue: list[Reservation] = []

    @property
    def waiting(self) -> list[Reservation]:
        """Reservations that wait for room, oldest first."""
        return sorted(self._queue, key=_AGE)

    @property
    def has_waiting(self) -> bool:
        """Whether any burst waits for room."""
        return bool(self._queue)

    def request(self, reservation: Reservation) -> None:
        """Queue a reservation; `serve` grants it."""
        self._queue.append(reservation)
        self.has_changed = True

    def serve(self) -> None:
        """Grant the oldest reservations that fit; none passes an older one."""
        self.has_changed = False
        if len(self._queue) > 1:
            self._queue.sort(key=_AGE)
        while self._queue and self._fits(self._queue[0].n_bytes):
            first = self._queue.pop(0)
            self._hold((first.request, first.burst), first.n_bytes)
            first.granted()

    def release(self, owner: Owner) -> None:
        """Free what burst `owner` holds.

        Raises
        ------
        SimulationError
            If the burst holds nothing.
        """
        self.occupied_bytes -= self._given_up(owner)
        self.has_changed = bool(self._queue)

    def hand_over(self, owner: Owner, heir: Owner) -> None:
        """Let burst `heir` hold what burst `owner` held: its drafts stay in place.

        Raises
        ------
        SimulationError
            If the burst holds nothing.
        """
        self.held[heir] = self._given_up(owner)

    def _given_up(self, owner: Owner) -> int:
        if owner not in self.held:
            raise SimulationError(f"burst {owner} frees SRAM that it does not hold")
        return self.held.pop(owner)

    def _fits(self, n_bytes: int) -> bool:
        capacity = self.capacity_bytes
        return capacity is None or self.occupied_bytes + n_bytes <= capacity

    def _hold(self, owner: Owner, n_bytes: int) -> None:
        self.held[owner] = n_bytes
        self.occupied_bytes += n_bytes
        self.peak_bytes = max(self.peak_bytes, self.occupied_bytes)
