"""docs/assumptions.md speaks of switches, fields and values that exist."""

from __future__ import annotations

import re

from document_runner import ROOT

from simcore.analysis.estimate import estimate_scenario
from simcore.config.acceptance import ACCEPTANCE_KINDS
from simcore.config.accounting import AccountingConfig
from simcore.config.hardware import HardwareConfig
from simcore.config.load import load_scenario
from simcore.config.scenario import ScenarioFile, WorkloadConfig
from simcore.program.schedules import SCHEDULES
from simcore.program.verification import VERIFICATIONS

PAGE = (ROOT / "docs" / "assumptions.md").read_text(encoding="utf-8")
MODELS = (AccountingConfig, HardwareConfig, ScenarioFile, WorkloadConfig)


def named() -> list[str]:
    """What stands in backticks in the text, commands and files left out."""
    text = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    words = re.findall(r"`([^`]+)`", text)
    return [w for w in words if not w.startswith(("simcore", "docs/"))]


def test_every_name_is_a_field_a_policy_or_a_kind_of_acceptance():
    fields = {name for model in MODELS for name in model.model_fields}
    values = {p.name for p in (*SCHEDULES, *VERIFICATIONS)} | set(ACCEPTANCE_KINDS)
    found = named()
    assert len(found) > 15
    for word in found:
        name, _, value = word.partition(": ")
        if value:
            assert name in fields, word
            field = next(m.model_fields[name] for m in MODELS if name in m.model_fields)
            assert f"'{value}'" in str(field.annotation), word
        else:
            known = name in fields | values
            assert known or any(f"'{name}'" in str(f) for f in _annotations()), word


def _annotations() -> list[object]:
    return [f.annotation for model in MODELS for f in model.model_fields.values()]


def test_one_request_alone_finds_what_the_page_says_of_the_reference_chip():
    """Sentences with a truth of their own, held against the code."""
    estimate = estimate_scenario(load_scenario("qwen3-1.7b-k5"))
    notes = " ".join(estimate.to_dict()["notes"])
    assert "under reread it never improves" in notes
    assert "no streaming between them" in notes
    assert "Prefill and time to first token are excluded" in notes
    serialized = estimate_scenario(load_scenario("qwen3-1.7b-serialized"))
    assert serialized.verdict.break_even_committed_tokens > 6
    powers = ("arrays_nw", "adc_residual_nw", "adc_draft_nw")
    leaking = load_scenario(
        "qwen3-1.7b-serialized",
        [f"hardware.leakage_power.{name}=1e6" for name in powers],
    )
    gated = {
        row.component
        for row in estimate_scenario(leaking).leakage.rows
        if row.powered["draft"] < row.powered["verify"]
    }
    assert gated == {"arrays", "adc_residual"}
    assert all(row.powered["draft"] == 1 for row in estimate.leakage.rows)
