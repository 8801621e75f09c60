"""Runs a check on generated cases, as many as are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def fuzz(cases: st.SearchStrategy[Any], size: int, check: Callable[..., None]) -> None:
    @settings(
        max_examples=size,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def run(case: Any) -> None:
        check(*case)

    run()
