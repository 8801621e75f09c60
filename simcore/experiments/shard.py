"""One shard of a run: some replications, simulated together by one worker.

Nothing here depends on how many workers there are: a shard is a fixed range of
replications, every draw is named by (seed, request, burst), and results are merged in
the order of the shards.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from simcore.analysis.ledger import Ledger
from simcore.engine.burst_table import BurstTable
from simcore.experiments.engines import Engine, engine_of
from simcore.experiments.plan import RunPlan
from simcore.experiments.rows import bursts_table, requests_table
from simcore.experiments.spending import Spending
from simcore.trace.hold_sums import HoldSums
from simcore.trace.schema import part_name
from simcore.trace.tables import EventPart
from simcore.trace.writer import file_metadata


@dataclass(frozen=True, eq=False)
class ShardResult:
    """What the replications of one shard give.

    Attributes
    ----------
    shard : int
        Which shard.
    bursts, requests : pyarrow.Table
        Rows of `bursts.parquet` and `requests.parquet`, in their order.
    sums : HoldSums
        Over all bursts of the shard.
    part : PartFile or None
        The part file with its events, if any were kept.
    """

    shard: int
    bursts: pa.Table
    requests: pa.Table
    sums: HoldSums
    part: PartFile | None = None


@dataclass(frozen=True)
class PartFile:
    """A part file of the events.

    Attributes
    ----------
    name : str
        Inside the run folder.
    sha256 : str
        Of its bytes.
    n_bytes, n_rows : int
        Its size.
    """

    name: str
    sha256: str
    n_bytes: int
    n_rows: int


class ShardRunner:
    """Simulates shards of one plan; keeps what shards can share.

    Parameters
    ----------
    plan : RunPlan
        The run.
    engine : {"simpy", "fast"}
        Which engine.
    """

    def __init__(self, plan: RunPlan, engine: str) -> None:
        self.plan = plan
        self._ledger = Ledger(plan.program)
        self.engine: Engine = engine_of(
            engine, plan.scenario, plan.program, plan.processes
        )

    def run(self, shard: int, folder: Path | None = None) -> ShardResult:
        """Simulate one shard.

        Parameters
        ----------
        shard : int
            Which of the plan's.
        folder : path, optional
            Run folder that gets the part file, if the plan keeps events of this shard;
            it must exist.

        Raises
        ------
        SimulationError
            If the simulation fails.
        OutputError
            If the system refuses to write.
        """
        replications = self.plan.replications_of(shard)
        traced = range(
            replications.start, min(replications.stop, self.plan.traced_replications)
        )
        spending = Spending(self._ledger)
        tables, part_file = [], None
        if folder is not None and traced:
            table, part_file = self._traced(shard, traced, spending, folder)
            tables.append(table)
            replications = range(traced.stop, replications.stop)
        if replications:
            tables.append(self.engine.run(replications, spending, None))
        bursts = bursts_table(
            self.plan.program,
            self._ledger,
            BurstTable.concatenate(tables),
            spending.spent,
        )
        prompt_length = self.plan.scenario.workload.prompt_length
        return ShardResult(
            shard,
            bursts,
            requests_table(prompt_length, bursts),
            spending.sums.holds(),
            part_file,
        )

    def _traced(
        self, shard: int, traced: range, spending: Spending, folder: Path
    ) -> tuple[BurstTable, PartFile]:
        name = part_name(shard)
        part = EventPart(
            folder / name,
            file_metadata(self.plan.metadata()),
            random_durations=bool(self.plan.scenario.jitter_cv),
        )
        try:
            table = self.engine.run(traced, spending, part.append)
        except BaseException:
            part.abort()
            raise
        record = part.commit()
        return table, PartFile(name, record.sha256, record.n_bytes, part.n_rows)
