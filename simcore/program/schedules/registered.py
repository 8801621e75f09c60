"""Schedules from outside of simcore: registered by a script, checked when they link.

A shipped schedule is trusted and has a formula; one from outside has neither: what it
links is checked, and only events say how long a burst takes. Registration holds for
this process. Worker processes import the script that started them, so that a call at
its top level, outside of ``if __name__ == "__main__":``, reaches them too.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import Any

from simcore.config.schedule_names import (
    REGISTER_FIRST,
    SHIPPED_SCHEDULES,
    allow_schedule,
    forget_schedule,
)
from simcore.errors import ConfigError, Problem, ProgramError, printable
from simcore.program.schedules.policy import Layout, Predecessors, SchedulePolicy

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")

_registered: dict[str, SchedulePolicy] = {}


def register_schedule(policy: SchedulePolicy, *, replace: bool = False) -> None:
    """Let scenarios of this process use a schedule of your own by its name.

    Parameters
    ----------
    policy : SchedulePolicy
        An object with `name`, `summary`, `pipelined`, `drafts_ahead`, `kv_buffers` and
        `link`, as in `simcore.program.schedules.policy`.
    replace : bool
        Take the place of an earlier one of the same name.

    Raises
    ------
    ConfigError
        If an attribute is missing or wrong, or the name is taken.
    """
    problems = [_problem(*found) for found in _wrong_attributes(policy)]
    if not problems:
        name = policy.name
        if name in SHIPPED_SCHEDULES:
            problems.append(_problem("name", name, "must not be that of a shipped one"))
        elif name in _registered and not replace:
            problem = _problem("name", name, "must not be registered already")
            problems.append(problem)
    if problems:
        raise ConfigError(problems)
    _registered[policy.name] = policy
    allow_schedule(policy.name)


def unregister_schedule(name: str) -> None:
    """Forget a registered schedule; a name that is none is no error."""
    _registered.pop(name, None)
    forget_schedule(name)


def registered_named(name: str) -> SchedulePolicy:
    """The registered schedule of that name.

    Raises
    ------
    ProgramError
        If this process has none: a worker that did not import what registers it.
    """
    if name not in _registered:
        raise ProgramError(
            f"schedule {printable(name)} is not registered in this process. "
            f"{REGISTER_FIRST} With workers, call it at the top level of the script."
        )
    return _registered[name]


def checked_links(policy: SchedulePolicy, layout: Layout) -> Predecessors:
    """What a schedule links, refused when no engine could run it.

    Parameters
    ----------
    policy : SchedulePolicy
        One from outside.
    layout : Layout
        The operations to link.

    Raises
    ------
    ProgramError
        If an operation has no entry, or waits for one that is not there, for itself or
        in a circle, or a layer's work does not wait for the layer's gate.
    """
    n = len(layout.operations)
    given: Any = policy.link(layout)
    if not isinstance(given, Sequence) or len(given) != n:
        size = len(given) if isinstance(given, Sequence) else type(given).__name__
        raise _refused(policy, f"gives {size} entries for {n} operations")
    links: Predecessors = []
    for op, before in enumerate(given):
        if not isinstance(before, Sequence) or not all(
            isinstance(other, int) and 0 <= other < n and other != op
            for other in before
        ):
            raise _refused(
                policy,
                f"operation {_name(layout, op)} waits for {printable(str(before))}, "
                f"which must be other operations from 0 to {n - 1}",
            )
        links.append(tuple(dict.fromkeys(before)))
    _require_gates(policy, layout, links)
    _require_no_circle(policy, layout, links)
    return links


def _require_gates(policy: SchedulePolicy, layout: Layout, links: Predecessors) -> None:
    for cell in layout.cells:
        if cell.gate < 0:
            continue
        inside = {cell.gate}
        # Numbers ascend inside a cell, and so must what waits.
        for op in range(cell.first, cell.last + 1):
            if inside.isdisjoint(links[op]):
                raise _refused(
                    policy,
                    f"operation {_name(layout, op)} waits for nothing in its layer, "
                    "not even the gate that keeps the layer for its token",
                )
            inside.add(op)


def _require_no_circle(
    policy: SchedulePolicy, layout: Layout, links: Predecessors
) -> None:
    missing = [len(before) for before in links]
    successors: list[list[int]] = [[] for _ in links]
    for op, before in enumerate(links):
        for other in before:
            successors[other].append(op)
    ready = deque(op for op, count in enumerate(missing) if not count)
    n_done = 0
    while ready:
        n_done += 1
        for after in successors[ready.popleft()]:
            missing[after] -= 1
            if not missing[after]:
                ready.append(after)
    if n_done < len(links):
        stuck = next(op for op, count in enumerate(missing) if count)
        raise _refused(
            policy, f"operation {_name(layout, stuck)} waits for itself, in a circle"
        )


def _refused(policy: SchedulePolicy, why: str) -> ProgramError:
    return ProgramError(f"schedule {policy.name}: {why}")


def _name(layout: Layout, op: int) -> str:
    """An operation in words: `3 (norm of draft step 0, layer 1)`."""
    name = layout.operations[op].name
    for cell in layout.cells:
        if op == cell.gate or cell.first <= op <= cell.last:
            step = f" step {cell.step}" if cell.step >= 0 else ""
            layer = f", layer {cell.layer}" if cell.layer >= 0 else ""
            return f"{op} ({name} of {cell.phase}{step}{layer})"
    return f"{op} ({name})"


def _wrong_attributes(policy: Any) -> list[tuple[str, Any, str]]:
    """Attributes that are missing or wrong: name, value, what is allowed."""
    found: list[tuple[str, Any, str]] = []
    for name, kind, allowed in (
        ("name", str, "must be a letter, then letters, digits, '_', '.' or '-'"),
        ("summary", str, "must be text of one line"),
        ("pipelined", bool, "must be true or false"),
        ("drafts_ahead", bool, "must be true or false"),
        ("kv_buffers", int, "must be an integer >= 0"),
    ):
        value: Any = getattr(policy, name, None)
        fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if name == "name" and fits:
            fits = _NAME.fullmatch(value) is not None
        elif name == "summary" and fits:
            fits = value.isprintable() and 0 < len(value) <= 200
        elif name == "kv_buffers" and fits:
            fits = value >= 0
        if not fits:
            found.append((name, value, allowed))
    if not callable(getattr(policy, "link", None)):
        found.append(("link", getattr(policy, "link", None), "must be a method"))
    return found


def _problem(attribute: str, value: Any, allowed: str) -> Problem:
    return Problem(path=f"policy.{attribute}", got=printable(value), allowed=allowed)
