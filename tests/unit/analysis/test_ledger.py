"""What bursts spend, against sums worked out by hand and by brute force."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from simcore.analysis.ledger import Ledger, tally
from simcore.program.burst import BurstProgram, Step
from simcore.program.cost import Cost
from simcore.program.operation import LayerStep, Operation

READ = Operation(
    name="qkv",
    stage="qkv",
    resources=("A1", "A2"),
    channel="compute",
    owner="arrays",
    duration_ns=Cost(10.0),
    energy_pj=(("dac", Cost(1.0)), ("arrays", Cost(0.5))),
)
SCORES = Operation(
    name="attention_qk",
    stage="qk",
    resources=("attention",),
    channel="compute",
    owner="attention_engine",
    # Half a picosecond a token: rounded half to even, each hold by itself.
    duration_ns=Cost(1.0, per_token=0.0005),
    energy_pj=(("attention_engine", Cost(2.0, per_token=0.25)),),
)
KV_READ = Operation(
    name="kv_read",
    stage="kv_cache",
    resources=("hbm",),
    channel="movement",
    owner="hbm",
    duration_ns=Cost(3.0, per_token=0.125),
    read_bytes=Cost(-16.0, per_token=16.0),
    energy_pj=(("hbm", Cost(-32.0, per_token=32.0)),),
)
COMMIT = Operation(
    name="kv_commit",
    stage="kv_cache",
    resources=("hbm",),
    channel="movement",
    owner="hbm",
    duration_ns=Cost(0.0, per_committed=2.0),
    write_bytes=Cost(per_committed=16.0),
    energy_pj=(("hbm", Cost(per_committed=48.0)),),
)
SETUP = Operation(
    name="control_burst",
    stage="control",
    resources=("control",),
    channel="compute",
    owner="control",
    duration_ns=Cost(5.0),
    energy_pj=(("control", Cost(7.0)),),
)


def program_by_hand(schedule: str = "serialized") -> BurstProgram:
    """K = 1, two layers; the second sees at most 3 cached tokens."""
    full = LayerStep(((READ,), (SCORES,), (KV_READ,)))
    windowed = LayerStep(((SCORES,),), context_cap=3)
    layers = (full, windowed, LayerStep(()))
    return BurstProgram(
        model=SimpleNamespace(n_layers=2),
        hardware=None,
        accounting=None,
        schedule=schedule,
        draft_length=1,
        draft=(Step("draft", 0, layers),),
        setup=LayerStep(((SETUP,),)),
        verify=(Step("verify_drafted", 0, layers), Step("verify_bonus", 1, layers)),
        commit=(LayerStep(((COMMIT,),)),) * 2,
        speculative_bytes=0,
    )


# At L = 4 the full layer sees 4, 4, 5 cached tokens, the windowed one 3.
ENERGY_AT_4_COMMITTED_2 = math.fsum(
    [
        3 * 1.5,  # qkv
        3.0 + 3.0 + 3.25,  # attention_qk, full layer
        3 * 2.75,  # attention_qk, windowed layer
        96.0 + 96.0 + 128.0,  # kv_read
        7.0,  # setup
        2 * 48.0 * 2,  # commit
    ]
)


def test_one_burst_by_hand():
    ledger = Ledger(program_by_hand())
    assert ledger.energy_pj(4, 2) == pytest.approx(ENERGY_AT_4_COMMITTED_2, rel=1e-15)
    moved = ledger.bytes(4, 2)
    assert moved["hbm", "read"] == 48 + 48 + 64
    assert moved["hbm", "write"] == 2 * 32
    assert moved["sram", "read"] == moved["d_reg", "write"] == 0


def test_totals_of_two_kinds_of_bursts_by_hand():
    totals = Ledger(program_by_hand()).totals({(4, 2): 3, (7, 1): 2})
    assert totals.bursts == 5
    # L = 7, committed 1: contexts 7, 7, 8.
    scores = {4: 3.0 + 3.0 + 3.25 + 8.25, 7: 3.75 + 3.75 + 4.0 + 8.25}
    reads = {4: 96.0 + 96.0 + 128.0, 7: 192.0 + 192.0 + 224.0}
    energy = totals.energy_pj
    assert energy.by_operation == {
        "qkv": 5 * 4.5,
        "attention_qk": 3 * scores[4] + 2 * scores[7],
        "kv_read": 3 * reads[4] + 2 * reads[7],
        "control_burst": 35.0,
        "kv_commit": 3 * 192.0 + 2 * 96.0,
    }
    assert energy.by_component == {
        "dac": 15.0,
        "arrays": 7.5,
        "attention_engine": energy.by_operation["attention_qk"],
        "hbm": energy.by_operation["kv_read"] + energy.by_operation["kv_commit"],
        "control": 35.0,
    }
    assert energy.by_channel["movement"] == energy.by_component["hbm"]
    assert energy.by_stage["control"] == energy.by_phase["verify_bonus"] - (
        3 * (1.5 + 3.25 + 2.75 + 128.0) + 2 * (1.5 + 4.0 + 2.75 + 224.0)
    )
    assert energy.by_phase["commit"] == energy.by_operation["kv_commit"]
    assert energy.total == math.fsum(energy.by_operation.values())
    assert energy.by_resource == {}
    assert totals.traffic_bytes["hbm", "read"] == 3 * 160 + 2 * (96 + 96 + 112)
    assert totals.traffic_bytes["hbm", "write"] == 3 * 64 + 2 * 32


def test_busy_time_counts_every_resource_and_rounds_every_hold():
    totals = Ledger(program_by_hand()).totals({(4, 2): 3, (7, 1): 2})
    busy = totals.busy_ps
    # attention_qk in ps, half to even: 1002 at 4, 1002 at 5 (1002.5), 1002 at 3
    # (1001.5), 1004 at 7 (1003.5), 1004 at 8.
    scores = 3 * (1002 + 1002 + 1002 + 3 * 1002) + 2 * (1004 + 1004 + 1004 + 3 * 1002)
    assert busy.by_operation["attention_qk"] == scores
    assert busy.by_operation["qkv"] == 5 * 3 * 2 * 10_000
    assert busy.by_component["arrays"] == busy.by_operation["qkv"]
    assert busy.by_resource["A1[0]"] == busy.by_resource["A2[0]"] == 5 * 30_000
    reads = 3 * (3500 + 3500 + 3625) + 2 * (3875 + 3875 + 4000)
    assert busy.by_resource["hbm"] == reads + 3 * 2 * 4000 + 2 * 2 * 2000
    assert busy.by_resource["attention[1]"] == 15 * 1002
    assert busy.total == sum(busy.by_phase.values()) == sum(busy.by_resource.values())
    for marginal in (busy.by_stage, busy.by_component, busy.by_channel):
        assert sum(marginal.values()) == busy.total
        assert all(type(ps) is int for ps in marginal.values())


def test_gates_have_no_time_of_their_own():
    serial = Ledger(program_by_hand()).totals({(4, 2): 1})
    program = program_by_hand("layer-pipelined")
    assert any(name.startswith("layer[") for name in program.table.resources)
    assert Ledger(program).totals({(4, 2): 1}) == serial


def test_columns_of_bursts_repeat_the_single_bursts():
    ledger = Ledger(program_by_hand())
    columns = ledger.burst_columns([7, 4, 7], [1, 2, 1])
    assert columns["energy_pj"].tolist() == [
        ledger.energy_pj(7, 1),
        ledger.energy_pj(4, 2),
        ledger.energy_pj(7, 1),
    ]
    assert columns["hbm_read_bytes"].tolist() == [304, 160, 304]
    assert columns["hbm_write_bytes"].tolist() == [32, 64, 32]
    assert len(columns) == 9
    assert all(c.dtype == np.int64 for n, c in columns.items() if n != "energy_pj")


def test_totals_equal_the_sum_over_single_bursts():
    program = program_by_hand()
    ledger, table = Ledger(program), program.table
    rng = np.random.default_rng(1)
    contexts, tokens = rng.integers(1, 60, 400), rng.integers(1, 3, 400)
    totals = ledger.totals(tally(contexts, tokens))
    pairs = list(zip(contexts.tolist(), tokens.tolist(), strict=True))
    each = [ledger.energy_pj(*pair) for pair in pairs]
    assert totals.energy_pj.total == pytest.approx(math.fsum(each), rel=1e-14)
    busy = [int(table.durations_ps(*pair)[table.rows[0]].sum()) for pair in pairs]
    assert totals.busy_ps.total == sum(busy)


def test_no_bursts_spend_nothing():
    totals = Ledger(program_by_hand()).totals({})
    assert totals.energy_pj.total == 0
    assert totals.busy_ps.total == 0
    assert set(totals.traffic_bytes.values()) == {0}
    assert Ledger(program_by_hand()).burst_columns([], [])["energy_pj"].size == 0


def test_breakdown_is_plain_and_sorted():
    plain = Ledger(program_by_hand()).totals({(4, 2): 1}).energy_pj.as_dict()
    assert list(plain["by_component"]) == sorted(plain["by_component"])
    assert "by_resource" not in plain
    assert plain["total"] == pytest.approx(ENERGY_AT_4_COMMITTED_2)


def test_tally_refuses_columns_of_different_length():
    assert tally([4, 4, 7], [2, 2, 1]) == {(4, 2): 2, (7, 1): 1}
    with pytest.raises(ValueError, match="shorter"):
        tally([1, 2], [1])
