"""Schedules from outside: what is refused, and what a registered one may do."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import simcore
from simcore.errors import ConfigError, ProgramError
from simcore.experiments.plan import plan_run
from simcore.program.schedules import (
    SCHEDULES,
    Layout,
    Predecessors,
    entries,
    register_schedule,
    schedule_named,
    unregister_schedule,
)

SHIPPED = {policy.name: policy for policy in SCHEDULES}


@dataclass(frozen=True)
class Own:
    """A shipped schedule under another name, or what a test makes of it."""

    like: str = "serialized"
    change: Callable[[Layout, Predecessors], Any] = lambda _, links: links
    name: str = "own"
    summary: str = "for a test"
    drafts_ahead: bool = False
    kv_buffers: int = 0

    @property
    def pipelined(self) -> bool:
        return SHIPPED[self.like].pipelined

    def link(self, layout: Layout) -> Predecessors:
        links: Predecessors = self.change(layout, SHIPPED[self.like].link(layout))
        return links


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    unregister_schedule("own")


def own_run(policy: Own, *changes: str, **options: Any) -> simcore.RunResult:
    register_schedule(policy, replace=True)
    scenario = simcore.load_scenario("tiny", ["schedule=own", *changes])
    return simcore.simulate(scenario, **options)


@pytest.mark.parametrize("like", ["serialized", "layer-pipelined"])
def test_the_links_of_a_shipped_schedule_take_as_long_under_another_name(
    like: str, tmp_path: Path
) -> None:
    own = own_run(Own(like), out=tmp_path / "own")
    scenario = simcore.load_scenario("tiny", [f"schedule={like}"])
    shipped = simcore.simulate(scenario, out=tmp_path / "shipped")
    assert own.metrics == shipped.metrics
    traces = [simcore.read_trace(tmp_path / name) for name in ("own", "shipped")]
    assert traces[0].events().equals(traces[1].events())


def test_a_run_says_that_no_formula_follows_and_checks_the_laws(
    tmp_path: Path,
) -> None:
    result = own_run(Own(), out=tmp_path / "run")
    assert result.holds
    names = {check.name for check in result.checks}
    assert {"predecessors_first", "exclusive_holds", "littles_law"} <= names
    assert "burst_latency_equals_integer_composition" not in names
    why = "schedule own: it is not one of simcore's own"
    assert result.summary["skipped"] == [
        f"burst latency by formula: none follows {why}",
        f"means against the closed form: it does not follow {why}",
    ]
    assert any(why in warning for warning in result.summary["warnings"])


def test_validate_skips_the_formula_only(tmp_path: Path) -> None:
    register_schedule(Own("layer-pipelined"))
    report = simcore.validate(simcore.load_scenario("tiny", ["schedule=own"]))
    assert report.holds
    assert report.conditional == []
    assert report.checks
    assert "none follows schedule own" in report.skipped[0]


def test_a_registered_name_is_good_in_hardware_and_estimate() -> None:
    register_schedule(Own())
    scenario = simcore.load_scenario("tiny", ["hardware.soc.schedule=own"])
    assert scenario.hardware.soc.schedule == "own"
    again = simcore.load_scenario(scenario.model_dump(mode="json"))
    assert again == scenario
    estimate = simcore.estimate(
        "tiny", "toy-ideal", "alpha-0.85", 16, draft_length=3, schedule="own"
    )
    serialized = simcore.estimate(
        "tiny", "toy-ideal", "alpha-0.85", 16, draft_length=3, schedule="serialized"
    )
    assert estimate.metrics == serialized.metrics
    assert any("does not follow schedule own" in w for w in estimate.warnings)


def test_a_name_that_is_not_registered_is_refused_with_what_to_do() -> None:
    with pytest.raises(ConfigError) as caught:
        simcore.load_scenario("tiny", ["schedule=mine"])
    assert (
        "schedule: got 'mine'; must be one of serialized, layer-pipelined, prefetch, "
        "overlap or null. Register a schedule of your own first: "
        "simcore.register_schedule." in str(caught.value)
    )
    register_schedule(Own())
    with pytest.raises(ConfigError, match="Did you mean 'own'"):
        simcore.load_scenario("tiny", ["schedule=owm"])


def test_a_scenario_that_outlives_its_schedule_is_told_so() -> None:
    register_schedule(Own())
    scenario = simcore.load_scenario("tiny", ["schedule=own"])
    unregister_schedule("own")
    with pytest.raises(ProgramError) as caught:
        plan_run(scenario.model_copy())
    assert "schedule 'own' is not registered in this process" in str(caught.value)
    assert "call it at the top level of the script" in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "overlap"}, "policy.name: got 'overlap'; must not be that of a shi"),
        ({"name": "a b"}, "policy.name: got 'a b'; must be a letter, then letters"),
        ({"name": 3}, "policy.name: got 3; must be a letter"),
        ({"name": "x" * 61}, "must be a letter"),
        ({"summary": "two\nlines"}, r"policy.summary: got 'two\nlines'; must be text"),
        ({"summary": ""}, "policy.summary: got ''; must be text of one line"),
        ({"drafts_ahead": 1}, "policy.drafts_ahead: got 1; must be true or false"),
        ({"kv_buffers": -1}, "policy.kv_buffers: got -1; must be an integer >= 0"),
        ({"kv_buffers": True}, "policy.kv_buffers: got True; must be an integer >= 0"),
    ],
)
def test_a_policy_with_a_wrong_attribute_is_refused(
    wrong: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        register_schedule(replace(Own(), **wrong))
    assert words in str(caught.value)


def test_everything_that_a_policy_lacks_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        register_schedule(object())  # type: ignore[arg-type]
    assert len(caught.value.problems) == 6
    assert "policy.link: got None; must be a method" in str(caught.value)


def test_a_name_is_registered_once_unless_it_is_replaced() -> None:
    register_schedule(Own())
    with pytest.raises(ConfigError, match="must not be registered already"):
        register_schedule(Own("layer-pipelined"))
    register_schedule(Own("layer-pipelined"), replace=True)
    assert schedule_named("own").pipelined


def drop_last(_: Layout, links: Predecessors) -> Any:
    return links[:-1]


def a_circle(layout: Layout, links: Predecessors) -> Any:
    first, second = layout.cells[0], layout.cells[1]
    for op in entries(first):
        links[op] = second.exits
    return links


def itself(_: Layout, links: Predecessors) -> Any:
    links[5] = (5,)
    return links


def beyond(_: Layout, links: Predecessors) -> Any:
    links[5] = (len(links),)
    return links


def no_numbers(_: Layout, links: Predecessors) -> Any:
    links[5] = ("qkv",)  # type: ignore[assignment]
    return links


def nothing(_: Layout, links: Predecessors) -> Any:
    return None


def around_the_gate(layout: Layout, links: Predecessors) -> Any:
    cell = next(cell for cell in layout.cells if cell.gate >= 0)
    for op in cell.entries:
        links[op] = ()
    return links


@pytest.mark.parametrize(
    ("change", "like", "words"),
    [
        (drop_last, "serialized", "entries for "),
        (nothing, "serialized", "gives NoneType entries for"),
        (a_circle, "serialized", "waits for itself, in a circle"),
        (itself, "serialized", "operation 5 (accumulate of draft step 0, layer 0) "
         "waits for '(5,)', which must be other operations from 0 to "),
        (beyond, "serialized", "which must be other operations from 0 to "),
        (no_numbers, "serialized", "which must be other operations from 0 to "),
        (around_the_gate, "layer-pipelined", "waits for nothing in its layer, not "
         "even the gate that keeps the layer for its token"),
    ],
)  # fmt: skip
def test_links_that_no_engine_could_run_are_refused(
    change: Any, like: str, words: str
) -> None:
    with pytest.raises(ProgramError) as caught:
        own_run(Own(like, change))
    assert str(caught.value).startswith("schedule own: ")
    assert words in str(caught.value)


def test_a_shipped_schedule_costs_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise AssertionError("checked")

    monkeypatch.setattr("simcore.program.schedules.checked_links", refuse)
    plan = plan_run("tiny")
    assert len(plan.program.table)
    register_schedule(Own())
    with pytest.raises(AssertionError, match="checked"):
        _ = plan_run(simcore.load_scenario("tiny", ["schedule=own"])).program.table


@pytest.mark.slow
def test_worker_processes_register_what_the_script_does(tmp_path: Path) -> None:
    script = tmp_path / "study.py"
    script.write_text(
        textwrap.dedent("""
            from dataclasses import dataclass

            import simcore
            from simcore.program.schedules.serialized import Serialized

            @dataclass(frozen=True)
            class Own(Serialized):
                name: str = "own"

            simcore.register_schedule(Own())

            if __name__ == "__main__":
                changes = ["schedule=own", "shard_replications=1"]
                scenario = simcore.load_scenario("tiny", changes)
                one = simcore.simulate(scenario)
                two = simcore.simulate(scenario, workers=2)
                print(one.metrics == two.metrics)
        """)
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"


def verify_as_drafted() -> Any:
    """The schedule of docs/own_policy.py, which the import registers."""
    path = Path(__file__).resolve().parents[3] / "docs" / "own_policy.py"
    spec = importlib.util.spec_from_file_location("own_policy", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["own_policy"] = module
    unregister_schedule("verify-as-drafted")
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules["own_policy"]
    return module.VerifyAsDrafted


@pytest.mark.parametrize(
    "changes",
    [
        ["workload.requests=3"],
        ["streams=3", "workload.requests=3", "jitter_cv=0.2"],
        ["verification=stop_at_mismatch", "workload.requests=3"],
    ],
)
def test_both_engines_follow_the_links_of_a_schedule_from_outside(
    changes: list[str], tmp_path: Path
) -> None:
    policy = verify_as_drafted()
    try:
        tables = []
        for engine in ("simpy", "fast"):
            scenario = simcore.load_scenario(
                "tiny",
                [f"schedule={policy.name}", f"engine={engine}", *changes],
            )
            result = simcore.simulate(scenario, out=tmp_path / engine)
            assert result.engine["name"] == engine
            assert result.holds
            trace = simcore.read_trace(tmp_path / engine)
            tables.append((trace.events(), trace.bursts()))
        assert tables[0][0].equals(tables[1][0])
        assert tables[0][1].equals(tables[1][1])
    finally:
        unregister_schedule(policy.name)
