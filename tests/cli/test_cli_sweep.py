"""`simcore sweep`: what the user types, sees, and is told when it is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from interrupts import wrapped_interrupt

from simcore.analysis.k_sweep import sweep_draft_lengths
from simcore.config.load import load_scenario
from simcore.experiments import sweep_figures

ESTIMATE = (
    "sweep",
    "tiny",
    "--method",
    "estimate",
    "--grid",
    "workload.draft_length=0:4",
    "--grid",
    "workload.prompt_length=16:1024:*4",
)
SHORT = ("--set", "workload.max_tokens=4", "--set", "workload.requests=2")
SIMULATE = ("sweep", "tiny", *SHORT, "--grid", "workload.draft_length=0,2")


def test_the_report_has_points_best_k_break_even_and_front(cli):
    result = cli(*ESTIMATE)
    assert result.code == 0
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert result.out.isascii()
    header = next(line for line in lines if line.split()[:1] == ["#"])
    assert header.split() == [
        *("#", "K", "prompt", "time", "energy", "tokens/J", "speed-up", "C*"),
        *("E[a+1]", "*"),
    ]
    start = lines.index(header)
    assert [line.split()[:3] for line in lines[start + 1 : start + 6]] == [
        ["0", "0", "16"],
        ["1", "0", "64"],
        ["2", "0", "256"],
        ["3", "0", "1,024"],
        ["4", "1", "16"],
    ]
    assert "Best K" in lines
    assert any(line.startswith("Break-even prompt lengths") for line in lines)
    assert "points on the Pareto front" in result.out
    assert "of points\n  with the same prompt" in result.out
    assert lines[-1] == (
        "sweep: traces/tiny-sweep-1 (sweep.parquet, sweep.csv, sweep.json)"
    )
    assert Path("traces/tiny-sweep-1/sweep.parquet").is_file()


def test_simulated_points_show_their_half_width_and_their_checks(cli):
    result = cli(*SIMULATE, "--out", "out")
    assert result.code == 0
    header = next(line for line in result.out.splitlines() if "time" in line.split())
    assert "+-" in header.split()
    assert "checks: all hold at 2 points" in result.out


def test_the_same_command_again_continues(cli):
    first = cli(*SIMULATE, "--out", "out")
    second = cli(*SIMULATE, "--out", "out")
    assert second.out == first.out
    assert second.err.splitlines()[0] == "3 of 3 were there already"
    assert "were there already" not in first.err
    assert cli(*SIMULATE, "--out", "out", "--quiet").err == ""


def test_a_page_is_made_on_the_way_or_named_as_what_is_next(cli):
    first = cli(*ESTIMATE, "--out", "out")
    assert first.err.splitlines()[-1] == "next: simcore report out"
    assert not Path("out/report.html").exists()
    second = cli(*ESTIMATE, "--out", "out", "--report")
    assert second.code == 0
    assert second.out.splitlines()[-1] == "report: out/report.html"
    assert "next:" not in second.err
    assert "Pareto" in Path("out/report.html").read_text()
    # The page is the sweep's own: it goes with it.
    assert cli(*ESTIMATE[:-2], "--out", "out", "--force").code == 0
    assert not Path("out/report.html").exists()


def test_json_has_every_row_and_what_it_says(cli):
    result = cli(*ESTIMATE, "--out", "out", "--json")
    document = json.loads(result.out)
    assert sorted(document) == ["command", "result", "schema_version"]
    assert document["command"] == "sweep"
    found = document["result"]
    assert found["path"] == "out"
    assert found["method"] == "estimate"
    assert found["fields"] == ["workload.draft_length", "workload.prompt_length"]
    assert len(found["rows"]) == 20
    prompts = [16, 64, 256, 1024]
    swept = sweep_draft_lengths(load_scenario("tiny"), range(5), prompts)
    assert [
        (one["prompt_length"], one["draft_length_by_throughput"])
        for one in found["best_draft_lengths"]
    ] == [(best.prompt_length, best.by_throughput) for best in swept.best]
    fronts = [row["point"] for row in found["rows"] if row["pareto"]]
    assert found["pareto"] == fronts


def test_a_sweep_section_is_enough(cli):
    text = (
        "model: tiny\nhardware: toy-ideal\nacceptance: alpha-0.85\n"
        "workload: {prompt_length: 16, draft_length: 3, max_tokens: 4}\n"
        "sweep:\n  method: estimate\n  list:\n"
        "    - {workload.draft_length: 1, schedule: serialized}\n"
        "    - {workload.draft_length: 2}\n"
    )
    Path("mine.yaml").write_text(text)
    assert cli("sweep", "mine.yaml").code == 0
    rows = Path("traces/mine-sweep-1/sweep.csv").read_text().splitlines()
    assert len(rows) == 3
    # Alone it runs as any other scenario.
    assert cli("run", "mine.yaml", "--out", "alone", "-q").code == 0
    changed = cli("sweep", "mine.yaml", "--set", "sweep.method=simulate")
    assert changed.code == 2
    assert "the folder holds another sweep" in changed.err


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("seed", "'seed': must be KEY=V1,V2,..., e.g. workload.draft_length=0:8"),
        ("=1", "'=1': must be KEY=V1,V2,..., e.g. workload.draft_length=0:8"),
        ("seed=1,,2", "'seed=1,,2': a value is missing; write null for none"),
        ("seed=8:1", "'seed=8:1': '8:1': to must be >= from (8)"),
        (
            "seed=1:8:*1",
            "'seed=1:8:*1': '1:8:*1': factor must be > 1 It would never end.",
        ),
        ("seed=007", "'seed=007': '007' must not start with 0"),
    ],
)
def test_a_grid_that_cannot_be_read_is_wrong_usage(cli, grid, message):
    result = cli("sweep", "tiny", "--grid", grid)
    assert result.code == 2
    assert result.err.splitlines()[0] == f"Error: Invalid value for --grid: {message}"


def test_a_field_given_twice_is_wrong_usage(cli):
    result = cli("sweep", "tiny", "--grid", "seed=1", "--grid", "seed=2")
    assert result.code == 2
    assert "the field is there twice; give all its values at once" in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--requests", "1", "--bursts", "1"),
            "give --requests or --bursts, not both",
        ),
        (
            ("--method", "estimate", "--bursts", "1"),
            "--bursts is for simulations, not for estimates",
        ),
        (
            ("--method", "estimate", "--no-baseline"),
            "an estimate always has its baseline",
        ),
    ],
)
def test_options_that_exclude_each_other_are_wrong_usage(cli, options, message):
    result = cli(*SIMULATE, *options)
    assert result.code == 2
    assert message in result.err
    assert list(Path().iterdir()) == []


def test_all_problems_of_all_points_are_told_before_anything_is_written(cli):
    result = cli(
        *("sweep", "tiny", "--grid", "workload.draft_length=1,-1"),
        *("--grid", "schedule=serialized,pipelined"),
    )
    assert result.code == 2
    assert result.err.splitlines() == [
        "option: point 1 (workload.draft_length=1, schedule=pipelined), 3: schedule: "
        "got 'pipelined'; must be one of serialized, layer-pipelined, prefetch, "
        "overlap or null. Did you mean 'layer-pipelined'?",
        "option: point 2 (workload.draft_length=-1, schedule=serialized), 3: "
        "workload.draft_length: got -1; must be an integer between 0 and 1024.",
        "2 problems. Nothing was run.",
    ]
    assert list(Path().iterdir()) == []


def test_a_scenario_without_a_sweep_is_told_how(cli):
    result = cli("sweep", "tiny")
    assert result.code == 2
    assert result.err.splitlines()[0] == (
        "scenarios/tiny.yaml: sweep: missing. Add a sweep section or use --grid, for "
        "example --grid workload.draft_length=0:8."
    )


def test_a_check_that_fails_is_exit_code_3(cli, monkeypatch):
    work = sweep_figures.simulated_figures
    monkeypatch.setattr(
        sweep_figures,
        "simulated_figures",
        lambda scenario: {**work(scenario), "checks_hold": False},
    )
    result = cli(*SIMULATE, "--out", "out")
    assert result.code == 3
    assert "checks: do NOT hold at 2 points: 0, 1" in result.out


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_an_interrupt_says_what_is_kept(cli, monkeypatch, is_wrapped):
    def interrupted(scenario):
        if is_wrapped:
            raise wrapped_interrupt()
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep_figures, "simulated_figures", interrupted)
    result = cli(*SIMULATE, "--out", "out")
    assert result.code == 130
    assert "out keeps the finished points; the same command goes on" in result.err


def test_many_points_and_long_values_stay_within_80_columns(cli):
    result = cli(
        *("sweep", "tiny", "--method", "estimate", "--grid", "seed=1:30"),
        *("--grid", "description=" + "x" * 100),
        *("--grid", f"jitter_cv=0.123456789,{'1' * 15}e-15"),
        *("--grid", "hardware.soc.control.energy_pj_per_token=0.125,0.25"),
    )
    assert result.code == 0
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "  ... and 20 more points, in sweep.csv and --json" in lines


@pytest.mark.slow
def test_the_shipped_sweep_takes_less_than_a_minute_and_pays_where_its_table_says(cli):
    result = cli("sweep", "sweep-k-prompt", "--json")
    assert result.code == 0
    found = json.loads(result.out)["result"]
    assert len(found["rows"]) == 72
    best = {
        one["prompt_length"]: one["draft_length_by_throughput"]
        for one in found["best_draft_lengths"]
    }
    assert best[64] > best[1024] > best[8192] == 0
    assert list(best.values()) == sorted(best.values(), reverse=True)
    equal = [one["equal_at"] for one in found["break_even"]]
    assert equal == sorted(equal, reverse=True)
    assert [one["draft_length"] for one in found["break_even"]] == list(range(1, 9))
