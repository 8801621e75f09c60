"""Event simulation of LLM inference by speculative decoding on an accelerator."""

__version__ = "0.1.0"
