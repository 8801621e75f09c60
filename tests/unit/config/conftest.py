from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simcore.errors import ConfigError

MODEL: dict[str, Any] = {
    "name": "toy",
    "n_layers": 2,
    "d_model": 64,
    "n_heads": 8,
    "activation_bits": 12,
}


def converter(energy: float) -> dict[str, float]:
    return {
        "energy_pj_per_conversion": energy,
        "latency_ns_per_conversion": 1.0,
        "area_mm2_per_unit": 0.001,
    }


def coefficient(energy: float) -> dict[str, float]:
    return {"energy_pj_per_mac": energy, "latency_ns_per_mac": 0.5}


COMPONENTS: dict[str, Any] = {
    "adc": {"4": converter(0.25), "12": converter(2.0)},
    "dac": {"4": converter(0.125)},
    "array": {
        "energy_pj_per_activation": 0.0025,
        "latency_ns_per_activation": 10.0,
        "area_mm2_per_weight": 1e-9,
    },
    "digital": {
        "attention": coefficient(1.0),
        "softmax": coefficient(2.0),
        "elementwise": coefficient(3.0),
        "kv_cache": coefficient(4.0),
    },
}

HARDWARE: dict[str, Any] = {
    "name": "chip",
    "components": COMPONENTS,
    "analog": {
        "xbar_size": 128,
        "num_columns_per_adc": 16,
        "dac_bits": 4,
        "adc": {"draft_bits": 4, "residual_bits": 12},
    },
}

STATS: dict[str, Any] = {"k": 5, "histogram": {"0": 2, "1": 2, "2": 1, "5": 9}}

SCENARIO: dict[str, Any] = {
    "name": "small",
    "model": MODEL,
    "hardware": HARDWARE,
    "acceptance": STATS,
    "workload": {"prompt_length": 16, "max_tokens": 8},
}


@pytest.fixture
def model() -> dict[str, Any]:
    return copy.deepcopy(MODEL)


@pytest.fixture
def hardware() -> dict[str, Any]:
    return copy.deepcopy(HARDWARE)


@pytest.fixture
def library() -> dict[str, Any]:
    return copy.deepcopy(COMPONENTS)


@pytest.fixture
def stats() -> dict[str, Any]:
    return copy.deepcopy(STATS)


@pytest.fixture
def scenario() -> dict[str, Any]:
    return copy.deepcopy(SCENARIO)


@pytest.fixture
def errors() -> Callable[..., list[str]]:
    """Lines of the problems that a call raises, without the closing count."""

    def collect(load: Callable[..., object], *args: Any, **kwargs: Any) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load(*args, **kwargs)
        return [str(problem) for problem in caught.value.problems]

    return collect


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write a file in a folder of its own, which is also the current one."""
    monkeypatch.chdir(tmp_path)

    def put(name: str, content: str | bytes) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(data)
        return name

    return put
