"""How times and values are written in the JSON, and read from a command line."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

#: "us" writes true microseconds, "ps" shows each picosecond as 1 ns.
TimeScale = Literal["us", "ps"]

_PS_IN = {"ps": 1, "ns": 10**3, "us": 10**6, "ms": 10**9, "s": 10**12}
#: About 106 days; beyond any clock of a run.
_MAX_PS = 2**63 - 1


def time_json(ps: int, scale: TimeScale) -> str:
    """Microseconds as exact decimals; a float would lose picoseconds."""
    if scale == "us":
        return f"{ps // 1_000_000}.{ps % 1_000_000:06d}"
    return f"{ps // 1_000}.{ps % 1_000:03d}"


def time_text(ps: int) -> str:
    """A time as `parse_time` reads it, exact: `12.5us`."""
    return f"{(Decimal(ps) / 10**6).normalize():f}us"


def parse_time(text: str) -> int:
    """Picoseconds of a time with its unit, such as `1500ns` or `1.5us`.

    Parameters
    ----------
    text : str
        A number and one of ps, ns, us, ms, s.

    Raises
    ------
    ValueError
        Saying what is wrong; a number without a unit is never guessed at.
    """
    shown = repr(text[:60])
    number = text.strip().rstrip("pnumst")
    unit = text.strip()[len(number) :]
    try:
        value = Decimal(number.strip())
    except InvalidOperation:
        raise ValueError(
            f"{shown} is not a time, for example 1500ns or 1.5us"
        ) from None
    if not unit:
        raise ValueError(f"{shown} has no unit; write {number.strip()}us or ns")
    if unit not in _PS_IN:
        raise ValueError(f"{shown}: the unit must be one of {', '.join(_PS_IN)}")
    if not 0 <= value * _PS_IN[unit] <= _MAX_PS:
        raise ValueError(f"{shown} must be at least 0 and below 106 days")
    ps = value * _PS_IN[unit]
    if ps != int(ps):
        raise ValueError(f"{shown} is no whole number of picoseconds")
    return int(ps)


def dumps(value: Any) -> str:
    """JSON of plain data, keys sorted."""
    return json.dumps(value, allow_nan=False, sort_keys=isinstance(value, dict))
