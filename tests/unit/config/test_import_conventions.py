"""A recording in the wrong convention is caught, or the user must say which it has."""

from __future__ import annotations

import json
from typing import Any

import pytest
from recordings import (
    K,
    answers,
    lines,
    prometheus,
    sglang_meta,
    sglang_new_names,
    stats,
    stats_meta,
    traces,
    vllm_metrics,
    vllm_varying,
)

from simcore.config.importers.importing import import_acceptance
from simcore.config.importers.recording import ImportOptions
from simcore.config.load import load_acceptance


@pytest.fixture
def refused(write, errors):
    """Problems of importing one file."""

    def call(format_name: str, name: str, text: str, **options: Any) -> list[str]:
        path = write(name, text)
        return errors(import_acceptance, format_name, [path], ImportOptions(**options))

    return call


FITS_BOTH = (
    ": the file may count accepted drafts (the bonus token excluded) or committed "
    "tokens (included). Whoever recorded it knows."
)
MISSING = "--convention: missing; must be accepted or committed. "


def without_zeros(histogram):
    return {"k": K, "histogram": {str(n): c for n, c in histogram.items()}}


class TestStats:
    def test_a_bin_above_k_without_a_bin_0_is_the_bonus_token(self, refused):
        text = json.dumps(without_zeros({1: 4, 2: 3, 3: 3, 4: 4}))
        assert refused("stats", "s.json", text) == [
            "s.json:1: histogram: 4 bursts of 4; must be at most 3 accepted drafts at "
            "K = 3. No burst has 0 and some have K + 1, so the bonus token seems to be "
            "counted: --convention committed."
        ]

    def test_a_bin_above_k_beside_a_bin_0_is_a_wrong_k(self, refused):
        text = json.dumps(without_zeros({0: 1, 1: 4, 4: 1}))
        assert refused("stats", "s.json", text) == [
            "s.json:1: histogram: 1 burst of 4; must be at most 3 accepted drafts at "
            "K = 3. Is --draft-length right?"
        ]

    def test_zeros_contradict_committed(self, refused):
        text = json.dumps(stats())
        assert refused("stats", "s.json", text, convention="committed") == [
            "s.json:1: histogram: 4 bursts of 0 tokens; a burst commits at least the "
            "bonus token. These are accepted drafts: --convention accepted."
        ]

    def test_what_fits_both_must_be_stated(self, refused):
        text = json.dumps(without_zeros({1: 4, 2: 3, 3: 3}))
        assert refused("stats", "s.json", text) == [
            f"{MISSING}No burst has 0{FITS_BOTH}"
        ]

    @pytest.mark.parametrize(
        ("convention", "bins"),
        [("accepted", {1: 4, 2: 3, 3: 3}), ("committed", {0: 4, 1: 3, 2: 3})],
    )
    def test_and_is_believed_then(self, write, convention, bins):
        path = write("s.json", json.dumps(without_zeros({1: 4, 2: 3, 3: 3})))
        options = ImportOptions(convention=convention)
        assert import_acceptance("stats", [path], options).acceptance.histogram == bins

    def test_a_mean_that_is_one_apart_is_caught(self, refused):
        meta = stats_meta()
        meta["stats"]["mean_accepted"] += 1
        text = json.dumps(meta, indent=1)
        assert refused("stats", "m.json", text) == [
            "m.json:12: stats.mean_accepted: got 2.5; must be 1.5, as acceptance_probs "
            "has. They are one apart: one of the two counts the bonus token."
        ]

    def test_shares_that_are_none_are_refused(self, refused):
        meta = stats_meta()
        meta["stats"]["acceptance_probs"][0] += 0.25
        text = json.dumps(meta)
        assert refused("stats", "m.json", text) == [
            "m.json:1: stats.acceptance_probs: sum is 1.25; must be 1."
        ]


class TestVllm:
    def test_a_histogram_with_the_bonus_is_caught_by_the_total(self, refused):
        metrics = vllm_metrics([2, 0, 1, 2])
        metrics["acceptance_histogram"].insert(0, 0)
        assert refused("vllm", "v.jsonl", lines([metrics])) == [
            "v.jsonl:1: num_accepted_draft_tokens: got 5; must be 9 accepted drafts, "
            "as the histogram has. The histogram counts committed tokens, the bonus "
            "token included: --convention committed."
        ]

    def test_the_wrong_word_of_the_user_is_caught_by_the_total(self, refused):
        text = lines([vllm_metrics([2, 3, 1, 2])])
        assert refused("vllm", "v.jsonl", text, convention="committed") == [
            "v.jsonl:1: num_accepted_draft_tokens: got 8; must be 4 accepted drafts, "
            "as the histogram has. The histogram counts accepted drafts, the bonus "
            "token excluded: --convention accepted."
        ]

    def test_a_total_with_the_bonus_is_caught(self, refused):
        metrics = vllm_metrics([2, 0, 1, 2])
        metrics["num_accepted_draft_tokens"] += 4
        assert refused("vllm", "v.jsonl", lines([metrics])) == [
            "v.jsonl:1: num_accepted_draft_tokens: got 9; must be 5 accepted drafts, "
            "as the histogram has. The total counts the bonus tokens, the histogram "
            "does not."
        ]

    def test_a_mean_without_the_bonus_is_caught(self, refused):
        metrics = vllm_metrics([2, 0, 1, 2])
        metrics["mean_acceptance_length"] -= 1
        assert refused("vllm", "v.jsonl", lines([metrics])) == [
            "v.jsonl:1: mean_acceptance_length: got 1.25; must be 2.25 (1 + accepted / "
            "steps). It leaves the bonus token out, which vLLM counts here."
        ]

    def test_more_than_was_drafted_is_caught_in_every_step(self, refused):
        metrics = vllm_varying()
        metrics["per_step_drafted"] = [2, 3, 1, 3, 2, 3, 1]
        metrics["num_draft_tokens"] -= 2
        assert refused("vllm", "v.jsonl", lines([metrics])) == [
            f"v.jsonl:1: per_step_accepted[{step}]: got 3; must be at most the 2 "
            "drafted in this step."
            for step in (0, 4)
        ]

    def test_a_varying_draft_length_that_nothing_tells_apart_is_refused(self, refused):
        metrics = vllm_varying()
        for name in (
            "acceptance_histogram_by_draft_length",
            "per_step_accepted",
            "per_step_drafted",
        ):
            del metrics[name]
        assert refused("vllm", "v.jsonl", lines([metrics])) == [
            "v.jsonl:1: num_draft_tokens: got 17; must be num_spec_tokens x "
            "num_spec_steps (21). The draft length varies, and a short draft looks "
            "like a rejection; record acceptance_histogram_by_draft_length or detailed "
            "metrics."
        ]

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            (
                {"num_spec_steps": 5},
                "num_spec_steps: got 5; must be 4, as acceptance_histogram has.",
            ),
            (
                {"per_step_accepted": [2, 0, 1, 1]},
                "per_step_accepted: 4 steps that are not those of "
                "acceptance_histogram.",
            ),
            (
                {"per_step_drafted": [3, 3, 3]},
                "per_step_drafted: got 3 entries; must have 4, as per_step_accepted.",
            ),
            (
                {"num_draft_tokens": 11},
                "num_draft_tokens: got 11; must be 12, as per_step_drafted has.",
            ),
            (
                {"acceptance_histogram_by_draft_length": {"3": [1, 1, 1]}},
                "acceptance_histogram_by_draft_length: its sum is not that of "
                "acceptance_histogram.",
            ),
            (
                {"num_spec_tokens": 1},
                "acceptance_histogram: 2 bursts of 2; must be at most 1 accepted "
                "drafts at K = 1. Is --draft-length right?",
            ),
        ],
    )
    def test_what_does_not_add_up_is_told(self, refused, changes, problem):
        metrics = vllm_metrics([2, 0, 1, 2]) | changes
        assert f"v.jsonl:1: {problem}" in refused("vllm", "v.jsonl", lines([metrics]))

    def test_null_metrics_are_told_with_their_reason(self, refused):
        text = lines([{"id": "x", "metrics": {"speculative_decoding": None}}])
        assert refused("vllm", "v.jsonl", text) == [
            "v.jsonl:1: metrics.speculative_decoding: missing or null. vLLM writes it "
            "with --per-request-spec-decode-metrics, and not for requests with n > 1."
        ]

    def test_two_draft_lengths_are_not_mixed(self, refused):
        text = lines([vllm_metrics([2, 0]), vllm_metrics([2, 0], 4)])
        assert refused("vllm", "v.jsonl", text) == [
            "v.jsonl:2: num_spec_tokens: got 4; must be 3, as in the records before. "
            "Import each draft length by itself."
        ]

    def test_k_must_be_that_of_the_file(self, refused):
        text = lines([vllm_metrics([2, 0])])
        assert refused("vllm", "v.jsonl", text, draft_length=4) == [
            "--draft-length: got 4; must be 3, as the file says. Leave it out, or "
            "import a recording of that draft length."
        ]


class TestSglang:
    def test_a_histogram_with_the_bonus_is_caught_by_the_total(self, refused):
        meta = sglang_meta([2, 0, 1, 2])
        meta["spec_accept_histogram"].insert(0, 0)
        assert refused("sglang", "s.jsonl", lines([meta])) == [
            "s.jsonl:1: spec_accept_token_num: got 5; must be 9 accepted drafts, as "
            "the histogram has. The histogram counts committed tokens, the bonus token "
            "included: --convention committed."
        ]

    def test_a_total_of_steps_that_differs_is_told(self, refused):
        meta = sglang_new_names([2, 0, 1, 2])
        meta["spec_verify_ct"] = 6
        assert refused("sglang", "s.jsonl", lines([meta])) == [
            "s.jsonl:1: spec_verify_ct: got 6; must be 4, as "
            "spec_correct_drafts_histogram has."
        ]

    def test_without_totals_what_fits_both_must_be_stated(self, refused):
        text = lines([{"spec_accept_histogram": [0, 2, 1]}])
        assert refused("sglang", "s.jsonl", text, draft_length=3) == [
            f"{MISSING}No burst has 0, and the file has no totals{FITS_BOTH}"
        ]

    def test_a_mean_alone_is_no_distribution(self, refused):
        meta = sglang_meta([2, 0, 1, 2])
        del meta["spec_accept_histogram"]
        (problem,) = refused("sglang", "s.jsonl", lines([{"meta_info": meta}]))
        assert problem == (
            "s.jsonl:1: meta_info.spec_accept_histogram: missing. Totals give only a "
            "mean, which fits many distributions; newer SGLang writes the histogram. "
            "Or write kind: geometric by hand."
        )

    def test_k_is_asked_for_when_the_steps_differ(self, refused):
        meta = sglang_meta([2, 0, 1, 2])
        meta["spec_draft_token_num"] -= 1
        assert refused("sglang", "s.jsonl", lines([meta])) == [
            "--draft-length: missing; must be the number of drafts of a burst (K). The "
            "proposed drafts are missing or differ from step to step; it is "
            "--speculative-num-steps of the server."
        ]

    def test_k_cannot_exceed_what_was_proposed_or_stay_below_what_came(self, refused):
        text = lines([sglang_meta([2, 0, 1, 2])])
        assert refused("sglang", "s.jsonl", text, draft_length=5) == [
            "--draft-length: got 5; must be at most 3, the proposed drafts of a step."
        ]
        (problem,) = refused("sglang", "s.jsonl", text, draft_length=1)
        assert "2 bursts of 2; must be at most 1 accepted drafts at K = 1" in problem

    def test_an_answer_without_speculation_is_told(self, refused):
        text = lines([{"meta_info": {"completion_tokens": 4}}, {"text": "x"}])
        assert refused("sglang", "s.jsonl", text) == [
            "s.jsonl:1: meta_info.spec_verify_ct: missing. SGLang writes it when "
            "speculative decoding is on.",
            "s.jsonl:2: meta_info: missing.",
        ]


class TestPrometheus:
    def changed(self, name: str, old: str, new: str) -> str:
        text = "\n".join(
            line.replace(f" {old}", f" {new}") if name in line else line
            for line in prometheus().split("\n")
        )
        assert text != prometheus()
        return text

    def test_accepted_tokens_with_the_bonus_are_caught(self, refused):
        text = self.changed("num_accepted_tokens_total", "21.0", "35.0")
        assert refused("prometheus", "m.txt", text) == [
            "m.txt: vllm:spec_decode_num_accepted_tokens: got 35; must be 21, the sum "
            "over positions. It counts the bonus tokens, the positions do not."
        ]

    def test_committed_is_refused(self, refused):
        problems = refused("prometheus", "m.txt", prometheus(), convention="committed")
        assert problems == [
            "--convention: got committed; must be accepted. "
            "vllm:spec_decode_num_accepted_tokens_per_pos counts accepted drafts by "
            "position."
        ]

    def test_a_later_position_cannot_survive_an_earlier_one(self, refused):
        text = self.changed('position="1"', "7.0", "11.0")
        assert refused("prometheus", "m.txt", text)[0] == (
            'm.txt: vllm:spec_decode_num_accepted_tokens_per_pos{position="1"}: got '
            "11; must be at most 10: a draft counts after all before it. Are these the "
            "counters of one moment?"
        )

    @pytest.mark.parametrize(
        ("name", "old", "new", "problem"),
        [
            (
                "draft_tokens_total",
                "42.0",
                "43.0",
                "m.txt: vllm:spec_decode_num_draft_tokens: got 43; must be at most "
                "K x drafts (3 x 14).",
            ),
            (
                "drafts_total",
                "14.0",
                "NaN",
                "m.txt:4: vllm:spec_decode_num_drafts: got 'NaN'; must be a whole "
                "number >= 0.",
            ),
            (
                "drafts_total",
                "14.0",
                "14.5",
                "m.txt:4: vllm:spec_decode_num_drafts: got '14.5'; must be a whole "
                "number >= 0.",
            ),
        ],
    )
    def test_wrong_counters_are_told(self, refused, name, old, new, problem):
        assert refused("prometheus", "m.txt", self.changed(name, old, new)) == [problem]

    def test_missing_counters_are_all_told(self, refused):
        text = "vllm:num_requests_running 0\nvllm:spec_decode_num_drafts_total 3\n"
        hint = "missing. vLLM writes it when speculative decoding is on."
        assert refused("prometheus", "m.txt", text) == [
            f"m.txt: vllm:spec_decode_num_accepted_tokens: {hint}",
            f"m.txt: vllm:spec_decode_num_accepted_tokens_per_pos: {hint}",
        ]

    def test_positions_must_be_whole(self, refused):
        kept = [n for n in prometheus().split("\n") if 'position="1"' not in n]
        assert refused("prometheus", "m.txt", "\n".join(kept)) == [
            "m.txt: vllm:spec_decode_num_accepted_tokens_per_pos: got positions 0, 2; "
            "must be 0 to K - 1, all of them."
        ]

    def test_counters_of_two_models_are_not_mixed(self, refused):
        other = prometheus().replace("org/model", "org/other")
        (problem,) = refused("prometheus", "m.txt", prometheus() + other)
        assert problem.startswith("m.txt: model_name: counters of several models: ")
        assert problem.endswith("Keep the lines of one.")

    def test_a_scrape_appended_to_another_is_caught(self, refused):
        problems = refused("prometheus", "m.txt", prometheus() * 2)
        assert problems[0] == (
            "m.txt:18: vllm:spec_decode_num_drafts: counted twice; first on line 4."
        )

    def test_lines_that_are_no_samples_are_told(self, refused):
        text = (
            "vllm:spec_decode_num_drafts_total{a=b} 1\n"
            "vllm:spec_decode_num_drafts_total\n"
            'vllm:spec_decode_num_accepted_tokens_per_pos{position="x"} 1\n'
        )
        assert refused("prometheus", "m.txt", text) == [
            "m.txt:1: not a Prometheus sample.",
            "m.txt:2: not a Prometheus sample.",
            "m.txt:3: vllm:spec_decode_num_accepted_tokens_per_pos: got 'x'; must have "
            "a position between 0 and 1023.",
        ]


class TestSpecBench:
    def test_the_wrong_word_of_the_user_is_caught_by_new_tokens(self, refused):
        text = lines(answers())
        options = {"convention": "accepted", "draft_length": 4}
        assert refused("spec-bench", "a.jsonl", text, **options) == [
            "--convention: got accepted; must be committed. new_tokens shows that "
            "accept_lengths counts committed tokens, the bonus token included."
        ]
        text = lines(answers(bonus=0))
        options = {"convention": "committed", "draft_length": 4}
        assert refused("spec-bench", "a.jsonl", text, **options) == [
            "--convention: got committed; must be accepted. new_tokens shows that "
            "accept_lengths counts accepted drafts, the bonus token excluded."
        ]

    def test_zeros_contradict_committed(self, refused):
        text = lines(answers([[1, 0, 2]], bonus=0, tokens=False))
        options = {"convention": "committed", "draft_length": 3}
        assert refused("spec-bench", "a.jsonl", text, **options) == [
            "a.jsonl:1: choices[0].accept_lengths[1]: got 0; a burst commits at least "
            "the bonus token. If these are accepted drafts: --convention accepted."
        ]

    def test_without_new_tokens_it_must_be_stated(self, refused):
        text = lines(answers(tokens=False))
        assert refused("spec-bench", "a.jsonl", text, draft_length=K) == [
            f"{MISSING}The file has no new_tokens{FITS_BOTH}"
        ]

    def test_new_tokens_that_fit_neither_show_nothing(self, refused):
        records = answers()
        records[0]["choices"][0]["new_tokens"][0] += 7
        assert refused("spec-bench", "a.jsonl", lines(records), draft_length=K) == [
            f"{MISSING}The sum of accept_lengths is -7 from new_tokens, and there are "
            f"14 bursts, which fits neither{FITS_BOTH}"
        ]

    def test_two_bursts_a_turn_show_nothing(self, refused):
        records = answers([[1], [2]])
        records[0]["choices"][0]["new_tokens"][0] += 1
        assert refused("spec-bench", "a.jsonl", lines(records), draft_length=K) == [
            f"{MISSING}The sum of accept_lengths is -1 from new_tokens, and there are "
            f"2 bursts, which fits both{FITS_BOTH}"
        ]

    def test_k_is_asked_for_with_the_most_that_was_accepted(self, refused):
        assert refused("spec-bench", "a.jsonl", lines(answers())) == [
            "--draft-length: missing; must be the number of drafts of a burst (K). The "
            "format does not say it; the most that a burst accepted is 3."
        ]

    def test_every_burst_above_k_is_told_where_it_is(self, refused):
        text = lines(answers())
        problems = refused("spec-bench", "a.jsonl", text, draft_length=2)
        assert problems[:3] == [
            f"a.jsonl:1: choices[0].accept_lengths[{at}]: got 4; must be at most 3 at "
            "K = 2. The most that a burst accepted is 3: --draft-length 3?"
            for at in (0, 4, 7)
        ]
        assert problems[3].startswith("a.jsonl:2: choices[0].accept_lengths[4]: got 4")

    def test_a_bonus_token_taken_for_a_draft_is_caught_above_k(self, refused):
        text = lines(answers(tokens=False))
        options = {"convention": "accepted", "draft_length": 3}
        problems = refused("spec-bench", "a.jsonl", text, **options)
        assert len(problems) == 4
        assert problems[0] == (
            "a.jsonl:1: choices[0].accept_lengths[0]: got 4; must be at most 3 at "
            "K = 3. The bonus token seems to be counted: --convention committed."
        )

    def test_turns_must_share_out_the_bursts(self, refused):
        records = answers()
        records[1]["choices"][0]["decoding_steps"] = [4]
        assert refused("spec-bench", "a.jsonl", lines(records), draft_length=K) == [
            "a.jsonl:2: choices[0].decoding_steps: 4 steps in all; must be 6, as "
            "accept_lengths has."
        ]

    def test_answers_without_lengths_are_refused(self, refused):
        records = answers()
        del records[0]["choices"][0]["accept_lengths"]
        (problem,) = refused("spec-bench", "a.jsonl", lines(records), draft_length=K)
        assert problem.startswith(
            "a.jsonl:1: choices[0].accept_lengths: missing; must be a list"
        )


class TestPositionTrace:
    def test_zeros_contradict_committed(self, refused):
        text = lines(traces(bonus=0))
        assert refused("position-trace", "p.jsonl", text, method="eagle") == [
            f"p.jsonl:{line}: acc_eagle.acc_len[{at}]: got 0; a burst commits at least "
            "the bonus token. If these are accepted drafts: --convention accepted."
            for line, at in ((1, 4), (2, 0))
        ]

    def test_no_zero_at_all_contradicts_accepted(self, refused):
        options = {"method": "eagle", "convention": "accepted"}
        assert refused("position-trace", "p.jsonl", lines(traces()), **options) == [
            "--convention: got accepted; must be committed. At no position a burst "
            "accepts 0, so the bonus token is in acc_len."
        ]

    def test_one_of_several_drafters_must_be_named(self, refused):
        text = lines(traces())
        assert refused("position-trace", "p.jsonl", text) == [
            "--method: missing; the file has several drafters; allowed: eagle, ngram."
        ]
        assert refused("position-trace", "p.jsonl", text, method="egale") == [
            "--method: got 'egale'; allowed: eagle, ngram. Did you mean 'eagle'?"
        ]

    def test_a_replay_at_one_k_needs_it(self, refused):
        text = lines(traces())
        options = {"method": "eagle", "kind": "histogram"}
        assert refused("position-trace", "p.jsonl", text, **options) == [
            "--draft-length: missing; must be the number of drafts of a burst (K). A "
            "trace of positions is replayed at one K."
        ]
        options = {"method": "eagle", "draft_length": 3}
        assert refused("position-trace", "p.jsonl", text, **options) == [
            "--draft-length: a position replay has none. Leave it out, or choose "
            "--kind histogram or burst_replay."
        ]

    def test_records_without_a_trace_are_told(self, refused):
        text = lines([*traces(), {"id": 9}])
        assert refused("position-trace", "p.jsonl", text, method="eagle") == [
            "p.jsonl:3: acc_eagle: missing; must be a mapping."
        ]
        assert refused("position-trace", "p.jsonl", lines([{"id": 9}])) == [
            "FILE: no record has a trace; must have acc_NAME.acc_len."
        ]


def test_a_written_file_that_states_the_wrong_convention_is_refused(errors):
    stated = {**stats(), "convention": "committed"}
    expected = ["convention: got 'committed'; allowed: accepted."]
    assert errors(load_acceptance, stated) == expected
    # Not even a lenient reading passes over it.
    assert errors(load_acceptance, stated, lenient=True) == expected
    replay = {"kind": "position_replay", "requests": [[1]], "convention": "accepted"}
    assert errors(load_acceptance, replay) == [
        "convention: got 'accepted'; allowed: committed."
    ]
