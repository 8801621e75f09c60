"""Names of schedules that a configuration may use: shipped ones, and registered ones.

What a schedule does is the program's business; here are only names, so that a file
that names none which exists is refused with the rest of its problems.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import GetCoreSchemaHandler, ValidatorFunctionWrapHandler
from pydantic_core import core_schema

_Shipped = Literal["serialized", "layer-pipelined", "prefetch", "overlap"]

#: Schedules that simcore comes with; formulas follow these.
SHIPPED_SCHEDULES: tuple[str, ...] = get_args(_Shipped)

#: What to do about a name that is neither.
REGISTER_FIRST = "Register a schedule of your own first: simcore.register_schedule."

_registered: set[str] = set()


class _OrRegistered:
    """Lets a field take the name of a registered schedule besides."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        # A registered name is no member of the Literal; a plain serializer asks not.
        return core_schema.no_info_wrap_validator_function(
            _check,
            handler(source),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda name: name, return_schema=handler(source)
            ),
        )


def _check(value: Any, shipped: ValidatorFunctionWrapHandler) -> Any:
    if isinstance(value, str) and value in _registered:
        return value
    return shipped(value)


#: The type of a field that names a schedule.
Schedule = Annotated[_Shipped, _OrRegistered()]


def allow_schedule(name: str) -> None:
    """Let configurations of this process use a name."""
    _registered.add(name)


def forget_schedule(name: str) -> None:
    """Take back `allow_schedule`; a name that was never allowed is no error."""
    _registered.discard(name)


def registered_schedules() -> tuple[str, ...]:
    """Names allowed besides the shipped ones."""
    return tuple(sorted(_registered))
