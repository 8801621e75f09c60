"""Metrics of a run of three requests in two replications, worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from simcore.analysis.ledger import Breakdown, Ledger
from simcore.analysis.metrics import summarize, utilization
from simcore.config.hardware import LeakagePowerConfig
from simcore.config.load import load_scenario
from simcore.program.burst import build_burst_program

# Columns: replication, request, burst, accepted, committed, L, start, end in us.
# Requests 0 and 1 share the chip of replication 0; the last burst of request 2
# accepts 3 and commits 2: two tokens are discarded.
ROWS = [
    (0, 0, 0, 3, 4, 16, 0, 10),
    (0, 0, 1, 0, 1, 20, 10, 22),
    (0, 0, 2, 2, 3, 21, 22, 30),
    (0, 1, 0, 1, 2, 16, 5, 40),
    (1, 2, 0, 0, 1, 16, 0, 6),
    (1, 2, 1, 3, 2, 17, 6, 20),
]
US = 10**6


@pytest.fixture(scope="module")
def program():
    scenario = load_scenario("tiny")
    leaking = LeakagePowerConfig(arrays_nw=3.0e6, sram_nw=1.0e6)
    hardware = scenario.hardware.model_copy(update={"leakage_power": leaking})
    return build_burst_program(scenario.model, hardware, 3, scenario.accounting)


@pytest.fixture
def columns(program):
    names = ("replication", "request", "burst", "accepted", "committed")
    bursts = {name: [row[i] for row in ROWS] for i, name in enumerate(names)}
    bursts["context_length"] = [row[5] for row in ROWS]
    bursts["start_ps"] = [row[6] * US for row in ROWS]
    bursts["end_ps"] = [row[7] * US for row in ROWS]
    bursts["ready_ps"] = bursts["start_ps"]
    bursts["commit_ps"] = [1 * US] * 6
    bursts["draft_ps"] = [2 * US] * 6
    bursts["verify_ps"] = [(row[7] - row[6] - 3) * US for row in ROWS]
    bursts["k"] = [3] * 6
    bursts["wasted_verify_steps"] = [3 - row[3] for row in ROWS]
    spent = Ledger(program).burst_columns(
        bursts["context_length"], bursts["committed"]
    )["energy_pj"]
    bursts["energy_pj"] = spent
    requests = {
        "replication": [0, 0, 1],
        "request": [0, 1, 2],
        "tokens": [8, 2, 3],
        "bursts": [3, 1, 2],
        "latency_ps": [30 * US, 35 * US, 20 * US],
        "energy_pj": [spent[:3].sum(), spent[3], spent[4:].sum()],
        "ttft_ps": [None, None, None],
        "commit_gap_ps": [[1, 2], [], [3]],
    }
    return bursts, requests, spent


@pytest.fixture
def summary(program, columns):
    bursts, requests, _ = columns
    return summarize(program, bursts, requests)


def value(summary, name):
    return summary["metrics"][name]["value"]


def test_time_per_token_is_the_ratio_of_sums(summary):
    assert value(summary, "latency_ns_per_token") == pytest.approx(85_000 / 13)
    mean_of_ratios = np.mean([30 / 8, 35 / 2, 20 / 3]) * 1000
    assert abs(value(summary, "latency_ns_per_token") - mean_of_ratios) > 2000
    # Makespan: 40 us and 20 us; two chips, so two clusters: requests that share one
    # depend on each other.
    assert summary["metrics"]["latency_ns_per_token"]["n"] == 2
    throughput = summary["metrics"]["throughput_tokens_per_s"]
    assert throughput["value"] == pytest.approx(13 / 60e-6)
    assert throughput["n"] == 2
    assert value(summary, "burst_latency_ns") == pytest.approx(85_000 / 6)
    assert value(summary, "request_latency_ns") == pytest.approx(85_000 / 3)
    assert value(summary, "committed_tokens_per_burst") == pytest.approx(13 / 6)
    assert value(summary, "wasted_verify_steps_per_burst") == pytest.approx(9 / 6)


def test_energy_is_dynamic_plus_leakage_over_the_makespan(summary, columns):
    dynamic = math.fsum(columns[2])
    # 3 mW of arrays and 1 mW of SRAM for 60 us. Each replication's 12 of 85 us of
    # drafting, scaled to its makespan, keep three of four arrays off on 18 of the 22
    # tiles (the vocabulary projection always needs all).
    assert summary["leakage"]["power_nw"] == 4e6
    by_phase = summary["leakage"]["by_phase"]
    arrays, sram = (summary["leakage"]["by_component"][n] for n in ("arrays", "sram"))
    assert sram == pytest.approx(1e-3 * 60e-6 * 1e12)
    leakage = arrays + sram
    drafting_us = by_phase["draft"] / (4e-3 - 3e-3 * 0.75 * 18 / 22) / 1e6
    assert 0 < drafting_us < 12
    off = 3e-3 * 0.75 * 18 / 22 * drafting_us * 1e6
    assert arrays == pytest.approx(3e-3 * 60e-6 * 1e12 - off)
    assert summary["leakage"]["energy_pj"] == pytest.approx(leakage)
    assert math.fsum(by_phase.values()) == pytest.approx(leakage)
    assert by_phase["verify"] / by_phase["commit"] == pytest.approx(67 / 6)
    assert value(summary, "dynamic_energy_pj_per_token") == pytest.approx(dynamic / 13)
    assert value(summary, "leakage_energy_pj_per_token") == pytest.approx(leakage / 13)
    total = dynamic + leakage
    assert value(summary, "energy_pj_per_token") == pytest.approx(total / 13)
    assert value(summary, "tokens_per_joule") == pytest.approx(13e12 / total)
    assert summary["energy_pj"]["total"] == pytest.approx(dynamic, rel=1e-13)


def test_counts_and_elapsed_time(summary):
    assert summary["counts"] == {
        "requests": 3,
        "bursts": 6,
        "tokens": 13,
        "drafted_tokens": 18,
        "accepted_tokens": 9,
        "discarded_tokens": 2,
    }
    assert summary["elapsed_ps"] == {
        "total": 60 * US,
        "draft": 12 * US,
        "verify": 67 * US,
        "commit": 6 * US,
    }
    assert summary["accepted_histogram"] == {"0": 2, "1": 1, "2": 1, "3": 2}


def test_autocorrelation_uses_neighbours_of_one_request_only(summary):
    # Mean 1.5, variance 9.5/6; pairs (3,0), (0,2), (0,3) inside requests.
    products = (1.5 * -1.5) + (-1.5 * 0.5) + (-1.5 * 1.5)
    expected = products / 3 / (9.5 / 6)
    assert summary["accepted_autocorrelation"] == pytest.approx(expected)


def test_quantiles_are_observed_values(summary):
    burst = summary["quantiles"]["burst_latency_ns"]
    # Sorted: 6, 8, 10, 12, 14, 35 us.
    assert burst["p50"]["value"] == 10_000
    assert burst["p99"]["value"] == 35_000
    assert burst["p99"]["high"] is None
    assert summary["quantiles"]["request_latency_ns"]["p50"]["value"] == 30_000


def test_bytes_and_busy_time_are_those_of_the_ledger(summary, program):
    tally = {(row[5], row[4]): 1 for row in ROWS}
    assert len(tally) == 6
    totals = Ledger(program).totals(tally)
    assert summary["bytes"]["hbm"]["read"] == totals.traffic_bytes["hbm", "read"] > 0
    assert summary["busy_ps"]["total"] == totals.busy_ps.total > 0
    hbm = summary["utilization"]["by_resource_kind"]["hbm"]
    busy = totals.busy_ps.by_resource["hbm"]
    assert hbm["max"] == hbm["mean"] == pytest.approx(busy / (60 * US))


def test_utilization_by_kind_and_the_busiest():
    busy = Breakdown(0, {}, {}, {}, {}, {}, {"A1[0]": 50, "A1[1]": 20, "hbm": 40})
    found = utilization(busy, ("A1[0]", "A1[1]", "hbm", "layer[0]", "dpu[0]"), 100)
    assert found == {
        "by_resource_kind": {
            "A1": {"max": 0.5, "mean": 0.35},
            "dpu": {"max": 0.0, "mean": 0.0},
            "hbm": {"max": 0.4, "mean": 0.4},
        },
        "busiest": {"name": "A1[0]", "ratio": 0.5},
    }
    assert utilization(busy, ("hbm",), 0)["busiest"] == {"name": "hbm", "ratio": 0.0}


def test_summary_is_plain_data_and_does_not_depend_on_row_order(
    program, columns, summary
):
    bursts, requests, _ = columns
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    shuffled = {name: values[::-1] for name, values in bursts.items()}
    backwards = {name: values[::-1] for name, values in requests.items()}
    assert summarize(program, shuffled, backwards) == summary
    # Summarising twice changes nothing.
    assert summarize(program, bursts, requests, ledger=Ledger(program)) == summary


def test_one_request_has_no_intervals(program, columns):
    bursts, requests, _ = columns
    alone = summarize(
        program,
        {name: values[4:] for name, values in bursts.items()},
        {name: values[2:] for name, values in requests.items()},
        confidence=0.9,
    )
    assert alone["metrics"]["latency_ns_per_token"] == {
        "value": pytest.approx(20_000 / 3),
        "half_width": None,
        "n": 1,
        "confidence": 0.9,
        "method": None,
        "batch_bursts": None,
        "burst_autocorrelation": None,
    }


def test_hardware_that_takes_no_time_has_rate_zero(program, columns):
    bursts, requests, _ = columns
    for name in ("start_ps", "end_ps", "draft_ps", "verify_ps", "commit_ps"):
        bursts[name] = [0] * 6
    requests["latency_ps"] = [0] * 3
    summary = summarize(program, bursts, requests)
    assert summary["metrics"]["throughput_tokens_per_s"] == {
        "value": 0.0,
        "half_width": None,
        "n": 2,
        "confidence": 0.95,
        "method": None,
        "batch_bursts": None,
        "burst_autocorrelation": None,
    }
    assert summary["leakage"]["by_phase"]["draft"] == 0.0


def test_rows_that_do_not_belong_together_are_refused(program, columns):
    bursts, requests, _ = columns
    empty = {name: [] for name in bursts}
    with pytest.raises(ValueError, match="no bursts to summarize"):
        summarize(program, empty, requests)
    requests["request"] = [0, 1, 3]
    with pytest.raises(ValueError, match="not of the same run"):
        summarize(program, bursts, requests)
