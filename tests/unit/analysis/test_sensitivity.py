"""Each uncertain input moves what it should, and nothing else."""

from __future__ import annotations

import pytest

from simcore.analysis.sensitivity import FACTORS, INPUTS, Sensitivity, sensitivity
from simcore.config.load import load_hardware, load_scenario


@pytest.fixture(scope="module")
def found() -> Sensitivity:
    return sensitivity(load_scenario("tiny"))


def by_input(found: Sensitivity, what: str) -> dict[float, dict[str, float]]:
    return {row.factor: row.metrics for row in found.rows if row.what == what}


def test_every_input_is_scaled_by_every_factor(found: Sensitivity) -> None:
    assert [(row.what, row.factor) for row in found.rows] == [
        (what, factor) for what in INPUTS for factor in FACTORS
    ]
    assert min(FACTORS) == 0.1
    assert max(FACTORS) == 10
    for what in INPUTS:
        assert by_input(found, what)[1.0] == found.nominal
    assert found.left_out == {}


@pytest.mark.parametrize(
    ("what", "moved"),
    [
        ("ADC energy", {"energy_pj_per_token", "tokens_per_joule"}),
        ("ADC area", {"on_chip_mm2"}),
        (
            "residual ADC latency",
            {
                "latency_ns_per_token",
                "energy_pj_per_token",
                "tokens_per_joule",
                "speedup",
                "break_even_committed_tokens",
            },
        ),
        ("HBM energy", {"energy_pj_per_token", "tokens_per_joule"}),
    ],
)
def test_an_input_moves_what_it_should(found, what, moved) -> None:
    rows = by_input(found, what)
    for name, nominal in found.nominal.items():
        same = rows[10.0][name] == pytest.approx(nominal, rel=1e-12)
        assert same == (name not in moved), name


def test_energies_are_linear_in_the_factor(found: Sensitivity) -> None:
    for what in ("ADC energy", "HBM energy"):
        rows = by_input(found, what)
        energy = {f: row["energy_pj_per_token"] for f, row in rows.items()}
        slope = (energy[10.0] - energy[1.0]) / 9
        assert energy[0.1] == pytest.approx(energy[1.0] - 0.9 * slope, rel=1e-9)
        assert slope > 0


def test_more_bandwidth_and_lanes_are_never_slower(found: Sensitivity) -> None:
    for what in ("HBM bandwidth", "DPU lanes"):
        rows = by_input(found, what)
        times = [rows[factor]["latency_ns_per_token"] for factor in FACTORS]
        assert times == sorted(times, reverse=True)
        assert times[0] > times[-1]


def test_what_the_hardware_does_not_have_is_left_out_with_a_reason() -> None:
    cost = {"energy_pj_per_mac": 1.0, "latency_ns_per_mac": 1.0}
    names = ("analog_draft", "analog_full", "analog_verify_reuse", "kv_cache")
    names += ("digital_attention", "digital_softmax", "digital_elementwise")
    hardware = load_hardware(
        {
            "name": "legacy",
            "costs": {
                **dict.fromkeys(names, cost),
                "analog_weight_area": {"area_mm2_per_weight": 0},
                "digital_features": {"norm": cost},
            },
        }
    )
    tiny = load_scenario("tiny")
    found = sensitivity(
        load_scenario({**dict(tiny), "hardware": hardware}), factors=(1.0, 2.0)
    )
    assert [(row.what, row.factor) for row in found.rows] == [
        ("DPU lanes", 1.0),
        ("DPU lanes", 2.0),
    ]
    assert (
        found.rows[1].metrics["latency_ns_per_token"]
        < (found.nominal["latency_ns_per_token"])
    )
    assert found.left_out["ADC energy"] == "costs per MAC have no converters"
    assert found.left_out["HBM bandwidth"] == "the hardware describes no memory"


def test_factors_must_be_positive() -> None:
    with pytest.raises(ValueError, match="factors must be > 0"):
        sensitivity(load_scenario("tiny"), factors=(0.0,))
