"""Each format becomes the same acceptance; its text loads as what was returned."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import pytest
from recordings import (
    BINS,
    BURSTS,
    POSITIONS,
    SAME,
    K,
    answers,
    lines,
    prometheus,
    sglang_meta,
    stats,
    stats_meta,
    traces,
    vllm_metrics,
    vllm_response,
    vllm_varying,
)

from simcore.config.acceptance import (
    BurstReplayAcceptance,
    HistogramAcceptance,
    PositionReplayAcceptance,
)
from simcore.config.importers.importing import import_acceptance
from simcore.config.importers.recording import ImportOptions
from simcore.config.load import load_acceptance

ORDERED = {"vllm-lines", "vllm-metrics-alone", "spec-bench", "eagle"}


@pytest.fixture
def imported(write):
    """Import texts, and check that what is returned is what the file would give."""

    def call(format_name, files, source=None, label=None, **options):
        names = [write(name, text) for name, text in files.items()]
        found = import_acceptance(
            format_name, names, ImportOptions(**options), source=source, label=label
        )
        assert load_acceptance(write("made.yaml", found.text)) == found.acceptance
        assert found.acceptance.status == "measured"
        return found

    return call


@pytest.mark.parametrize("name", SAME)
def test_every_format_gives_the_same_histogram(imported, name):
    format_name, file, text = SAME[name]
    needs_k = {"draft_length": K} if format_name == "spec-bench" else {}
    found = imported(format_name, {file: text()}, kind="histogram", **needs_k)
    assert isinstance(found.acceptance, HistogramAcceptance)
    assert found.acceptance.k == K
    assert found.acceptance.histogram == BINS
    assert found.acceptance.convention == "accepted"
    assert found.bursts == 14
    assert found.mean_accepted == pytest.approx(21 / 14)


@pytest.mark.parametrize("name", SAME)
def test_auto_finds_the_format(imported, name):
    format_name, file, text = SAME[name]
    needs_k = {"draft_length": K} if format_name == "spec-bench" else {}
    found = imported("auto", {file: text()}, kind="histogram", **needs_k)
    assert found.format == format_name
    assert found.acceptance.histogram == BINS


@pytest.mark.parametrize("name", SAME)
def test_the_order_of_bursts_is_kept_where_the_file_has_it(imported, name):
    format_name, file, text = SAME[name]
    needs_k = {"draft_length": K} if format_name == "spec-bench" else {}
    found = imported(format_name, {file: text()}, **needs_k)
    if name in ORDERED or name == "spec-bench-accepted":
        assert isinstance(found.acceptance, BurstReplayAcceptance)
        assert found.acceptance.requests == BURSTS
        assert found.requests == len(BURSTS)
    else:
        assert isinstance(found.acceptance, HistogramAcceptance)


def test_the_source_names_file_hash_and_convention(imported):
    text = lines(answers())
    found = imported(
        "spec-bench",
        {"answers.jsonl": text},
        draft_length=K,
        source="Model M, drafter D",
        label="proxy",
    )
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    assert found.acceptance.source == (
        "Model M, drafter D. Spec-Bench, EAGLE or Medusa answers: answers.jsonl "
        f"(sha256 {digest}); counted there: committed tokens, the bonus token included"
    )
    assert found.acceptance.label == "proxy"
    assert found.convention == "committed"
    assert found.text.startswith(
        "# Imported by `simcore import spec-bench`. Here: accepted drafts, the bonus "
        "token\n#   excluded.\n# new_tokens shows that accept_lengths counts "
        "committed tokens, the bonus token\n#   included.\n"
    )


def test_a_rare_character_in_a_label_survives(imported):
    label = 'a "quoted" \\ label: \U0001f9ea # not a comment'
    found = imported("stats", {"s.json": json.dumps(stats())}, label=label)
    assert found.acceptance.label == label


def test_several_files_are_added_up(imported):
    files = {f"{n}.json": json.dumps(stats([r])) for n, r in enumerate(BURSTS)}
    found = imported("stats", files, convention="accepted")
    assert found.acceptance.histogram == BINS
    many = {
        f"{n}.jsonl": lines([vllm_response(r)]) for n, r in enumerate([*BURSTS, [3]])
    }
    found = imported("vllm", many)
    assert found.acceptance.requests == (*BURSTS, (3,))
    assert "and 1 more files; counted" in found.acceptance.source


def test_only_the_first_records_are_read(imported):
    text = lines([vllm_response(r) for r in BURSTS]) + "not JSON\n"
    found = imported("vllm", {"v.jsonl": text}, records=2)
    assert found.acceptance.requests == BURSTS[:2]


def test_shares_stay_shares(imported):
    meta = stats_meta()
    meta["stats"]["total_bursts"] = 1.0
    found = imported("stats", {"m.json": json.dumps(meta)})
    assert found.acceptance.histogram[0] == pytest.approx(4 / 14)
    assert found.notes == (
        "The file has shares, not counts: how many bursts is unknown.",
    )


def test_a_stated_convention_shifts_the_bins(imported):
    counted = {"k": K, "histogram": {"1": 4, "2": 3, "3": 3, "4": 4}}
    found = imported("stats", {"s.json": json.dumps(counted)}, convention="committed")
    assert found.acceptance.histogram == BINS
    metrics = [vllm_metrics(r) for r in BURSTS]
    for metric in metrics:
        metric["acceptance_histogram"].insert(0, 0)
        del metric["acceptance_histogram_by_draft_length"]
        metric["per_step_accepted"] = [n + 1 for n in metric["per_step_accepted"]]
    found = imported("vllm", {"v.jsonl": lines(metrics)}, convention="committed")
    assert found.acceptance.requests == BURSTS


def test_steps_of_other_draft_lengths_are_left_out_and_told(imported):
    text = {"v.json": json.dumps(vllm_varying())}
    found = imported("vllm", text)
    assert found.acceptance == HistogramAcceptance(
        k=3,
        histogram={0: 1, 1: 1, 2: 1, 3: 2},
        status="measured",
        source=found.acceptance.source,
    )
    assert "2 bursts of other draft lengths than 3 are left out." in found.notes
    found = imported("vllm", text, draft_length=1)
    assert found.acceptance.k == 1
    assert found.acceptance.histogram == {0: 1, 1: 1}
    without = vllm_varying()
    del without["acceptance_histogram_by_draft_length"]
    found = imported("vllm", {"v.json": json.dumps(without)}, draft_length=1)
    assert found.acceptance.histogram == {0: 1, 1: 1}


def test_a_request_without_a_step_counts_for_nothing(imported):
    empty = {
        "acceptance_histogram": [0, 0, 0, 0],
        "num_spec_steps": 0,
        "num_accepted_draft_tokens": 0,
        "num_draft_tokens": 0,
        "num_spec_tokens": K,
        "per_step_accepted": [],
        "per_step_drafted": [],
    }
    text = lines([empty, *(vllm_metrics(r) for r in BURSTS)])
    assert imported("vllm", {"v.jsonl": text}).acceptance.requests == BURSTS
    idle = {"spec_verify_ct": 0, "spec_draft_token_num": 0}
    text = lines([idle, *(sglang_meta(r) for r in BURSTS)])
    assert imported("sglang", {"s.jsonl": text}).acceptance.histogram == BINS
    failed = answers([[]])[0]
    failed["choices"][0]["wall_time"] = [float("nan")]
    text = lines([failed, *answers()])
    found = imported("spec-bench", {"a.jsonl": text}, draft_length=K)
    assert found.acceptance.requests == BURSTS
    assert "1 turns without a burst are left out." in found.notes


def test_a_sparse_histogram_is_read_as_well(imported):
    metrics = vllm_metrics([3, 3, 0], detailed=False)
    metrics["acceptance_histogram"] = {"0": 1, "3": 2}
    del metrics["acceptance_histogram_by_draft_length"]
    found = imported("vllm", {"a.json": json.dumps(metrics)})
    assert found.acceptance.histogram == {0: 1, 3: 2}


def test_trees_are_told_apart_from_chains(imported):
    metas = [sglang_meta(r, k=12) for r in BURSTS]
    found = imported("sglang", {"s.jsonl": lines(metas)})
    assert found.acceptance.k == 12
    assert "If the drafts were trees, give the depth" in found.notes[0]
    found = imported("sglang", {"s.jsonl": lines(metas)}, draft_length=4)
    assert found.acceptance.k == 4
    assert found.notes == (
        "12 drafts were proposed in each step of depth 4: the drafts were trees, which "
        "accept more than chains of that length.",
    )


def test_counters_of_several_engines_are_added_up(imported):
    one = prometheus()
    two = prometheus(BURSTS[:1]).replace('engine="0"', 'engine="1"')
    found = imported("prometheus", {"m.txt": one + two})
    counted = Counter(n for request in [*BURSTS, BURSTS[0]] for n in request)
    assert found.acceptance.histogram == counted


def test_short_drafts_in_the_counters_are_told(imported):
    text = prometheus().replace(" 42.0\n", " 35.0\n")
    found = imported("prometheus", {"m.txt": text})
    assert found.notes[1] == (
        "2.5 drafts a burst on average, not 3: the end of a shorter draft counts as a "
        "rejection."
    )


def test_a_position_trace_serves_every_kind(imported):
    text = {"p.jsonl": lines(traces())}
    found = imported("position-trace", text, method="eagle")
    assert isinstance(found.acceptance, PositionReplayAcceptance)
    assert found.acceptance.requests == POSITIONS
    assert found.acceptance.convention == "committed"
    assert found.positions == 11
    assert found.bursts is None
    replay = imported(
        "position-trace", text, method="eagle", kind="burst_replay", draft_length=3
    )
    assert replay.acceptance.requests == ((3, 0, 2), (0, 1))
    # The last burst of a request may have been cut by its end.
    found = imported(
        "position-trace", text, method="eagle", kind="histogram", draft_length=3
    )
    assert found.acceptance.histogram == {0: 2, 3: 1}
    short = imported(
        "position-trace", text, method="eagle", kind="burst_replay", draft_length=1
    )
    assert short.acceptance.requests == ((1, 1, 0, 1, 1), (0, 1))


def test_a_position_trace_without_the_bonus_is_shifted(imported):
    found = imported(
        "position-trace",
        {"p.jsonl": lines(traces(bonus=0))},
        method="eagle",
        convention="accepted",
    )
    assert found.acceptance.requests == POSITIONS
    assert found.convention == "accepted"
    assert found.acceptance.convention == "committed"
