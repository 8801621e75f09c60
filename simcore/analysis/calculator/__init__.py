"""The public calculator `selfspec-calculator` by formula, simplifications included.

It answers what that calculator answers for the same files. Where its formulas are
physically wrong (analog stream latency as a product of two times, one tile at a time,
a pipelined latency below its lower bound) they are kept wrong on purpose: this is the
compatible accounting, `simcore.analysis.closed_form` is the physical one. It shares no
code with either the engine or that closed form.
"""

from __future__ import annotations

from simcore.analysis.calculator.calculator import Calculator, calculate
from simcore.analysis.calculator.k_sweep import Candidate, KSweep, sweep_draft_lengths
from simcore.analysis.calculator.report import CalculatorReport
from simcore.analysis.calculator.speculation import Speculation

__all__ = [
    "Calculator",
    "CalculatorReport",
    "Candidate",
    "KSweep",
    "Speculation",
    "calculate",
    "sweep_draft_lengths",
]
