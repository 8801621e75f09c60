"""Every operation that a burst may hold: what it does, where it runs, who builds it."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple


class OperationEntry(NamedTuple):
    """One kind of operation.

    Attributes
    ----------
    summary : str
        What is done, and on which resource.
    module : str
        Module of this package that adds it to a burst.
    """

    summary: str
    module: str


def _layer(summary: str) -> OperationEntry:
    return OperationEntry(summary, "layer")


def _moved(summary: str) -> OperationEntry:
    return OperationEntry(summary, "movement")


_OPERATIONS = {
    "embedding_read": _moved("read the token's embedding from hbm"),
    "norm": _layer("normalise the residual stream, on dpu"),
    "quantize": _layer("scale and round the inputs of a matrix, on dpu"),
    "qkv": _layer("query, key and value projections, on analog arrays"),
    "accumulate": OperationEntry("add up the outputs of tiles and slices", "analog"),
    "dequantize": _layer("scale the outputs of a matrix back, on dpu"),
    "latent_norm": _layer("normalise compressed queries and keys (mla), on dpu"),
    "q_up": _layer("expand compressed queries (mla), on analog arrays"),
    "k_absorb": _layer("take queries to the cache space (mla), on analog arrays"),
    "qk_norm": _layer("normalise queries and keys per head, on dpu"),
    "rope": _layer("rotary position embedding, on dpu"),
    "kv_pack": _layer("round new keys and values to the cache's format, on dpu"),
    "kv_write": _moved("write the token's keys and values to sram"),
    "kv_read": _moved("read cached keys and values: hbm and fabric, beside sram"),
    "kv_buffer_fill": _moved("put cached KV that was read ahead into sram (prefetch)"),
    "kv_buffer_read": _moved("read it from sram when attention needs it (prefetch)"),
    "kv_unpack": _layer("apply the scales of cached keys and values, on dpu"),
    "kv_dequantize": _layer("convert speculative KV of another format, on dpu"),
    "kv_load": OperationEntry(
        "write attention operands into SRAM compute arrays, on attention", "digital"
    ),
    "attention_qk": _layer("scores: queries times keys, on attention"),
    "attention_softmax": _layer("softmax of the scores, on dpu"),
    "attention_pv": _layer("weighted sum of values, on attention"),
    "v_up": _layer("expand the attention output (mla), on analog arrays"),
    "wo": _layer("output projection of attention, on analog arrays"),
    "residual_add": _layer("add a block's output to the residual stream, on dpu"),
    "router": _layer("scores of the experts, on attention"),
    "router_softmax": _layer("weigh the experts of a token, on dpu"),
    "gate_up": _layer("gate and up projections of the ffn, on analog arrays"),
    "ffn_activation": _layer("activation function of the ffn, on dpu"),
    "ffn_gate_multiply": _layer("gate times up, on dpu"),
    "down": _layer("down projection of the ffn, on analog arrays"),
    "expert_combine": _layer("weighted sum of the experts' outputs, on dpu"),
    "control": _layer("the sequencer's work of a step and layer, on control"),
    "hop": _moved("send the residual stream to the next layer over the fabric"),
    "final_norm": _layer("normalise before the vocabulary projection, on dpu"),
    "lm_head_weights": _moved("stream the vocabulary's weights from hbm"),
    "lm_head": _layer("vocabulary projection, on analog arrays or attention lanes"),
    "sampling": _layer("choose the token, on dpu"),
    "control_burst": _layer("the sequencer's work of a burst, on control"),
    "verify_setup": _layer("switch from draft to verification, on control"),
    "kv_commit": _moved("copy accepted keys and values from sram to hbm"),
    "kv_convert": OperationEntry(
        "convert committed KV to the format of hbm, on dpu", "digital"
    ),
    "d_reg_write": _moved("keep draft results for reuse"),
    "d_reg_read": _moved("take kept draft results in verification"),
}

#: Operations by name, in catalogue order.
OPERATIONS = MappingProxyType(_OPERATIONS)
