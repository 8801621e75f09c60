"""Numbers as people read them: three significant digits and a unit.

All digits are in the JSON. Everything here is plain ASCII and depends on nothing but
its arguments, so that a report is the same text on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from simcore.units import NS_PER_S, PS_PER_S

_DIGITS = 3
#: Of a value that is known better than that.
_MOST_DIGITS = 6
_NOISE = 1e-9

Scale = Sequence[tuple[float, str]]

#: Units of each quantity, smallest first, with their size in the base unit.
TIME_PS: Scale = (
    (1.0, "ps"),
    (1e3, "ns"),
    (1e6, "us"),
    (1e9, "ms"),
    (float(PS_PER_S), "s"),
)
ENERGY_PJ: Scale = (
    (1e-3, "fJ"),
    (1.0, "pJ"),
    (1e3, "nJ"),
    (1e6, "uJ"),
    (1e9, "mJ"),
    (1e12, "J"),
    (1e15, "kJ"),
)
POWER_W: Scale = (
    (1e-12, "pW"),
    (1e-9, "nW"),
    (1e-6, "uW"),
    (1e-3, "mW"),
    (1.0, "W"),
    (1e3, "kW"),
)
BYTES: Scale = ((1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB"))


def significant(value: float, digits: int = _DIGITS) -> str:
    """A number rounded to significant digits: `2.67`, `12,300`, `4.1e-07`.

    Parameters
    ----------
    value : float
        Any number; NaN and infinities are spelled out.
    digits : int
        Significant digits, >= 1.
    """
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else f"{value}inite"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if not -4 < exponent < 9:
        return f"{value:.{digits - 1}e}"
    return _fixed(value, decimals_of(value, digits))


def decimals_of(value: float, digits: int = _DIGITS) -> int:
    """Decimals that show `digits` significant digits; negative above the point."""
    if value == 0 or not math.isfinite(value):
        return 0
    # Through the scientific format, so that 9.996 counts as 10.0.
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])
    return digits - 1 - exponent


def _fixed(value: float, decimals: int) -> str:
    if decimals >= 0:
        return f"{value:,.{decimals}f}"
    step = Decimal(1).scaleb(-decimals)
    rounded = Decimal(value).quantize(step, rounding=ROUND_HALF_EVEN)
    return f"{int(rounded):,}"


def with_unit(value: float, scale: Scale, digits: int = _DIGITS) -> str:
    """A quantity in the unit that suits its size: `12.3 us`.

    Parameters
    ----------
    value : float
        In the base unit of `scale`.
    scale : Scale
        One of the tables above.
    """
    size, unit = fitting_unit(value, scale)
    return f"{significant(value / size, digits)} {unit}"


def fitting_unit(value: float, scale: Scale) -> tuple[float, str]:
    """Size and name of the unit that suits a quantity."""
    if value == 0 or not math.isfinite(value):
        return next(entry for entry in scale if entry[0] == 1.0)
    fitting = [
        entry
        for entry in scale
        # As rounded for print: 999.6 ns is 1.00 us.
        if float(f"{abs(value) / entry[0]:.{_DIGITS - 1}e}") >= 1.0
    ]
    return fitting[-1] if fitting else scale[0]


def time_ps(value: float) -> str:
    """A time given in picoseconds."""
    return with_unit(value, TIME_PS)


def time_ns(value: float) -> str:
    """A time given in nanoseconds."""
    return with_unit(value * 1e3, TIME_PS)


def energy_pj(value: float) -> str:
    """An energy given in picojoules."""
    return with_unit(value, ENERGY_PJ)


def power_w(value: float) -> str:
    """A power given in watts."""
    return with_unit(value, POWER_W)


def power_nw(value: float) -> str:
    """A power given in nanowatts."""
    return with_unit(value / NS_PER_S, POWER_W)


def size_bytes(value: float) -> str:
    """A size in bytes, decimal units."""
    return with_unit(value, BYTES)


def count(value: int) -> str:
    """A whole number with separators, never rounded."""
    return f"{value:,}"


def counted(value: int, noun: str, plural: str | None = None) -> str:
    """`1 burst`, `2 bursts`."""
    return f"{count(value)} {noun if value == 1 else plural or f'{noun}s'}"


def percent(ratio: float) -> str:
    """A ratio as a percentage: `91.2 %`."""
    return f"{significant(ratio * 100)} %"


def share(value: float, total: float) -> str:
    """Part of a whole with one decimal: `37.3 %`, `< 0.1 %`."""
    if not total:
        return "-"
    ratio = value / total
    if 0 < ratio < 0.0005:
        return "< 0.1 %"
    return f"{ratio * 100:.1f} %"


def factor(ratio: float) -> str:
    """A ratio as a factor: `2.11x`."""
    return f"{significant(ratio)}x"


def difference(value: float, reference: float) -> str:
    """How far `value` is from `reference`, signed, in percent of the reference."""
    if value == reference:
        return "0 %"
    if reference == 0:
        return "-"
    ratio = (value - reference) / abs(reference)
    if abs(ratio) < 1e-9:
        return "< 1e-7 %"
    sign = "+" if ratio > 0 else "-"
    return f"{sign}{significant(abs(ratio) * 100, 2)} %"


def plus_minus(value: float, half_width: float | None, scale: Scale | None) -> str:
    """A value and its half-width in the same unit: `2.67 +- 0.04`, `2.671 +- 0.004`.

    Parameters
    ----------
    value : float
        In the base unit of `scale`.
    half_width : float or None
        None when there are too few samples for an interval.
    scale : Scale or None
        Units; None for plain numbers.
    """
    size, unit = (1.0, "") if scale is None else fitting_unit(value, scale)
    shown = significant(value / size)
    if half_width is not None:
        # What rounding of floats leaves of a spread of zero is no spread.
        width = half_width / size if half_width > _NOISE * abs(value) else 0.0
        decimals = decimals_of(value / size)
        if width and "e" not in shown and math.isfinite(width):
            # At least one digit of the half-width is seen, however small it is, and
            # the value is shown as far, within reason.
            decimals = max(decimals, min(decimals_of(width, 1), 12))
            within = min(decimals, decimals_of(value / size, _MOST_DIGITS))
            shown = _fixed(value / size, within)
            shown = f"{shown} +- {_fixed(width, min(decimals, 12))}"
        else:
            shown = f"{shown} +- {significant(width, 2)}"
    return f"{shown} {unit}".rstrip()
