"""Sections of the reports, from made-up numbers."""

from __future__ import annotations

import pytest

from simcore.config.load import load_hardware
from simcore.report.breakdown_text import breakdown, elapsed_line, utilization_lines
from simcore.report.checks_text import checks_line, checks_table, verdict
from simcore.report.facts import assumptions_text, coverage_text
from simcore.report.metrics_text import compared_metrics, precision_line
from simcore.report.speculation_text import speculation_section

CHECK = {"name": "sums_agree", "holds": True, "measured": 0, "bound": 1e-12}


def test_checks_are_counted_and_the_failing_ones_explained():
    wrong = {**CHECK, "name": "energy", "holds": False, "measured": 1.5, "detail": "pJ"}
    assert checks_line([]) == "checks: none were made"
    assert checks_line([CHECK]) == "checks: 1 of 1 hold"
    assert checks_line([CHECK, wrong]).splitlines() == [
        "checks: 1 of 2 hold",
        "  does not hold: energy: measured 1.50, bound 1.00e-12 (pJ)",
    ]
    assert verdict([CHECK, wrong]) == "1 check does not hold."
    assert verdict([CHECK, CHECK]) == "All 2 checks hold."
    table = checks_table([CHECK, wrong]).splitlines()
    assert table[1].split() == ["ok", "sums_agree", "0", "1.00e-12"]
    assert table[2].split() == ["FAIL", "energy", "1.50", "1.00e-12"]


def test_small_parts_are_added_up_in_one_line():
    energy = {"draft": 600.0, "commit": 400.0, "x": 0.1, "y": 0.2}
    lines = breakdown("phase", ("draft", "commit"), energy, tokens=10).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["draft", "60.0", "pJ", "60.0", "%"],
        ["commit", "40.0", "pJ", "40.0", "%"],
        ["2", "others", "30.0", "fJ", "<", "0.1", "%"],
    ]


def test_what_takes_time_but_no_energy_is_shown():
    text = breakdown("stage", ("qkv",), {"qkv": 1.0}, {"qkv": 5.0, "wait": 5.0})
    assert "50.0 %" in text
    assert "wait" in breakdown("stage", ("qkv", "wait"), {"qkv": 1.0}, {"wait": 5.0})


def test_the_busiest_block_and_the_next_kinds():
    kinds = {
        "A1": {"max": 0.5, "mean": 0.4},
        "hbm": {"max": 0.9, "mean": 0.9},
        "dpu": {"max": 0.0, "mean": 0.0},
    }
    found = {"busiest": {"name": "hbm", "ratio": 0.9}, "by_resource_kind": kinds}
    assert utilization_lines(found) == (
        "busiest block: hbm, 90.0 % of the time; then A1 50.0 %"
    )


def test_elapsed_time_is_split_over_phases():
    elapsed = {"total": 999, "commit": 10, "draft": 30, "verify": 60}
    assert elapsed_line(elapsed, 10) == (
        "time per token: 10.0 ps, of which draft 30.0 %, verify 60.0 %, commit 10.0 %"
    )


def test_simulation_stands_beside_the_closed_form():
    simulated = {
        "latency_ns_per_token": {"value": 1000.0, "half_width": 10.0},
        "tokens_per_joule": {"value": 5.0, "half_width": None},
    }
    text = compared_metrics(simulated, {"latency_ns_per_token": 1010.0})
    latency, efficiency = (" ".join(row.split()) for row in text.splitlines()[1:])
    assert latency == "latency per token 1.00 +- 0.01 us 1.01 us +1.0 %"
    assert efficiency == "efficiency 5.00 tokens/J - -"


@pytest.mark.parametrize(
    ("half_width", "n", "said"),
    [
        (0.5, 400, "is within 0.50 %."),
        (2.0, 100, "is within 2.0 %, not yet 1 %: simulate about 300 more requests."),
        (None, 1, "One request gives no interval; simulate more with --requests."),
    ],
)
def test_how_much_more_to_simulate(half_width, n, said):
    found = {"value": 100.0, "half_width": half_width, "n": n}
    assert precision_line({"metrics": {"latency_ns_per_token": found}}).endswith(said)


def test_batches_of_bursts_are_named_and_requests_still_counted():
    found = {"value": 100.0, "half_width": 2.0, "n": 64}
    found |= {"method": "batch_means", "batch_bursts": 12}
    summary = {
        "metrics": {"latency_ns_per_token": found},
        "intervals": {"n_clusters": 8},
    }
    assert precision_line(summary) == (
        "+- is half of a 95 % interval over 64 batches of 12 bursts in time order, as "
        "requests are few. The latency per token is within 2.0 %, not yet 1 %: "
        "simulate about 24 more requests."
    )


def closed_form(**changes: object) -> dict:
    return {
        "draft_length": 5,
        "metrics": {"committed_tokens_per_burst": 2.62},
        "request": {"accepted_tokens": 167.0, "bursts": 100.0},
        "baseline": {
            "metrics": {"latency_ns_per_token": 132e3, "energy_pj_per_token": 1.6e9}
        },
        "ratio": {"speedup": 1.19, "dynamic_energy": 3.17},
        "break_even_committed_tokens": 2.2,
        "break_even_power_w": 142.0,
        **changes,
    }


def test_break_even_stands_beside_what_was_accepted():
    text = speculation_section(closed_form())
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "speed-up 1.19x speculation pays here" in rows
    assert "C* 2.20 tokens per burst to break even" in rows
    assert "E[a+1] 2.67 tokens per burst, as accepted" in rows
    assert "committed 2.62 tokens per burst, the last one cut at max_tokens" in rows
    assert "break-even power 142 W static power above which tokens/J improves" in rows


def test_in_a_run_the_simulated_latency_decides():
    summary = {
        "metrics": {
            "latency_ns_per_token": {"value": 264e3},
            "committed_tokens_per_burst": {"value": 2.5},
        },
        "counts": {"accepted_tokens": 150, "bursts": 100},
    }
    text = " ".join(speculation_section(closed_form(), summary).split())
    assert "speed-up 0.500x speculation does not pay here" in text
    assert "E[a+1] 2.50 tokens per burst, as accepted" in text
    # The same number twice would only confuse.
    assert "committed" not in text


@pytest.mark.parametrize(
    ("power", "said"),
    [
        (None, "- no time is saved: tokens/J cannot improve"),
        (0, "0 W tokens/J improves at any static power"),
    ],
)
def test_break_even_power_in_words(power, said):
    text = speculation_section(closed_form(break_even_power_w=power))
    assert said in " ".join(text.split())


def test_without_drafts_there_is_nothing_to_compare():
    text = speculation_section(closed_form(draft_length=0))
    assert text == "No speculation here: K = 0, one token at a time."


def test_coverage_names_proxies_and_exclusions():
    found = [
        {"item": "qkv", "status": "modeled"},
        {"item": "wo", "status": "modeled"},
        {"item": "norm", "status": "proxy"},
        {"item": "prefill", "status": "excluded"},
    ]
    assert coverage_text(found) == (
        "2 items modeled; 1 proxy (norm); 1 excluded (prefill)"
    )


def test_assumptions_are_counted():
    chip = load_hardware("residual-analog-22nm")
    found = [entry.status for entry in chip.provenance.values()]
    text = assumptions_text(chip)
    assert text.startswith(
        f"{found.count('assumed')} of {len(found)} sourced hardware numbers assumed"
    )
    assert f"{found.count('derived')} derived" in text
    bare = chip.model_copy(update={"provenance": {}})
    assert assumptions_text(bare) == (
        "hardware numbers come from the file, which names no source for them"
    )
