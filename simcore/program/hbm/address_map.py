"""Which channel, bank and row an address falls on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simcore.config.hbm import TRANSACTION_BYTES, address_map_problem

IntArray = npt.NDArray[np.int64]

_TRANSACTION_BITS = TRANSACTION_BYTES.bit_length() - 1


class Places(NamedTuple):
    """Where transactions fall; arrays of equal length.

    `server` numbers pseudo-channels, `bank` the banks of one, bank group included.
    """

    server: IntArray
    bank: IntArray
    group: IntArray
    row: IntArray


class AddressMap:
    """Slices of an address, as ``ro:14,ba:2,si:1,co:4,bg:2,pc:1,ch:4,cl:1``.

    Parameters
    ----------
    text : str
        Parts from the highest bits to the lowest, above the 32 B of a transaction.

    Raises
    ------
    ValueError
        If the text is no address map.
    """

    def __init__(self, text: str) -> None:
        wrong = address_map_problem(text)
        if wrong is not None:
            raise ValueError(f"address map {text!r}: {wrong}")
        self._slices: dict[str, tuple[int, int]] = {}
        shift = 0
        for part in reversed(text.split(",")):
            name, bits = part.split(":")
            self._slices[name] = (shift, int(bits))
            shift += int(bits)
        self.n_transactions = 1 << shift

    def count(self, name: str) -> int:
        """How many values a part takes; 1 when the map does not name it."""
        return 1 << self._slices.get(name, (0, 0))[1]

    @property
    def servers(self) -> int:
        """Pseudo-channels."""
        return self.count("ch") * self.count("pc")

    @property
    def banks(self) -> int:
        """Banks of a pseudo-channel."""
        return self.count("si") * self.count("ba") * self.count("bg")

    def places(self, address: IntArray) -> Places:
        """Places of byte addresses; those beyond the capacity wrap around."""
        # Both are powers of two, and dividing arrays is slow.
        number = (address >> _TRANSACTION_BITS) & (self.n_transactions - 1)

        def part(name: str) -> IntArray:
            shift, bits = self._slices.get(name, (0, 0))
            return (number >> shift) & ((1 << bits) - 1)

        group = part("bg")
        bank = part("si") * self.count("ba") + part("ba")
        return Places(
            server=part("ch") * self.count("pc") + part("pc"),
            bank=bank * self.count("bg") + group,
            group=group,
            row=part("ro"),
        )
