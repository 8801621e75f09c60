"""Published figures that a hardware number can be compared with.

Every figure has its source beside it. Figures marked "recalled" were not read again;
they only widen a range and never narrow one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """What is plausible for one number.

    Attributes
    ----------
    low, high : float or None
        Ends of the range, in the unit of the field; None: no limit.
    source : str
        Where the figures are from.
    """

    low: float | None
    high: float | None
    source: str


@dataclass(frozen=True)
class SurveyBin:
    """Converters of one resolution and speed in the ADC survey.

    Attributes
    ----------
    enob : int
        Effective bits, plus and minus a half.
    band : str
        Sampling rates.
    parts : int
        How many there are.
    energy_p10_pj, energy_median_pj : float
        Energy per conversion: the lowest tenth, and half, of the parts are below.
    area_p10_mm2 : float
        Area, the same way.
    """

    enob: int
    band: str
    parts: int
    energy_p10_pj: float
    energy_median_pj: float
    area_p10_mm2: float


SURVEY = "Murmann ADC survey rev20250609, parts of 2010 and later"

_FAST, _SLOW = "0.1 to 3 GS/s", "1 to 100 MS/s"

ADC_SURVEY = (
    SurveyBin(5, _FAST, 6, 0.98, 2.46, 0.011),
    SurveyBin(6, _FAST, 13, 2.18, 6.9, 0.0018),
    SurveyBin(7, _FAST, 9, 1.34, 3.14, 0.0019),
    SurveyBin(8, _FAST, 18, 5.2, 10.5, 0.0086),
    SurveyBin(9, _SLOW, 13, 10.0, 45.0, 0.018),
    SurveyBin(10, _FAST, 31, 4.2, 18.3, 0.008),
    SurveyBin(11, _SLOW, 34, 16.6, 84.0, 0.015),
    SurveyBin(12, _SLOW, 44, 21.0, 216.0, 0.023),
    SurveyBin(12, _FAST, 11, 7.0, 104.0, 0.018),
)

#: Smallest published converter below the survey's range, scaled by 2 per bit.
ADC_4BIT_PJ, ADC_4BIT_MM2 = 0.226, 0.000284
ADC_4BIT_SOURCE = (
    "FORMS 4-bit ADC at 32 nm (0.226 pJ, 284 um2) in the accelergy-library component "
    "tables; energy and area about 2 per bit"
)

#: Bits and fastest plausible conversion in ns; between them along a power law.
ADC_LATENCY_NS = ((1, 0.3), (4, 0.3), (8, 0.8), (12, 10.0))
ADC_LATENCY_SOURCE = (
    "comparator cycles of a successive-approximation or flash converter: 4 bits 0.3 to "
    "1 ns, 8 bits 0.8 to 5 ns, 12 bits 10 to 50 ns (20 to 100 MS/s)"
)

#: Bits, and lowest and highest pJ of a row driver.
DAC_PJ = ((1, 0.0035, 0.5), (8, 0.1, 6.0))
DAC_SOURCE = (
    "1 bit: 0.0035 pJ (PUMA table) to 0.42 pJ (ISAAC, word line included); 8 bits: "
    "0.29 pJ at 40 nm (BRAHMS) to 5.9 pJ (NeuroSim)"
)
DAC_LATENCY = Range(
    0.05, None, "resistance and capacitance of a line of 256 cells: 0.05 to 3 ns"
)

TIA_PJ = Range(0.02, 1.0, "10 to 100 uW for 2 to 10 ns; NeuroSim at 65 nm: 0.5 pJ")
TIA_NS = Range(1.0, None, "amplifier bandwidth; a sample takes 1 to 10 ns")
SNH_PJ = Range(0.01, 0.51, "C V^2 with 10 to 50 fF; NeuroSim at 65 nm: 0.508 pJ")
SHIFT_ADD_PJ = Range(
    0.02, 2.25, "16-bit shift-and-add: 0.021 pJ at 32 nm (ISAAC) to 2.25 pJ at 65 nm"
)

CELL_PJ = Range(
    0.0005,
    0.02,
    "V^2 G t of a read: ISAAC 2.25 fJ, 0.2 V at 10 uS for 10 ns 4 fJ, held 50 ns 20 fJ",
)
ARRAY_NS = Range(
    1.0,
    2000.0,
    "bitline settling with TIA and sample-and-hold bandwidth from 1 ns; PUMA, ISAAC "
    "100 ns for 128 x 128 with 16 phases",
)

#: KiB, read energy in pJ/B, access time in ns, leakage in mW: 22 nm high performance.
SRAM_22NM = (
    (8, 0.105, 0.13, 1.3),
    (32, 0.145, 0.22, 4.8),
    (128, 0.42, 0.41, 17.7),
    (512, 0.98, 0.81, 67.6),
    (1024, 1.5, 1.11, 134.0),
    (2048, 2.3, 1.5, 267.0),
    (4096, 3.3, 2.0, 535.0),
    (8192, 4.7, 2.7, 1070.0),
)
SRAM_PORT_BYTES = 64
SRAM_SOURCE = "CACTI 7, 22 nm HP, one bank, 512-bit port, 350 K"
#: Scaled to 7 nm; 32 nm (1.8) with a 64-bit port (3).
SRAM_ENERGY_LOW, SRAM_ENERGY_HIGH = 0.4, 5.4
#: Low-standby-power cells leak so much less; 32 nm leaks so much more.
SRAM_LEAKAGE_LOW, SRAM_LEAKAGE_HIGH = 1 / 280, 2.1

HBM_PJ_PER_BYTE = Range(
    24.0,
    40.0,
    "3 to 5 pJ per bit: 3.59 inside the stack (AttAcc), 3.9 HBM2, 0.5 to 1.5 for PHY "
    "and controller (recalled)",
)
HBM_STACK_GBPS = (256.0, 1229.0)
HBM_STACKS = 8
HBM_BANDWIDTH_SOURCE = "one HBM2 stack 256 to 307 GB/s, one HBM3E stack 1024 to 1229"
HBM_LATENCY_NS = Range(
    28.0,
    600.0,
    "tRCD + tCL of 28 ns (Ramulator 2.1 presets); 400 to 600 ns end to end on a GPU",
)
HBM_FOOTPRINT_MM2 = 120.0

FABRIC_PJ_PER_BYTE = Range(
    0.15,
    1.0,
    "per hop: AXI4 NoC at 12 nm 0.15 to 0.19 pJ/B (recalled), ISAAC router 0.65 and "
    "bus 0.43 pJ/B at 32 nm",
)

_MAC = (
    "16-bit float MAC 0.32 pJ (AttAcc) to 1 to 1.6 pJ at 22 nm (scaled); 8-bit integer "
    "about 0.08 pJ at 7 nm (recalled)"
)
_QUANTISE = "one multiply and round: 0.1 to 0.5 pJ; RAELLA 0.25 pJ at 40 nm"
_ELEMENTWISE = Range(0.077, 7.0, f"one to five multiply-adds; {_MAC}")

#: pJ of one operation, by coarse section or by feature.
DIGITAL_PJ = {
    "attention": Range(0.077, 1.6, _MAC),
    "softmax": Range(
        0.3, 6.0, "exponential, sum, division: 0.3 pJ (log2 units) to 6 pJ at 22 nm"
    ),
    "elementwise": _ELEMENTWISE,
    "kv_cache": Range(0.1, 0.5, _QUANTISE),
    "attention_qk": Range(0.077, 1.6, _MAC),
    "attention_pv": Range(0.077, 1.6, _MAC),
    "attention_softmax": Range(
        0.3, 6.0, "exponential, sum, division: 0.3 pJ (log2 units) to 6 pJ at 22 nm"
    ),
    "norm": Range(0.6, 3.0, "two multiply-adds per element, 7 to 22 nm"),
    "ffn_activation": Range(0.3, 7.0, "SiLU: three to five multiply-adds"),
    "quantize": Range(0.1, 0.5, _QUANTISE),
    "dequantize": Range(0.1, 0.5, _QUANTISE),
    "kv_pack": Range(0.1, 0.5, _QUANTISE),
    "kv_unpack": Range(0.1, 0.5, _QUANTISE),
    "kv_cache_update": Range(0.1, 0.5, _QUANTISE),
    "sampling": Range(0.029, 7.0, "compare 0.029 pJ at 40 nm (Aladdin) or more"),
}
DIGITAL_PJ_DEFAULT = _ELEMENTWISE

#: From this time per operation on, a unit works on one element after another.
SERIAL_OP_NS = 0.5

#: Energy of one instruction of a small processor.
RISCV_PJ = Range(
    25.0, 60.0, "RISC-V host (Ariane, 22 nm): up to 40 Gop/s/W (arXiv 1904.05442)"
)

#: Below this no kind of component of a whole chip leaks: 1 uW in nW.
CHIP_LEAKAGE_NW = 1000.0


def along_power_law(points: Sequence[tuple[float, float]], x: float) -> float:
    """Value at `x` between points, straight in log-log; constant beyond them.

    Parameters
    ----------
    points : sequence of (x, y)
        Rising in x, all positive.
    x : float
        Where to read.
    """
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x <= x1:
            along = math.log(x / x0) / math.log(x1 / x0)
            return float(y0 * (y1 / y0) ** along)
    return points[-1][1]


def along_bits(points: Sequence[tuple[float, float]], bits: float) -> float:
    """The same with each bit a constant factor."""
    return along_power_law([(2.0**b, y) for b, y in points], 2.0**bits)
