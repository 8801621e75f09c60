"""A Dask scheduler and workers as processes of this machine, for the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

_HERE = str(Path(__file__).parent)


class Cluster:
    """A scheduler on a free port of the loopback, and workers without a nanny.

    A worker that is killed is gone: nobody starts it again.

    Parameters
    ----------
    folder : Path
        For the logs and the files of the workers.
    workers : int
        How many.
    nanny : bool
        Whether a second process starts a killed worker again.
    """

    def __init__(self, folder: Path, workers: int, *, nanny: bool = False) -> None:
        self._folder = folder
        self._n_workers = workers
        self._nanny = "--nanny" if nanny else "--no-nanny"
        self.workers: list[subprocess.Popen[Any]] = []

    def __enter__(self) -> Self:
        self._folder.mkdir()
        file = self._folder / "scheduler.json"
        self.scheduler = self._start(
            "dask_scheduler",
            ["--host", "127.0.0.1", "--port", "0", "--no-dashboard",
             "--scheduler-file", str(file)],
        )  # fmt: skip
        self.address = self._address(file)
        for _ in range(self._n_workers):
            self.add_worker()
        return self

    def add_worker(self, *, cwd: Path | None = None, path: str = _HERE) -> None:
        """Start one more worker; `path` is where it finds the modules of tests."""
        options = ["--nthreads", "1", self._nanny, "--no-dashboard"]
        place = ["--local-directory", str(self._folder)]
        self.workers.append(
            self._start("dask_worker", [self.address, *options, *place], path, cwd)
        )

    def __exit__(self, *_: object) -> None:
        for process in self.workers:
            # Politely, so that a nanny takes its worker with it.
            process.terminate()
        for process in self.workers:
            process.wait(timeout=60)
        self.scheduler.kill()
        self.scheduler.wait()

    def _start(
        self,
        module: str,
        arguments: Sequence[str],
        path: str = _HERE,
        cwd: Path | None = None,
    ) -> subprocess.Popen[Any]:
        paths = [path, os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        log = self._folder / f"{module}-{len(self.workers)}.log"
        with log.open("wb") as file:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=cwd,
            )

    def _address(self, file: Path) -> str:
        import json

        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                return str(json.loads(file.read_text())["address"])
            except (OSError, ValueError, KeyError):
                time.sleep(0.05)
        log = (self._folder / "dask_scheduler-0.log").read_text()
        raise AssertionError(f"the scheduler did not start:\n{log}")
