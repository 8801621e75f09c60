"""One run that nothing disturbs, to compare the others with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_runs import hashes, quick, small_plan

from simcore.experiments.run import execute


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    execute(small_plan(), quick(), folder)
    return folder


@pytest.fixture(scope="session")
def whole(whole_run: Path) -> dict[str, str]:
    return hashes(whole_run)


@pytest.fixture
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process loses nothing that it has written: syncing only takes time."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
