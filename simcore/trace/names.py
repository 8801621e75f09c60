"""Words in the columns of a run folder.

Apart from the columns themselves, so that who only needs a word need not wait for
pyarrow.
"""

from __future__ import annotations

PHASES = ("draft", "verify_drafted", "verify_bonus", "draft_ahead", "commit")
STAGES = (
    "qkv",
    "wo",
    "ffn",
    "qk",
    "pv",
    "softmax",
    "elementwise",
    "kv_cache",
    "buffers_add",
    "control",
    "lm_head",
    "activations",
    "gate",
)
CHANNELS = ("compute", "movement", "gate")
