"""Runs in forked children of one warm process, killed or raced; prints JSON.

    python forked_runs.py kill-at-time | kill-at-call FOLDER SEED CASES
    python forked_runs.py race FOLDER SEED CASES

`kill-at-time` kills after a random time, `kill-at-call` right before a random call
that opens, renames or removes a file or folder: the instants that matter.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from small_runs import quick, small_plan

from simcore.errors import ConfigError
from simcore.experiments.run import execute

_CALLS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


def count_calls(folder: Path, act: Callable[[int], None]) -> None:
    """Call `act` with the number of each call that touches the folder, before it."""
    number = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal number
        if event in _CALLS and str(arguments[0]).startswith(str(folder)):
            number += 1
            act(number)

    sys.addaudithook(hook)


def child(work: Callable[[], int]) -> int:
    """Fork; the pid of the child, which ends with what `work` returns."""
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        code = work()
    finally:
        os._exit(code)


def run(folder: Path) -> int:
    execute(PLAN, quick(), folder)
    return 0


def kill_at_call(folder: Path, draw: random.Random, cases: int) -> list[str]:
    counted, write = os.pipe()

    def count() -> int:
        last = 0

        def note(number: int) -> None:
            nonlocal last
            last = number

        count_calls(folder, note)
        run(folder / "counted")
        os.write(write, str(last).encode())
        return 0

    assert os.waitpid(child(count), 0)[1] == 0
    calls = int(os.read(counted, 20))
    ends = []
    for case in range(cases):
        at = draw.randint(1, calls)

        def dying(case: int = case, at: int = at) -> int:
            count_calls(
                folder, lambda n: os.kill(os.getpid(), signal.SIGKILL) if n == at else 0
            )
            return run(folder / str(case))

        status = os.waitpid(child(dying), 0)[1]
        ends.append(f"call {at} of {calls}: status {status}")
    return ends


def kill_at_time(folder: Path, draw: random.Random, cases: int) -> list[str]:
    began = time.perf_counter()
    os.waitpid(child(lambda: run(folder / "timed")), 0)
    whole_s = time.perf_counter() - began
    ends = []
    for case in range(cases):
        pid = child(lambda case=case: run(folder / str(case)))
        after_s = draw.uniform(0.0, whole_s)
        time.sleep(after_s)
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        ends.append(f"{after_s:.4f} of {whole_s:.4f} s: status {status}")
    return ends


def race(folder: Path, draw: random.Random, cases: int) -> list[str]:
    ends = []
    for case in range(cases):
        go, start = os.pipe()
        target = folder / str(case)

        def racer(target: Path = target, go: int = go) -> int:
            os.read(go, 1)
            time.sleep(draw.uniform(0.0, 0.01))
            try:
                return run(target)
            except ConfigError as error:
                (folder / f"{target.name}-{os.getpid()}.txt").write_text(str(error))
                return 2

        pids = []
        for _ in range(2):
            draw.random()
            pids.append(child(racer))
        os.write(start, b"xx")
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        ends.append(" ".join(str(code) for code in sorted(codes)))
    return ends


MODES = {"kill-at-time": kill_at_time, "kill-at-call": kill_at_call, "race": race}

if __name__ == "__main__":
    # A killed process loses nothing that it has written: syncing only takes time.
    os.fsync = lambda _: None
    PLAN = small_plan()
    # Loads and compiles what the children need, without a thread of its own.
    execute(PLAN, quick())
    mode, target, seed, n_cases = sys.argv[1:]
    draws = random.Random(int(seed))
    print(json.dumps(MODES[mode](Path(target), draws, int(n_cases))))
