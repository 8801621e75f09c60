"""Our report under the names of the public calculator, so that both can be compared."""

from __future__ import annotations

from typing import Any

Plain = dict[str, Any]


def peer_point(report: Plain) -> Plain:
    """The output of one estimate; `report` has one point."""
    (point,) = report["points"]
    area = report["area_mm2"]
    return {
        "committed_tokens_per_burst": report["committed_tokens_per_burst"],
        **peer_metrics(point),
        "leakage": {
            "total_power_nw": point["leakage"]["power_nw"],
            "energy_pj": point["leakage"]["energy_pj"],
            "burst_latency_ns": point["burst_latency_ns"],
        },
        "breakdown": {name: peer_phase(p) for name, p in point["phases"].items()},
        "area_stage_mm2": _mm2(area["stages"]),
        "area_breakdown_mm2": {
            "on_chip_mm2": area["on_chip"],
            "off_chip_hbm_mm2": area["off_chip_hbm"],
            "on_chip_components": _mm2(area["components"]),
        },
        "dpu_feature_mapping": report["feature_origins"],
    }


def peer_sweep(report: Plain) -> Plain:
    """The output of a sweep over prompt lengths."""
    return {
        "break_even_tokens_per_joule_l_prompt": report["break_even"][
            "tokens_per_joule_prompt_length"
        ],
        "points": [
            {"l_prompt": point["prompt_length"], **peer_metrics(point)}
            for point in report["points"]
        ],
        "pipeline_policy": report["pipeline_policy"],
    }


def peer_k_sweep(sweep: Plain) -> Plain:
    """The output of a sweep over draft lengths."""
    return {
        "prompt_lengths": [best["prompt_length"] for best in sweep["best"]],
        "points": [
            {
                "l_prompt": point["prompt_length"],
                "k": point["draft_length"],
                "expected_accepted_tokens": point["accepted_tokens_per_burst"],
                "expected_committed_tokens": point["committed_tokens_per_burst"],
                "synthetic_histogram": point["histogram"],
                "speculative": point["metrics"],
                "baseline": point["baseline_metrics"],
                "throughput_speedup_vs_baseline": point["ratio"][
                    "throughput_tokens_per_s"
                ],
                "tokens_per_joule_speedup_vs_baseline": point["ratio"][
                    "tokens_per_joule"
                ],
            }
            for point in sweep["points"]
        ],
        "best_by_prompt_length": [
            {
                "l_prompt": best["prompt_length"],
                "best_throughput_k": best["draft_length_by_throughput"],
                "best_tokens_per_joule_k": best["draft_length_by_tokens_per_joule"],
            }
            for best in sweep["best"]
        ],
    }


def peer_metrics(point: Plain) -> Plain:
    return {
        "metrics": point["metrics"],
        "baseline_metrics": point["baseline_metrics"],
        "delta": {
            **{f"{name}_ratio": value for name, value in point["ratio"].items()},
            **{f"{name}_diff": value for name, value in point["difference"].items()},
        },
    }


def peer_phase(phase: Plain) -> Plain:
    return {
        "energy_pj": phase["energy_pj"],
        "latency_ns": phase["latency_ns"],
        **{
            section: _flat(phase[section])
            for section in ("stages", "components", "channels")
        },
        "activation_counts": phase["counts"],
        "dpu_features": _flat(phase["features"]),
        "memory_traffic": {
            f"{name}_bytes": n for name, n in (phase["traffic_bytes"] or {}).items()
        },
    }


def _flat(section: Plain) -> Plain:
    return {
        f"{name}_{field}": value
        for name, one in section.items()
        for field, value in one.items()
    }


def _mm2(areas: Plain) -> Plain:
    return {f"{name}_mm2": value for name, value in areas.items()}
