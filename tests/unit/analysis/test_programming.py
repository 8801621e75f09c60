"""Programming the weights once, counted by hand."""

from __future__ import annotations

from typing import Any

from simcore.analysis.programming import programming_report
from simcore.config.accounting import AccountingConfig
from simcore.config.load import load_hardware, load_model

MODEL = {
    "name": "m",
    "n_layers": 2,
    "d_model": 64,
    "n_heads": 1,
    "head_dim": 64,
    "d_ff": 64,
    "activation_bits": 8,
}


def chip(**programming: Any) -> Any:
    converter = {
        "energy_pj_per_conversion": 1.0,
        "latency_ns_per_conversion": 1.0,
        "area_mm2_per_unit": 0.0,
    }
    coefficient = {"energy_pj_per_mac": 1.0, "latency_ns_per_mac": 1.0}
    return load_hardware(
        {
            "name": "chip",
            "analog": {
                "xbar_size": 32,
                "dac_bits": 4,
                "num_columns_per_adc": 32,
                "adc": {"draft_bits": 4, "residual_bits": 4},
            },
            "components": {
                "adc": {"4": converter},
                "dac": {"4": converter},
                "array": {
                    "energy_pj_per_activation": 1.0,
                    "latency_ns_per_activation": 1.0,
                    "area_mm2_per_weight": 0.0,
                    **programming,
                },
                "digital": dict.fromkeys(
                    ("attention", "softmax", "elementwise", "kv_cache"), coefficient
                ),
            },
        }
    )


def test_every_cell_of_four_arrays_is_pulsed() -> None:
    hardware = chip(
        programming_pulses_per_cell=5.0,
        programming_energy_pj_per_pulse=2.0,
        programming_latency_ns_per_pulse=100.0,
        programming_cells_at_once=32,
    )
    report = programming_report(
        load_model(MODEL), hardware, AccountingConfig(offset_row="off")
    )
    assert report is not None
    # 64 x 64 is 4 tiles: q, k and v make 12, wo, up and down 4 each; two layers.
    tiles = 2 * (12 + 4 + 4 + 4)
    assert report.cells == tiles * 4 * 32 * 32
    assert report.energy_pj == report.cells * 5 * 2.0
    # Rows of 32 cells at once, 32 rows, four arrays in turn.
    assert report.latency_ns == 4 * 32 * 5 * 100.0


def test_the_offset_row_is_programmed_too() -> None:
    hardware = chip(programming_pulses_per_cell=1.0)
    model = load_model(MODEL)
    off = programming_report(model, hardware, AccountingConfig(offset_row="off"))
    on = programming_report(model, hardware, AccountingConfig())
    assert off is not None
    assert on is not None
    assert on.cells * 32 == off.cells * 33


def test_without_figures_nothing_is_reported() -> None:
    assert programming_report(load_model(MODEL), chip(), AccountingConfig()) is None
