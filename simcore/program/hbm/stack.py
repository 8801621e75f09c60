"""Stacks as one memory: sequential transfers at absolute times, one after another."""

from __future__ import annotations

import numpy as np

from simcore.config.hbm import PAGE_BYTES, TRANSACTION_BYTES, HbmChannelConfig
from simcore.program.hbm.address_map import AddressMap, IntArray
from simcore.program.hbm.state_machine import new_state, serve, transfer
from simcore.program.hbm.timing import StackTiming


class HbmStack:
    """The state of identical stacks that every transfer is spread over evenly.

    One stack is followed with its share of the bytes; the others do the same.

    Parameters
    ----------
    config : HbmChannelConfig
        Timing, address map, refresh and number of stacks.
    """

    def __init__(self, config: HbmChannelConfig) -> None:
        self.config = config
        self.timing = StackTiming.of(config)
        self.map = AddressMap(config.map_text)
        channels = self.map.count("ch")
        servers = np.arange(self.map.servers, dtype=np.int64)
        first = np.full(self.map.servers, self.timing.refi, dtype=np.int64)
        if config.refresh_phase == "staggered":
            channel = servers // self.map.count("pc")
            first = (channel + 1) * self.timing.refi // channels
        self.state = new_state(
            self.timing,
            self.map.servers,
            self.map.banks,
            self.map.count("bg"),
            refresh=config.refresh == "all_bank",
            first_refresh=first,
        )

    @property
    def activates(self) -> int:
        """Rows opened so far, in all stacks."""
        return int(self.state.acts.sum()) * self.config.stacks

    def transfer(
        self, start_ps: int, address: int, n_bytes: int, *, is_write: bool
    ) -> tuple[int, int]:
        """One sequential transfer that starts when the one before has ended.

        Parameters
        ----------
        start_ps : int
            Absolute time, not before the end of the transfer before.
        address : int
            First byte, in the addresses of one stack.
        n_bytes : int
            Bytes over all stacks, >= 0.
        is_write : bool
            Direction.

        Returns
        -------
        end_ps, activates : int
            When the last data was there, and rows opened in all stacks.
        """
        share = -(-n_bytes // self.config.stacks)
        n = -(-share // TRANSACTION_BYTES)
        if n == 0:
            return start_ps, 0
        before = self.activates
        places = self.map.places(
            address + TRANSACTION_BYTES * np.arange(n, dtype=np.int64)
        )
        end = transfer(self.timing, self.state, start_ps, *places, is_write)
        return end, self.activates - before

    def pass_over(self, end_ps: int, n_bytes: int) -> int:
        """Tell of a read that was timed elsewhere: rows are closed when it ends.

        Returns
        -------
        int
            Rows it opened in all stacks, every page once.
        """
        state, timing = self.state, self.timing
        state.open_row[:] = -1
        state.precharge_ok[:] = np.maximum(state.precharge_ok, end_ps - timing.rp)
        state.last_column[:] = np.maximum(state.last_column, end_ps - timing.cl)
        state.last_read[:] = np.maximum(state.last_read, end_ps - timing.cl)
        opened = -(-n_bytes // PAGE_BYTES)
        state.acts[0] += -(-opened // self.config.stacks)
        return opened

    def serve(
        self,
        arrival_ps: IntArray,
        address: IntArray,
        is_write: IntArray,
        window_bytes: int | None = None,
    ) -> tuple[IntArray, IntArray]:
        """Any transactions of 32 B, in order, on one stack.

        Parameters
        ----------
        arrival_ps, address, is_write : ndarray of int64, shape (n,)
            Arrivals ascend.
        window_bytes : int, optional
            Most bytes in flight.

        Returns
        -------
        done_ps, taken_ps : ndarray of int64, shape (n,)
            When data was there, and when the queue took the transaction.
        """
        places = self.map.places(address)
        window = arrival_ps.size
        if window_bytes is not None:
            window = window_bytes // TRANSACTION_BYTES
        return serve(
            self.timing,
            self.state,
            arrival_ps,
            places.server,
            places.bank,
            places.group,
            places.row,
            is_write,
            max(1, window),
        )
