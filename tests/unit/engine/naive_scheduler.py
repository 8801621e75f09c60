"""The rules of grants as a plain list scan: slow, obvious, without SimPy.

At one instant, ending holds release; their successors become ready; then waiting holds
are scanned by (ready, request, burst, op_id): each starts if all its resources are
free, otherwise it reserves them against younger ones; repeat until nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from simcore.program.outcomes import BurstOutcome
from simcore.program.table import OperationTable

Key = tuple[int, int, int]  # request, burst, op_id


@dataclass
class NaiveSchedule:
    """Ready, start and end of every hold of requests that share one chip."""

    table: OperationTable
    requests: Mapping[int, Sequence[BurstOutcome]]
    ready: dict[Key, int] = field(default_factory=dict)
    start: dict[Key, int] = field(default_factory=dict)
    end: dict[Key, int] = field(default_factory=dict)
    _ended: set[Key] = field(default_factory=set)
    _holder: dict[int, Key] = field(default_factory=dict)
    _durations: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    def run(self) -> NaiveSchedule:
        """Step from instant to instant until nothing ends any more."""
        now = 0
        for request in self.requests:
            self._launch(request, 0, now)
        self._grant(now)
        while True:
            ahead = [t for key, t in self.end.items() if key not in self._ended]
            if not ahead:
                return self
            now = min(ahead)
            for key in [k for k, t in self.end.items() if t == now]:
                if key not in self._ended:
                    self._finish(key, now)
            self._grant(now)

    def _launch(self, request: int, burst: int, now: int) -> None:
        outcomes = self.requests[request]
        if burst == len(outcomes):
            return
        outcome = outcomes[burst]
        self._durations[request, burst] = self.table.durations_ps(
            outcome.context_length, outcome.committed
        ).tolist()
        for op, before in enumerate(self.table.predecessors):
            if not before:
                self.ready[request, burst, op] = now

    def _finish(self, key: Key, now: int) -> None:
        request, burst, op = key
        self._ended.add(key)
        self._release(key)
        gate = self.table.closes_gate[op]
        legs = [i for i, g in enumerate(self.table.closes_gate) if g == gate]
        if gate >= 0 and all((request, burst, leg) in self._ended for leg in legs):
            gate_key = request, burst, gate
            self.end[gate_key] = now
            self._ended.add(gate_key)
            self._release(gate_key)
        for after in self.table.successors[op]:
            self._make_ready((request, burst, after), now)
        ops = range(len(self.table))
        if all((request, burst, other) in self._ended for other in ops):
            self._launch(request, burst + 1, now)

    def _release(self, key: Key) -> None:
        for resource in self.table.op_resources[key[2]]:
            assert self._holder.pop(resource) == key

    def _make_ready(self, key: Key, now: int) -> None:
        request, burst, op = key

        def is_over(before: int) -> bool:
            other = request, burst, before
            # What a gate guards may start when the gate has been entered.
            if self.table.operations[before].channel == "gate":
                return other in self.start
            return other in self._ended

        if all(is_over(before) for before in self.table.predecessors[op]):
            self.ready.setdefault(key, now)

    def _grant(self, now: int) -> None:
        changed = True
        while changed:
            changed = False
            reserved: set[int] = set()
            waiting = [key for key in self.ready if key not in self.start]
            for key in sorted(waiting, key=lambda k: (self.ready[k], *k)):
                resources = self.table.op_resources[key[2]]
                if any(r in self._holder or r in reserved for r in resources):
                    reserved.update(resources)
                    continue
                self._begin(key, resources, now)
                changed = True

    def _begin(self, key: Key, resources: tuple[int, ...], now: int) -> None:
        request, burst, op = key
        self.start[key] = now
        for resource in resources:
            self._holder[resource] = key
        if self.table.operations[op].channel == "gate":
            for after in self.table.successors[op]:
                self._make_ready((request, burst, after), now)
        else:
            self.end[key] = now + self._durations[request, burst][op]
