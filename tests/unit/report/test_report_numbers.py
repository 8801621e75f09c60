"""Three significant digits and the unit that suits."""

from __future__ import annotations

import math

import pytest

from simcore.report import numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (2.6655, "2.67"),
        (9.996, "10.0"),
        (99.96, "100"),
        (0.00012345, "1.23e-04"),
        (0.0012345, "0.00123"),
        (-12.345, "-12.3"),
        (1234.5, "1,230"),
        (999_600, "1,000,000"),
        (123_456_789, "123,000,000"),
        (1.23456e12, "1.23e+12"),
        (math.nan, "not a number"),
        (math.inf, "infinite"),
    ],
)
def test_significant_digits(value, text):
    assert numbers.significant(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 ps"),
        (1, "1.00 ps"),
        (999.4, "999 ps"),
        (999.6, "1.00 ns"),
        (12_345_678, "12.3 us"),
        (1e12, "1.00 s"),
        (5e15, "5,000 s"),
        (0.25, "0.250 ps"),
        (-2e6, "-2.00 us"),
    ],
)
def test_times_choose_their_unit(value, text):
    assert numbers.time_ps(value) == text


def test_other_quantities_choose_their_unit():
    assert numbers.time_ns(1500.0) == "1.50 us"
    assert numbers.energy_pj(4.42e9) == "4.42 mJ"
    assert numbers.energy_pj(0.0025) == "2.50 fJ"
    assert numbers.power_w(0.0021) == "2.10 mW"
    assert numbers.power_nw(2e6) == "2.00 mW"
    assert numbers.size_bytes(2080) == "2.08 kB"
    assert numbers.size_bytes(544) == "544 B"


def test_counts_are_never_rounded():
    assert numbers.count(1_234_567) == "1,234,567"
    assert numbers.counted(1, "burst") == "1 burst"
    assert numbers.counted(0, "burst") == "0 bursts"
    assert numbers.counted(2, "check does", "checks do") == "2 checks do"


def test_ratios():
    assert numbers.percent(0.912) == "91.2 %"
    assert numbers.factor(2.114) == "2.11x"
    assert numbers.share(373, 1000) == "37.3 %"
    assert numbers.share(1, 1_000_000) == "< 0.1 %"
    assert numbers.share(0, 10) == "0.0 %"
    assert numbers.share(1, 0) == "-"


@pytest.mark.parametrize(
    ("value", "reference", "text"),
    [
        (1.01, 1.0, "+1.0 %"),
        (0.5, 1.0, "-50 %"),
        (1.0, 1.0, "0 %"),
        (1.0 + 1e-13, 1.0, "< 1e-7 %"),
        (1.0, 0.0, "-"),
    ],
)
def test_differences_are_signed(value, reference, text):
    assert numbers.difference(value, reference) == text


@pytest.mark.parametrize(
    ("value", "half_width", "text"),
    [
        (2.6655, 0.0412, "2.67 +- 0.04"),
        (2.6655, 0.5, "2.67 +- 0.50"),
        (2.6655, 0.0071, "2.666 +- 0.007"),
        (2.6655, 0.0004, "2.6655 +- 0.0004"),
        (2.6655, 0.0000004, "2.66550 +- 0.0000004"),
        (27_612.0, 212.0, "27,600 +- 200"),
        (27_612.0, 0.0, "27,600 +- 0"),
        (27_612.0, 1e-10, "27,600 +- 0"),
        (2.6655, None, "2.67"),
    ],
)
def test_a_half_width_is_shown_to_the_digits_of_its_value(value, half_width, text):
    assert numbers.plus_minus(value, half_width, None) == text


def test_value_and_half_width_share_a_unit():
    shown = numbers.plus_minus(36_200_000.0, 312_000.0, numbers.TIME_PS)
    assert shown == "36.2 +- 0.3 us"
