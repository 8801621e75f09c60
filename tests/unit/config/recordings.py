"""One recording, written by us as each program would write it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

Bursts = Sequence[Sequence[int]]

K = 3
#: Accepted drafts of every burst, the bonus token excluded, per request.
BURSTS: Bursts = ((3, 0, 2, 1, 3), (0, 1, 3), (2, 2, 0, 0, 3, 1))
BINS = {0: 4, 1: 3, 2: 3, 3: 4}


def bins(bursts: Bursts, k: int = K) -> list[int]:
    flat = [n for request in bursts for n in request]
    return [flat.count(n) for n in range(k + 1)]


def stats(bursts: Bursts = BURSTS, k: int = K) -> dict[str, Any]:
    return {"k": k, "histogram": {str(n): c for n, c in enumerate(bins(bursts, k))}}


def stats_meta(bursts: Bursts = BURSTS, k: int = K) -> dict[str, Any]:
    counts = bins(bursts, k)
    total = sum(counts)
    return {
        "created_at": "2026-01-01T00:00:00Z",
        "stats": {
            "k": k,
            "acceptance_probs": [count / total for count in counts],
            "counts_kind": "counts",
            "mean_accepted": sum(n * c for n, c in enumerate(counts)) / total,
            "total_bursts": float(total),
        },
    }


def vllm_metrics(
    request: Sequence[int], k: int = K, *, detailed: bool = True
) -> dict[str, Any]:
    accepted, steps = sum(request), len(request)
    metrics: dict[str, Any] = {
        "mean_acceptance_length": 1 + accepted / steps,
        "draft_acceptance_rate": accepted / (steps * k),
        "acceptance_histogram": bins([request], k),
        "acceptance_histogram_by_draft_length": {str(k): bins([request], k)},
        "num_spec_steps": steps,
        "num_accepted_draft_tokens": accepted,
        "num_draft_tokens": steps * k,
        "num_spec_tokens": k,
    }
    if detailed:
        metrics["per_step_accepted"] = list(request)
        metrics["per_step_drafted"] = [k] * steps
    return metrics


def vllm_response(request: Sequence[int], **options: Any) -> dict[str, Any]:
    metrics = vllm_metrics(request, **options)
    return {
        "id": "cmpl-1",
        "choices": [{"index": 0, "text": "..."}],
        "metrics": {"speculative_decoding": metrics},
    }


def vllm_varying() -> dict[str, Any]:
    """Five steps that drafted 3 and two that drafted 1."""
    accepted, drafted = [3, 0, 1, 2, 3, 1, 0], [3, 3, 1, 3, 3, 3, 1]
    return {
        "mean_acceptance_length": 1 + sum(accepted) / 7,
        "acceptance_histogram": [2, 2, 1, 2],
        "acceptance_histogram_by_draft_length": {"1": [1, 1], "3": [1, 1, 1, 2]},
        "num_spec_steps": 7,
        "num_accepted_draft_tokens": sum(accepted),
        "num_draft_tokens": sum(drafted),
        "num_spec_tokens": 3,
        "per_step_accepted": accepted,
        "per_step_drafted": drafted,
    }


def sglang_meta(request: Sequence[int], k: int = K) -> dict[str, Any]:
    accepted, steps = sum(request), len(request)
    return {
        "id": "r1",
        "completion_tokens": accepted + steps + 1,
        "spec_verify_ct": steps,
        "spec_accept_length": (accepted + steps + 1) / steps,
        "spec_accept_rate": accepted / (steps * k),
        "spec_accept_token_num": accepted,
        "spec_draft_token_num": steps * k,
        # SGLang's list ends at the highest count that occurred.
        "spec_accept_histogram": bins([request], max(request)),
    }


def sglang_new_names(request: Sequence[int], k: int = K) -> dict[str, Any]:
    old = sglang_meta(request, k)
    return {
        "spec_verify_ct": old["spec_verify_ct"],
        "spec_num_correct_drafts": old["spec_accept_token_num"],
        "spec_num_proposed_drafts": old["spec_draft_token_num"],
        "spec_correct_drafts_histogram": old["spec_accept_histogram"],
    }


def prometheus(bursts: Bursts = BURSTS, k: int = K, *, suffix: str = "_total") -> str:
    flat = [n for request in bursts for n in request]
    labels = 'engine="0",model_name="org/model \\"7B\\""'
    totals = {
        "drafts": len(flat),
        "draft_tokens": len(flat) * k,
        "accepted_tokens": sum(flat),
    }
    lines = ["# HELP vllm:num_requests_running Running.", "vllm:num_requests_running 0"]
    for name, value in totals.items():
        full = f"vllm:spec_decode_num_{name}"
        lines += [f"# TYPE {full} counter", f"{full}{suffix}{{{labels}}} {value:.1f}"]
        lines.append(f"{full}_created{{{labels}}} 1.7e+09")
    full = f"vllm:spec_decode_num_accepted_tokens_per_pos{suffix}"
    lines += [
        f'{full}{{{labels},position="{at}"}} {sum(n > at for n in flat):.1f}'
        for at in range(k)
    ]
    return "\n".join(lines) + "\n"


def answer(
    turns: Bursts, *, bonus: int = 1, idxs: bool = False, tokens: bool = True
) -> dict[str, Any]:
    """A question of Spec-Bench; `idxs` as EAGLE writes it."""
    steps = [len(turn) for turn in turns]
    choice: dict[str, Any] = {
        "index": 0,
        "turns": ["..." for _ in turns],
        "wall_time": [0.5 for _ in turns],
        "accept_lengths": [n + bonus for turn in turns for n in turn],
    }
    if idxs:
        choice["idxs"] = [count - 1 for count in steps]
    else:
        choice["decoding_steps"] = steps
    if tokens:
        choice["new_tokens"] = [sum(turn) + len(turn) for turn in turns]
    return {"question_id": 81, "category": "writing", "choices": [choice]}


def answers(bursts: Bursts = BURSTS, **options: Any) -> list[dict[str, Any]]:
    """Two turns in the first question, one in each of the others."""
    groups = [bursts[:2], *([turn] for turn in bursts[2:])]
    return [answer(group, **options) for group in groups]


#: Committed tokens at every position: at K = 3 it replays to [3, 0, 2] and [0, 1].
POSITIONS = ((6, 5, 4, 3, 1, 3, 1, 9), (1, 2, 1))


def traces(bonus: int = 1) -> list[dict[str, Any]]:
    return [
        {
            "id": n,
            "prompt_token_ids": [1, 2],
            "generated_token_ids": [7] * len(request),
            "acc_eagle": {"acc_len": [length - 1 + bonus for length in request]},
            "acc_ngram": {"acc_len": [bonus] * len(request)},
        }
        for n, request in enumerate(POSITIONS)
    ]


def lines(records: Sequence[Any]) -> str:
    return "".join(f"{json.dumps(record)}\n" for record in records)


#: Format, name of the file, its text: all of them are `BURSTS` at K = 3.
SAME: dict[str, tuple[str, str, Callable[[], str]]] = {
    "stats": ("stats", "stats.json", lambda: json.dumps(stats(), indent=1)),
    "stats-meta": ("stats", "stats_meta.json", lambda: json.dumps(stats_meta())),
    "vllm-lines": (
        "vllm",
        "vllm.jsonl",
        lambda: lines([vllm_response(r) for r in BURSTS]),
    ),
    "vllm-list": (
        "vllm",
        "vllm.json",
        lambda: json.dumps([vllm_response(r, detailed=False) for r in BURSTS]),
    ),
    "vllm-metrics-alone": (
        "vllm",
        "metrics.jsonl",
        lambda: lines([vllm_metrics(r) for r in BURSTS]),
    ),
    "sglang": (
        "sglang",
        "sglang.jsonl",
        lambda: lines([{"text": ".", "meta_info": sglang_meta(r)} for r in BURSTS]),
    ),
    "sglang-chat": (
        "sglang",
        "chat.json",
        lambda: json.dumps(
            {"choices": [{"meta_info": sglang_new_names(r)} for r in BURSTS]}
        ),
    ),
    "sglang-alone": (
        "sglang",
        "meta.jsonl",
        lambda: lines([sglang_meta(r) for r in BURSTS]),
    ),
    "prometheus": ("prometheus", "metrics.txt", prometheus),
    "prometheus-old": (
        "prometheus",
        "metrics.prom",
        lambda: prometheus(suffix=""),
    ),
    "spec-bench": ("spec-bench", "answers.jsonl", lambda: lines(answers())),
    "eagle": ("spec-bench", "eagle.jsonl", lambda: lines(answers(idxs=True))),
    "spec-bench-accepted": (
        "spec-bench",
        "drafts.jsonl",
        lambda: lines(answers(bonus=0)),
    ),
}
