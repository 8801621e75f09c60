"""The page of a run says what its folder says, and is a sound page."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from page_parser import all_of, assert_sound, section, table_of, words

from simcore import read_trace
from simcore.config.load import config_sha256, load_scenario
from simcore.experiments.run import simulate
from simcore.report.html.page import Section, page
from simcore.report.html.run.checks import cross_check
from simcore.report.html.run.headline import verdict
from simcore.report.html.run.over_time import queues
from simcore.report.html.run.page import run_page
from simcore.report.html.run.reproduce import shipped_command
from simcore.report.html.run.view import RunView
from simcore.report.html.run.wasted import wasted_work
from simcore.report.html.run.where_it_goes import where_it_goes
from simcore.report.run_text import run_report


def made(folder, name="tiny", *changes, **options):
    simulate(load_scenario(name, changes), out=folder, **options)
    return read_trace(folder)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return made(tmp_path_factory.mktemp("runs") / "tiny", requests=6)


@pytest.fixture(scope="module")
def tree(tiny):
    return assert_sound(run_page(tiny))


SECTIONS = [
    "Results",
    "Does speculation pay",
    "One burst",
    "Where time and energy go",
    "Latency",
    "Acceptance",
    "Utilization",
    "Queues",
    "Memory",
    "Wasted work",
    "Simulation against theory",
    "What this stands on",
    "Run it again",
]


def headings(root):
    return [words(found) for found in all_of(root, "h2")]


def test_everything_asked_for_has_its_section(tree):
    assert headings(tree) == SECTIONS
    figures = [
        words(found) for f in all_of(tree, "figure") for found in all_of(f, "h3")
    ]
    assert figures == [
        "One burst in time",
        "Latency per burst",
        "Latency per request",
        "Accepted drafts per burst",
        "Autocorrelation of accepted drafts",
        "Busy over time",
        "Queue lengths over time",
        "SRAM reserved by bursts",
    ]


def test_the_page_says_how_sure_it_is_in_the_words_of_the_text(tmp_path):
    # Few long requests: batches of bursts are counted, requests are asked for.
    trace = made(tmp_path / "run", "tiny", "workload.max_tokens=400", requests=4)
    assert trace.summary["metrics"]["latency_ns_per_token"]["method"] == "batch_means"
    report = run_report(load_scenario(trace.run["config"]), trace.summary, None)
    said = re.search(r"simulate about ([0-9,]+) more", " ".join(report.split()))
    shown = words(section(assert_sound(run_page(trace)), "Results"))
    assert said is not None
    assert said.group(0) in shown


def test_the_bytes_do_not_depend_on_the_process(tiny):
    code = (
        "import sys; from simcore import read_trace; "
        "from simcore.report.html.run.page import run_page; "
        "sys.stdout.buffer.write(run_page(read_trace(sys.argv[1])).encode())"
    )
    pages = {
        subprocess.run(
            [sys.executable, "-c", code, str(tiny.path)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert pages == {run_page(tiny).encode()}


def test_the_page_names_neither_the_folder_nor_the_machine(tiny):
    text = run_page(tiny)
    assert str(tiny.path) not in text
    assert tiny.run["host"] not in words(assert_sound(text)).split()
    assert tiny.run["created_at"] not in text


def test_tables_sum_to_what_the_summary_says(tiny, tree):
    tokens = tiny.summary["counts"]["tokens"]
    energy = tiny.summary["energy_pj"]["total"] / tokens / 1e6
    where = section(tree, "Where time and energy go")
    work = tiny.summary["busy_ps"]["total"] - tiny.summary["gate_ps"]["total"]
    for by in ("phase", "stage", "component", "channel"):
        rows = table_of(where, f"By {by}")
        assert rows[0][:2] == [by, "energy"]
        assert rows[-1][1] == f"{energy:.2f} µJ"
        assert rows[-1][4] == f"{work / tokens / 1e6:.2f} µs"
        shares = [float(r[2].strip("< %")) for r in rows[1:-1]]
        assert math.fsum(shares) == pytest.approx(100, abs=0.1 * len(shares))
    assert "gate" not in {row[0] for row in table_of(where, "By channel")}
    path = table_of(where, "Critical path by stage")
    assert path[-1][1] == f"{tiny.summary['elapsed_ps']['total'] / 1e6:.0f} µs"


def test_every_check_is_listed_with_its_bound(tiny, tree):
    found = section(tree, "Simulation against theory")
    rows = table_of(found, "Exact relations") + table_of(found, "Means against")
    checks = tiny.summary["cross_check"]
    assert len(rows) - 2 == len(checks) > 20
    assert [row[1] for row in rows if row[1]] == ["ok"] * len(checks)
    assert f"{len(checks)} of {len(checks)} checks hold" in words(
        tree.find("body/header")
    )


def test_a_check_that_fails_is_seen_at_the_top_and_in_the_table(tiny):
    view = RunView.of(tiny)
    checks = [dict(check) for check in view.summary["cross_check"]]
    checks[0]["holds"] = False
    broken = replace(
        view, summary={**view.summary, "cross_check": checks, "warnings": ["Odd."]}
    )
    header = words(assert_sound(shown(verdict(broken))))
    assert f"1 of {len(checks)} checks do not hold, 1 warning" in header
    rows = table_of(assert_sound(shown(cross_check(broken))), "Exact relations")
    assert [row[1] for row in rows].count("FAIL") == 1
    none = replace(view, summary={**view.summary, "cross_check": []})
    assert "no check was made" in words(assert_sound(shown(verdict(none))))


def shown(content):
    """Content in a page that has what the header links to."""
    named = ("Simulation against theory", "What this stands on")
    return page("t", content, [Section(title, content) for title in named])


def test_quantiles_and_intervals_are_those_of_the_summary(tiny, tree):
    rows = table_of(section(tree, "Latency"), "Quantiles")
    p95 = tiny.summary["quantiles"]["burst_latency_ns"]["p95"]["value"]
    assert rows[1][0] == "latency per burst"
    assert rows[1][3] == f"{p95 / 1e3:.1f} µs"
    metrics = table_of(section(tree, "Results"), "Metrics")
    half = tiny.summary["metrics"]["latency_ns_per_token"]["half_width"] / 1e3
    latency = next(row for row in metrics if row[0] == "latency per token")
    assert f"± {half:.2f} µs" in latency[1]


def test_histograms_count_everything(tiny):
    text = run_page(tiny)
    bursts = tiny.summary["counts"]["bursts"]
    tips = [words(t) for t in all_of(assert_sound(text), "title")]
    counted = [
        int(tip.split()[0]) for tip in tips if " from " in tip and "burst" in tip
    ]
    assert sum(counted) == bursts
    accepted = [int(tip.split()[0]) for tip in tips if " bursts accept " in tip]
    assert accepted == list(tiny.summary["accepted_histogram"].values())


def test_the_timeline_has_a_bar_for_each_token_in_each_layer(tiny, tree):
    burst = section(tree, "One burst")
    bars = [r for r in all_of(burst, "rect") if "token" in r.get("class", "")]
    view = RunView.of(tiny)
    assert view.timeline is not None
    assert len(bars) == len(view.timeline.cells)
    pale = [r for r in bars if "unkept" in r.get("class")]
    assert len(pale) == sum(not cell.is_kept for cell in view.timeline.cells)


def test_without_events_the_page_says_what_is_missing_and_why(tmp_path):
    trace = made(tmp_path / "run", "tiny", "trace=bursts", requests=3)
    tree = assert_sound(run_page(trace))
    assert headings(tree) == SECTIONS
    for title in (
        "One burst",
        "Where time and energy go",
        "Utilization",
        "Wasted work",
    ):
        assert "Run it again with trace: full to see it." in words(section(tree, title))
    assert "Busy over time" not in words(tree)
    assert table_of(tree, "Quantiles")
    assert "trace export" not in words(section(tree, "Run it again"))


def test_of_totals_alone_there_is_still_a_page(tmp_path):
    trace = made(tmp_path / "run", "tiny", "trace=none", requests=3)
    tree = assert_sound(run_page(trace))
    assert headings(tree) == SECTIONS
    for title in ("Latency", "Acceptance", "Memory"):
        assert "totals only (trace: none)" in words(section(tree, title))
    assert table_of(tree, "Quantiles")
    assert table_of(tree, "By stage")
    assert "Accepted drafts per burst" in words(tree)


def test_of_a_sample_it_says_what_its_events_tell_of(tmp_path):
    changes = ("trace=sample", "trace_requests=2")
    trace = made(tmp_path / "run", "tiny", *changes, requests=5, cross_check=False)
    tree = assert_sound(run_page(trace))
    for title in ("Where time and energy go", "Utilization", "Queues", "Wasted work"):
        assert "Of the first 2 of 5 requests." in words(section(tree, title))
    assert "5 requests; lines" in words(section(tree, "Latency"))


def test_what_was_left_out_of_the_analysis_is_said(tiny):
    view = RunView.of(tiny, max_rows=1)
    assert view.analysis is not None
    assert not view.analysis.is_complete
    text = words(assert_sound(shown(where_it_goes(view))))
    assert "Of the first 1 of 6 requests." in text


@pytest.mark.parametrize(
    ("changes", "title", "said"),
    [
        (("workload.draft_length=0",), "Acceptance", "Nothing is drafted (K = 0)"),
        (("workload.draft_length=0",), "Does speculation pay", "No speculation here"),
        (("workload.max_tokens=1",), "Acceptance", "Not defined: too few bursts"),
        (("streams=2", "workload.requests=4"), "Queues", "Queues, the longest"),
        (("workload.mode=burst", "workload.max_tokens=null"), "Latency", "per request"),
    ],
)
def test_odd_runs_have_sound_pages(tmp_path, changes, title, said):
    trace = made(tmp_path / "run", "tiny", *changes, requests=2, cross_check=False)
    tree = assert_sound(run_page(trace))
    assert said in words(section(tree, title))


def test_where_nothing_waits_and_nothing_is_wasted_it_is_said(tiny):
    view = RunView.of(tiny)
    assert view.analysis is not None
    idle = {"steps": 0, "busy_ps": 0, "busy_ratio": 0.0, "energy_pj": 0.0}
    idle["energy_ratio"] = 0.0
    calm = replace(
        view.analysis, queues={}, wasted=dict.fromkeys(view.analysis.wasted, idle)
    )
    calm_view = replace(view, analysis=calm)
    assert "Nothing waited" in words(assert_sound(shown(queues(calm_view))))
    assert "No work was wasted." in words(assert_sound(shown(wasted_work(calm_view))))


def test_text_of_a_scenario_cannot_become_markup(tmp_path):
    evil = '</p><script>alert("x")</script>'
    base = load_scenario("tiny")
    scenario = base.model_copy(update={"description": evil, "name": "a <b> & c"})
    simulate(scenario, requests=1, out=tmp_path / "run", cross_check=False)
    tree = assert_sound(run_page(read_trace(tmp_path / "run")))
    assert words(next(all_of(tree, "h1"))) == "a <b> & c"
    assert evil in words(tree.find("body/header"))


def config_in(tree):
    blocks = [words(found) for found in all_of(tree, "pre")]
    return next(json.loads(block) for block in blocks if block.startswith("{"))


def test_the_configuration_of_the_page_is_that_of_the_run(tiny, tree):
    assert config_sha256(load_scenario(config_in(tree))) == tiny.run["config_sha256"]


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("workload.requests=3", "seed=7"),
        ("schedule=serialized", "accounting.offset_row=off"),
        ("jitter_cv=0.25", "trace=bursts"),
    ],
)
def test_the_command_of_the_page_makes_the_same_run(changes):
    scenario = load_scenario("tiny", changes)
    config = json.loads(json.dumps(scenario.model_dump(mode="json")))
    command = shipped_command(config)
    assert command is not None
    assert command.startswith("simcore run tiny")
    settings = command.split(" --set ")[1:]
    again = load_scenario("tiny", [setting.strip("'") for setting in settings])
    assert config_sha256(again) == config_sha256(scenario)
    assert len(settings) >= len(changes)


def test_other_scenarios_are_run_from_the_configuration_of_the_page(tmp_path):
    base = load_scenario("tiny")
    renamed = base.model_copy(update={"name": "mine"})
    assert shipped_command(renamed.model_dump(mode="json")) is None
    larger = base.model.model_copy(update={"d_model": base.model.d_model * 2})
    other = base.model_copy(update={"model": larger})
    assert shipped_command(other.model_dump(mode="json")) is None
    simulate(renamed, requests=1, out=tmp_path / "run", cross_check=False)
    text = run_page(read_trace(tmp_path / "run"))
    assert "simcore run scenario.json --out again" in text
