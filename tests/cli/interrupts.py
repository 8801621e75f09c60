"""Ctrl-C as it may reach us."""

from __future__ import annotations

from pydantic import BaseModel, field_serializer
from pydantic_core import PydanticSerializationError


class _Interrupted(BaseModel):
    x: int = 0

    @field_serializer("x")
    def stop(self, x: int) -> int:
        raise KeyboardInterrupt


def wrapped_interrupt() -> Exception:
    """What pydantic makes of a Ctrl-C that comes while it calls our code."""
    try:
        _Interrupted().model_dump()
    except PydanticSerializationError as error:
        return error
    raise AssertionError("pydantic lets the interrupt through")
