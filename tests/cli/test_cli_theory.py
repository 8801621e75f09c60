"""`simcore validate --theory`: what the user sees; short runs instead of long ones."""

from __future__ import annotations

import json

import pytest

import simcore.experiments.theory as theory
from simcore.experiments.theory import PointPlan, TheoryQueue


@pytest.fixture
def short(monkeypatch):
    def plan(queue: TheoryQueue, utilization: float) -> PointPlan:
        return PointPlan(3, 400, 50)

    monkeypatch.setattr(theory, "default_plan", plan)
    # What so short a run cannot promise.
    monkeypatch.setattr(theory, "MOST_HALF_WIDTH", 100.0)


def test_theory_needs_no_scenario(cli, short):
    result = cli("validate", "--theory")
    assert result.code == 0, result.out
    lines = result.out.splitlines()
    rows = [line.split() for line in lines if line.startswith("  ok  M/")]
    assert [row[1] for row in rows] == [
        name for name in ("M/M/1", "M/D/1", "M/G/1", "M/M/3") for _ in range(3)
    ]
    assert [row[2] for row in rows] == ["0.3", "0.7", "0.9"] * 4
    assert all(line.endswith("  0 ps") for line in lines if line.startswith("  ok  M/"))
    assert lines[-1] == "All 19 checks hold."
    assert all(len(line) <= 80 for line in lines)


def test_theory_as_json_has_every_point_and_check(cli, short):
    result = cli("validate", "--theory", "--seed", "3", "--json", "--quiet")
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)["result"]
    assert sorted(found) == ["holds", "seed", "theory"]
    assert found["seed"] == 3
    points = found["theory"]["points"]
    assert len(points) == 12
    first = points[0]
    assert (first["queue"], first["utilization"]) == ("M/M/1", 0.3)
    assert first["theory_wait_ps"] == pytest.approx(3e6 / 7)
    assert first["wait_ps"]["confidence"] == 0.999
    assert first["wait_ps"]["n"] == first["replications"] == 3
    assert {p["little_queue_ps"] for p in points} == {0}
    assert {p["little_system_ps"] for p in points} == {0}
    assert found["theory"]["false_alarm_chance"] == pytest.approx(0.01193, abs=1e-5)


def test_theory_and_a_scenario_in_one_report(cli, short):
    result = cli("validate", "tiny", "--theory")
    assert result.code == 0
    assert "Burst latency: simulated minus composed" in result.out
    assert "Queueing theory: mean wait in queue" in result.out
    assert "Skipped" not in result.out
    assert result.out.splitlines()[-1].startswith("All ")
    found = json.loads(cli("validate", "tiny", "--theory", "--json").out)["result"]
    assert found["scenario"] == "tiny"
    assert found["skipped"] == []
    assert found["theory"]["seed"] == found["seed"]
    assert found["holds"] is True


def test_a_scenario_alone_says_where_theory_is(cli):
    text = " ".join(cli("validate", "tiny").out.split())
    assert "queueing theory: depends on no scenario" in text
    assert "see `simcore validate --theory`" in text


def test_a_point_outside_its_interval_exits_with_3(cli, short, monkeypatch):
    queues = [
        TheoryQueue(q.name, q.station, q.service, lambda rho: 1e12)
        for q in theory.QUEUES[:1]
    ]
    monkeypatch.setattr(theory, "QUEUES", queues)
    monkeypatch.setattr(theory, "MOST_HALF_WIDTH", 1e9)
    result = cli("validate", "--theory")
    assert result.code == 3
    assert "  FAIL  M/M/1" in result.out
    assert "does not hold: mean_wait_mm1_0_3: measured" in result.out
    assert result.out.splitlines()[-1] == "3 checks do not hold."
    both = cli("validate", "tiny", "--theory")
    assert both.code == 3
    assert both.out.splitlines()[-1] == "3 checks do not hold."
    document = json.loads(cli("validate", "tiny", "--theory", "--json").out)
    assert document["result"]["holds"] is False


def test_nothing_to_validate_is_an_error(cli):
    result = cli("validate")
    assert result.code == 2
    assert "a scenario or --theory is needed" in result.err


@pytest.mark.parametrize("option", [("--set", "seed=2"), ("--allow-outside",)])
def test_options_of_a_scenario_need_one(cli, option):
    result = cli("validate", "--theory", *option)
    assert result.code == 2
    assert f"{option[0]}: changes a scenario, and none is named" in result.err
