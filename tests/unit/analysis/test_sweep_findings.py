"""What rows of a sweep say, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from simcore.analysis.sweep_findings import (
    DRAFT_LENGTH,
    PROMPT_LENGTH,
    best_draft_lengths,
    break_even_prompts,
    pareto_points,
)


def row(k: int, prompt: int, latency: float, **more: Any) -> dict[str, Any]:
    """A point whose baseline takes 100 ns a token."""
    return {
        DRAFT_LENGTH: k,
        PROMPT_LENGTH: prompt,
        "draft_length": k,
        "prompt_length": prompt,
        "latency_ns_per_token": latency,
        "baseline_latency_ns_per_token": 100.0,
        "speedup": 100.0 / latency,
        "throughput_tokens_per_s": 1e9 / latency,
        "tokens_per_joule": 1.0,
        "tokens_per_joule_ratio": 0.5,
        "energy_pj_per_token": 1.0,
        "area_mm2": 1.0,
        **more,
    }


FIELDS = [DRAFT_LENGTH, PROMPT_LENGTH]


def test_the_best_draft_length_of_every_prompt() -> None:
    rows = [
        row(4, 64, 50.0, tokens_per_joule=1.0),
        row(0, 64, 100.0, tokens_per_joule=3.0),
        row(2, 64, 50.0, tokens_per_joule=2.0),
        row(4, 128, 200.0),
        row(0, 128, 100.0),
    ]
    first, second = best_draft_lengths(rows, FIELDS)
    # Of equals the smaller, whatever the order of the points.
    assert first.to_dict() == {
        "values": {PROMPT_LENGTH: 64},
        "prompt_length": 64,
        "draft_length_by_throughput": 2,
        "draft_length_by_tokens_per_joule": 0,
        "speedup": 2.0,
    }
    assert second.draft_length_by_throughput == 0
    assert second.draft_length_by_tokens_per_joule == 0


def test_other_fields_make_groups_of_their_own() -> None:
    rows = [
        row(k, 64, latency, schedule=schedule)
        for schedule, fast in (("serialized", 1), ("prefetch", 2))
        for k, latency in ((1, 90.0 - 9 * fast), (2, 80.0 + 9 * (1 - fast) * 2))
    ]
    found = best_draft_lengths(rows, [DRAFT_LENGTH, "schedule"])
    assert [one.values for one in found] == [
        {"schedule": "serialized"},
        {"schedule": "prefetch"},
    ]


def test_one_draft_length_is_not_called_best() -> None:
    rows = [row(3, 64, 50.0), row(3, 128, 60.0)]
    assert best_draft_lengths(rows, FIELDS) == []


def test_break_even_lies_where_the_time_saved_is_used_up() -> None:
    rows = [row(3, 512, 130.0), row(3, 64, 60.0), row(3, 256, 90.0)]
    (found,) = break_even_prompts(rows, FIELDS)
    assert (found.faster_up_to, found.slower_from) == (256, 512)
    # 10 ns saved at 256 and 30 lost at 512: a quarter of the way.
    assert found.equal_at == pytest.approx(256 + 256 / 4)
    assert found.draft_length == 3
    assert found.tokens_per_joule_from is None


def test_speculation_that_always_or_never_pays_has_no_crossing() -> None:
    always = [row(3, 64, 50.0), row(3, 128, 60.0)]
    never = [row(3, 64, 150.0), row(3, 128, 160.0)]
    (found,) = break_even_prompts(always, FIELDS)
    assert (found.faster_up_to, found.slower_from, found.equal_at) == (128, None, None)
    (found,) = break_even_prompts(never, FIELDS)
    assert (found.faster_up_to, found.slower_from, found.equal_at) == (None, 64, None)


def test_tokens_per_joule_break_even_is_the_shortest_prompt_with_more() -> None:
    rows = [
        row(3, 64, 50.0, tokens_per_joule_ratio=0.9),
        row(3, 128, 50.0, tokens_per_joule_ratio=1.1),
        row(3, 256, 50.0, tokens_per_joule_ratio=1.2),
    ]
    (found,) = break_even_prompts(rows, FIELDS)
    assert found.tokens_per_joule_from == 128


def test_points_without_drafts_or_baseline_have_no_break_even() -> None:
    plain = [row(0, 64, 100.0), row(0, 128, 100.0)]
    alone = [row(3, 64, 50.0, speedup=None), row(3, 128, 60.0, speedup=None)]
    assert break_even_prompts([*plain, *alone], FIELDS) == []


def test_the_front_is_among_points_of_the_same_work() -> None:
    rows = [
        row(1, 64, 50.0, seed=1),
        row(2, 64, 40.0, seed=1),
        # Slower for its longer prompt alone, and the best there.
        row(1, 128, 70.0, seed=1),
        row(2, 128, 80.0, seed=1),
    ]
    assert pareto_points(rows, [*FIELDS, "seed"]) == [False, True, True, False]


def test_a_knob_of_the_chip_is_no_work() -> None:
    rows = [row(1, 64, t, **{"hardware.x": x}) for x, t in ((1, 50.0), (2, 60.0))]
    assert pareto_points(rows, [DRAFT_LENGTH, "hardware.x"]) == [True, False]
