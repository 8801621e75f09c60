"""The public example inputs, read unchanged where they lie beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcore.config.acceptance import HistogramAcceptance
from simcore.config.load import (
    config_dict,
    load_acceptance,
    load_hardware,
    load_model,
)
from simcore.errors import ConfigError

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
EXAMPLES = DATA / "peer_examples"
MODELS = DATA / "models"

pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="the public examples are not beside the checkout"
)

#: layers, d_model, heads, kv heads, head_dim, d_ff, gated, vocabulary
SHAPES = {
    "Qwen--Qwen3-0.6B": (28, 1024, 16, 8, 128, 3072, True, 151936),
    "Qwen--Qwen3-1.7B": (28, 2048, 16, 8, 128, 6144, True, 151936),
    "Qwen--Qwen3-8B": (36, 4096, 32, 8, 128, 12288, True, 151936),
    "Qwen--Qwen3-32B": (64, 5120, 64, 8, 128, 25600, True, 151936),
    "google--gemma-2-2b": (26, 2304, 8, 4, 256, 9216, True, 256000),
    "google--gemma-2-9b": (42, 3584, 16, 8, 256, 14336, True, 256000),
    "llama-2-7b-hf": (32, 4096, 32, 32, 128, 11008, True, 32000),
    "meta-llama--Llama-3.2-1B": (16, 2048, 32, 8, 64, 8192, True, 128256),
    "meta-llama--Meta-Llama-3.1-8B": (32, 4096, 32, 8, 128, 14336, True, 128256),
    "meta-llama--Meta-Llama-3.1-70B": (80, 8192, 64, 8, 128, 28672, True, 128256),
    "microsoft--Phi-3-mini-4k-instruct": (32, 3072, 32, 32, 96, 8192, True, 32064),
    "openai-community--gpt2-xl": (48, 1600, 25, 25, 64, 6400, False, 50257),
    "qwen2.5-7b-instruct": (28, 3584, 28, 4, 128, 18944, True, 152064),
}
#: Experts and latent attention: the next test but one.
WITH_EXPERTS = {
    "Qwen--Qwen3-30B-A3B",
    "mistralai--Mixtral-8x7B-v0.1",
    "deepseek-ai--DeepSeek-V3",
    "deepseek-v2-lite",
}
REFUSED = {"google--gemma-4-26B-A4B": "mixture-of-experts"}


@pytest.mark.parametrize("name", SHAPES)
def test_hugging_face_shapes(name: str) -> None:
    model = load_model(MODELS / f"{name}.json")
    assert (
        model.n_layers,
        model.d_model,
        model.n_heads,
        model.n_kv_heads,
        model.head_dim,
        model.d_ff,
        model.gated,
        model.vocab_size,
    ) == SHAPES[name]
    assert model.name == name
    assert load_model(config_dict(model)) == model


def test_every_hugging_face_example_is_accounted_for() -> None:
    assert {path.stem for path in MODELS.glob("*.json")} == (
        {*SHAPES, *WITH_EXPERTS, *REFUSED}
    )


@pytest.mark.parametrize(
    ("name", "experts", "dense", "latent"),
    [
        ("Qwen--Qwen3-30B-A3B", (128, 8, 768, 0), 0, None),
        ("mistralai--Mixtral-8x7B-v0.1", (8, 2, 14336, 0), 0, None),
        ("deepseek-ai--DeepSeek-V3", (256, 8, 2048, 1), 3, (512, 1536, 192, 128)),
        ("deepseek-v2-lite", (64, 6, 1408, 2), 1, (512, None, 192, 128)),
    ],
)
def test_mixtures_and_latent_attention(
    name: str,
    experts: tuple[int, ...],
    dense: int,
    latent: tuple[int | None, ...] | None,
) -> None:
    model = load_model(MODELS / f"{name}.json")
    moe, mla = model.moe, model.mla
    assert moe is not None
    assert experts == (
        moe.n_experts,
        moe.experts_per_token,
        moe.expert_d_ff,
        moe.n_shared_experts,
    )
    assert moe.first_dense_layers == dense
    assert moe.layer_is_moe.count(True) == model.n_layers - dense
    assert latent == (
        None
        if mla is None
        else (mla.kv_lora_rank, mla.q_lora_rank, model.head_dim, mla.v_head_dim)
    )
    assert load_model(config_dict(model)) == model


@pytest.mark.parametrize("name", REFUSED)
def test_other_architectures_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=REFUSED[name]):
        load_model(MODELS / f"{name}.json")


def test_gemma_2_alternates_and_starts_with_a_window() -> None:
    windows = load_model(MODELS / "google--gemma-2-2b.json").layer_windows
    assert windows == (4096, None) * 13


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("model", (2, 64, 8, 8, 256, "mlp")),
        ("model_llama3_2_1b", (16, 2048, 32, 64, 8192, "swiglu")),
        ("model_qwen3_0p6b", (28, 1024, 16, 64, 3072, "swiglu")),
        ("model_qwen3_1p7b", (28, 2048, 16, 128, 6144, "swiglu")),
    ],
)
def test_model_files(name: str, shape: tuple[object, ...]) -> None:
    model = load_model(EXAMPLES / f"{name}.yaml")
    assert shape == (
        model.n_layers,
        model.d_model,
        model.n_heads,
        model.head_dim,
        model.d_ff,
        model.ffn_type,
    )
    assert model.n_kv_heads == model.n_heads
    assert model.activation_bits == 12


def test_the_per_layer_policy_of_the_toy_model() -> None:
    model = load_model(EXAMPLES / "model.yaml")
    assert model.block_policy(0).qkv == "full"
    assert model.block_policy(1).qkv == "draft"


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("hardware", "puma_like_v1"),
        ("hardware_analog_periphery", "science_soc_v1"),
        ("hardware_custom_library", "puma_like_v1"),
        (
            "hardware_science_adi9405_v1_neurosim",
            "science_adi9405_v1_neurosim",
        ),
        ("hardware_soc_area", "science_adi9405_v1_neurosim"),
        ("hardware_soc_area_dac8", "science_adi9405_v1_neurosim"),
        ("hardware_soc_memory", "science_adi9405_v1_neurosim"),
    ],
)
def test_hardware_files(name: str, library: str) -> None:
    chip = load_hardware(EXAMPLES / f"{name}.yaml")
    assert chip.library == library
    assert chip.analog.xbar_size == 128
    assert load_hardware(config_dict(chip)) == chip


def test_a_library_file_replaces_the_shipped_one_of_the_same_name() -> None:
    custom = load_hardware(EXAMPLES / "hardware_custom_library.yaml")
    assert custom.components.adc_draft.energy_pj_per_conversion == 0.123
    assert custom.components.adc_residual.energy_pj_per_conversion == 0.456
    features = custom.components.digital.features
    assert features["attention_qk"].origin == "explicit:digital.features.attention_qk"
    assert features["kv_pack"].origin == "mapped:digital.features.kv_cache_update"


def test_library_values_fill_the_memory_of_the_neurosim_chip() -> None:
    chip = load_hardware(EXAMPLES / "hardware_soc_area.yaml")
    assert chip.soc.schedule == "layer-pipelined"
    assert chip.memory is not None
    assert chip.memory.kv_cache.max_context_tokens == 8192
    assert chip.memory.hbm.read_bandwidth_GBps == 256.0
    assert chip.memory.sram.capacity_bytes == 2 * 1024 * 1024
    assert chip.soc.buffers_add.for_phase("draft") == (0.709, 2.0)
    assert chip.leakage_power.sram_nw == 2520840000.0
    assert chip.components.array.arrays_per_weight == 4


def test_delta_readout_of_the_song_chip() -> None:
    chip = load_hardware(EXAMPLES / "hardware_hyflexpim_song_2025.yaml")
    assert chip.components is not None
    assert chip.components.delta_dac == dict.fromkeys(
        ("draft", "verify"), chip.components.dac
    )
    assert load_hardware(config_dict(chip)) == chip


def test_the_legacy_chip() -> None:
    chip = load_hardware(EXAMPLES / "hardware_legacy.yaml")
    assert (chip.analog, chip.components, chip.library) == (None, None, None)
    assert chip.costs is not None
    assert chip.costs.analog_verify_reuse.energy_pj_per_mac == 0.0006
    assert chip.costs.digital_overhead_area_mm2_per_layer == 0.01
    assert chip.digital_feature("attention_qk").latency_ns_per_op == 0.0007
    assert load_hardware(config_dict(chip)) == chip


def test_stats_file() -> None:
    stats = load_acceptance(EXAMPLES / "stats.json")
    assert isinstance(stats, HistogramAcceptance)
    assert stats.k == 5
    assert stats.histogram == {0: 2.0, 1: 2.0, 2: 1.0, 3: 0.0, 4: 0.0, 5: 9.0}
