"""Cells of a burst's picture are its holds, token by token and layer by layer."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_run import Op, made_up

from simcore import read_trace
from simcore.analysis.time.burst_timeline import (
    NO_LAYER,
    burst_timeline,
    typical_burst_timeline,
)
from simcore.analysis.time.replication import RunTables, iter_replications
from simcore.config.load import load_scenario
from simcore.experiments.run import simulate

OPS = (
    Op("A1[0]", step=0, layer=0),
    Op("A1[0] hbm", (0,), step=0, layer=0),
    Op("A1[1]", (1,), step=0, layer=1, operation="lm_head"),
    Op("A1[0]", (2,), phase="verify_drafted", step=0, layer=0),
    Op("A1[0]", (3,), phase="verify_bonus", step=1, layer=0),
    Op("control", (4,), phase="commit", step=None, layer=None),
)


def first_of(trace, slot=0, n_bins=4):
    tables = RunTables.of(trace)
    (replication,) = iter_replications(trace, tables)
    return burst_timeline(replication, slot, n_bins)


@pytest.fixture
def hand_made():
    times = {
        0: (0, 0, 10),
        1: (10, 12, 20),
        2: (20, 20, 30),
        3: (30, 30, 40),
        4: (40, 40, 60),
        5: (60, 60, 80),
    }
    return made_up(OPS, {0: [times]}, bursts={(0, 0): {"accepted": 0, "committed": 1}})


def test_a_cell_lasts_from_the_first_hold_to_the_last(hand_made):
    found = first_of(hand_made)
    cells = [(c.phase, c.step, c.layer, c.start_ps, c.end_ps) for c in found.cells]
    assert cells == [
        ("draft", 0, 0, 0, 20),
        ("draft", 0, 1, 20, 30),
        ("verify_drafted", 0, 0, 30, 40),
        ("verify_bonus", 1, 0, 40, 60),
        ("commit", 0, NO_LAYER, 60, 80),
    ]
    assert found.layers == ("0", "lm_head")


def test_what_was_not_accepted_is_not_kept(hand_made):
    kept = {(c.phase, c.step): c.is_kept for c in first_of(hand_made).cells}
    assert kept == {
        ("draft", 0): False,
        ("verify_drafted", 0): True,
        ("verify_bonus", 1): False,
        ("commit", 0): True,
    }


def test_loads_are_the_mean_number_held_in_each_part(hand_made):
    loads = {load.kind: load for load in first_of(hand_made).loads}
    assert {kind: load.instances for kind, load in loads.items()} == {
        "A1": 2, "hbm": 1, "control": 1,
    }  # fmt: skip
    # Parts of 20 ps; A1[0] is free from 10 to 12.
    assert loads["A1"].busy.tolist() == [0.9, 1.0, 1.0, 0.0]
    assert loads["hbm"].busy.tolist() == [0.4, 0.0, 0.0, 0.0]
    assert loads["control"].busy.tolist() == [0.0, 0.0, 0.0, 1.0]


def test_the_typical_burst_is_the_median_and_all_its_time_is_covered(tmp_path):
    simulate(load_scenario("tiny"), requests=3, out=tmp_path / "run")
    trace = read_trace(tmp_path / "run")
    found = typical_burst_timeline(trace)
    assert found is not None
    bursts = trace.bursts().to_pandas()
    first = bursts[bursts.replication == 0]
    took = sorted(first.end_ps - first.start_ps)
    assert found.end_ps - found.begin_ps == took[(len(took) - 1) // 2]
    assert min(cell.start_ps for cell in found.cells) == found.begin_ps
    assert max(cell.end_ps for cell in found.cells) == found.end_ps
    # The holds of one burst at a time are all there is on this chip.
    holds = trace.arrow(["request", "burst", "resource", "duration_ps"]).to_pandas()
    mine = holds[(holds.request == found.request) & (holds.burst == found.burst)]
    hbm = next(load for load in found.loads if load.kind == "hbm")
    width = (found.end_ps - found.begin_ps) / hbm.busy.size
    assert float(np.sum(hbm.busy)) * width == pytest.approx(
        mine[mine.resource == "hbm"].duration_ps.sum(), rel=1e-3
    )
    assert "layer" not in {load.kind for load in found.loads}
