"""What `explain run` says where requests share a chip and where much is missing."""

from __future__ import annotations

from simcore.analysis.time import RequestPath, TimeAnalysis
from simcore.report.time_text import request_time_report, run_time_report


def shares(total: int, work: int, **causes: int) -> dict:
    by = {"ffn": work, **{f"waiting: {name}": ps for name, ps in causes.items()}}
    waits = [
        {
            "resource_kind": "hbm",
            "cause": "other_request",
            "blocking": "verify_drafted kv_read",
            "wait_ps": causes.get("other_request", 0),
        }
    ]
    return {
        "paths": 1, "total_ps": total, "work_ps": work, "waiting_ps": total - work,
        "by_stage": by, "by_phase": by, "by_resource_kinds": by, "by_operation": by,
        "waits": [wait for wait in waits if wait["wait_ps"]],
        "waits_by_blocking_request": {"3": causes.get("other_request", 0)},
        "savings": {
            "hbm": {
                "hold_ps": work, "hold_ratio": work / total,
                "at_most_ps": total, "at_most_ratio": 1.0,
            }
        },
    }  # fmt: skip


def analysis(**changes) -> TimeAnalysis:
    nothing = {"steps": 0, "busy_ps": 0, "busy_ratio": 0.0, "energy_pj": 0.0,
               "energy_ratio": 0.0}  # fmt: skip
    wasted = dict.fromkeys(
        ("rejected_drafts", "verify_beyond", "discarded", "cancelled_ahead", "all"),
        nothing,
    )
    values = {
        "n_requests": 2, "n_replications": 1, "analysed_requests": 2,
        "analysed_replications": 1, "elapsed_ps": 1000,
        "utilization": {"bottleneck": None, "bin_ps": [], "by_resource_kind": {}},
        "queues": {}, "head_of_line": {"holds": 0, "wait_ps": 0},
        "makespan_path": shares(1000, 600, other_request=400),
        "chip_path": shares(1000, 1000),
        "request_paths": {**shares(2000, 1200, other_request=800), "paths": 2},
        "stalls": {"total_ps": 0, "cells": []}, "wasted": wasted,
    }  # fmt: skip
    return TimeAnalysis(**{**values, **changes})


def flat(text: str) -> str:
    assert max(map(len, text.splitlines())) <= 80
    return " ".join(text.split())


def test_with_several_requests_the_path_goes_through_all_and_latencies_are_told():
    text = flat(run_time_report("x", analysis()))
    assert "what the makespan consists of, through all requests" in text
    assert "all 2 requests: latencies of 2.00 ns added, 1.00 ns on average" in text
    assert "work 60.0 %, waits for other requests 40.0 %" in text


def test_where_nothing_waits_or_is_wasted_that_is_said():
    text = flat(run_time_report("x", analysis()))
    assert "Waits: nothing waited for a resource." in text
    assert "Wasted work: none." in text
    assert "without any wait" not in text


def test_stalls_are_sentences_and_a_gate_is_the_token_inside():
    cells = [
        {"waiting": "draft layer_gate", "resource_kind": "layer",
         "blocking": "verify_bonus layer_gate", "relation": "other", "holds": 2,
         "wait_ps": 90},
        {"waiting": "draft kv_read", "resource_kind": "hbm", "blocking": "",
         "relation": "reserved", "holds": 1, "wait_ps": 10},
    ]  # fmt: skip
    text = flat(
        run_time_report(
            "x",
            analysis(
                stalls={"total_ps": 100, "cells": cells},
                head_of_line={"holds": 1, "wait_ps": 10},
            ),
        )
    )
    assert (
        "90.0 %: draft layer_gate waits for a layer that a verify_bonus token of "
        "another request is in; 2 waits, 90.0 ps"
    ) in text
    assert "10.0 %: draft kv_read waits for hbm, kept for an older hold; 1 wait" in text
    assert "head-of-line blocking: 1 hold waited 10.0 ps although all they" in text


def test_a_request_tells_whom_it_waited_for_and_bounds_with_and_without_waits():
    path = RequestPath(
        replication=0, request=1, burst=None, begin_ps=0, end_ps=1000,
        shares=shares(1000, 600, other_request=300, sram_room=100),
        segments=[
            {"cause": "work", "begin_ps": 0, "end_ps": 600, "burst": 0,
             "phase": "draft", "step": 0},
            {"cause": "other_request", "begin_ps": 600, "end_ps": 900, "burst": 0,
             "phase": "commit", "step": 0, "resource": "hbm", "held_by_request": 3,
             "held_by": "verify_drafted kv_read"},
            {"cause": "sram_room", "begin_ps": 900, "end_ps": 1000, "burst": 1,
             "phase": "draft", "step": 0},
        ],
    )  # fmt: skip
    text = flat(request_time_report("x", path))
    assert "x: request 1 (replication 0) took 1.00 ns" in text
    assert "30.0 %: for hbm held by verify_drafted kv_read of another request" in text
    assert "held by request 3 300 ps" in text
    assert "burst 0 draft 0: work 0 ps 600 ps 60.0 %" in text
    assert "burst 0 commit: hbm held by request 3 600 ps 300 ps" in text
    assert "burst 1: waits for SRAM room" in text
    assert "a faster hbm can save at most 60.0 % (600 ps), 100 % if no wait" in text
    assert "without any wait at most 40.0 % are saved" in text
