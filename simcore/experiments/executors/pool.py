"""A pool of spawned processes that is gone when its block ends, however it ends."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, Self, TypeVar

Result = TypeVar("Result")


class WorkerPool:
    """Processes that work for this one until the block ends.

    They are spawned: a fork would copy locks of threads that only the parent has.
    An error in the block (Ctrl-C is one) stops them at once; waiting for what is in
    progress could take minutes. One that dies takes the others with it, and their jobs
    raise `BrokenProcessPool`. They end by themselves when the parent is killed.

    Parameters
    ----------
    workers : int
        How many processes, >= 1.
    begin : callable, optional
        Called in each process before its first job.
    arguments : tuple
        Arguments of `begin`, handed over once to each process.
    """

    def __init__(
        self,
        workers: int,
        begin: Callable[..., None] | None = None,
        arguments: tuple[Any, ...] = (),
    ) -> None:
        self._pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin_worker,
            initargs=(begin, arguments),
        )
        self._watched: set[BaseProcess] = set()
        self._is_over = False
        #: Held while a process is started, or somebody decides that it is over.
        self._lock = threading.Lock()

    def submit(
        self, function: Callable[..., Result], *arguments: Any
    ) -> Future[Result]:
        """Hand out a job; raises `BrokenProcessPool` once a process has died."""
        with self._lock, _interrupts_held():
            if self._is_over:
                raise BrokenProcessPool("a process has died")
            future = self._pool.submit(function, *arguments)
            for process in set(self._pool._processes.values()) - self._watched:
                self._watched.add(process)
                threading.Thread(
                    target=self._watch, args=(process,), daemon=True
                ).start()
        return future

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._is_over = True
        if kind is not None:
            self._stop()
        # The pool's own thread sees the dead and joins them. Joining them here as well
        # would race it: of two who wait for one process, one learns nothing.
        self._pool.shutdown(cancel_futures=True)

    def _watch(self, process: BaseProcess) -> None:
        wait([process.sentinel])
        with self._lock:
            if not self._is_over:
                self._is_over = True
                self._stop()

    def _stop(self) -> None:
        for process in self._watched:
            process.terminate()
        # The last end to write to is ours: with it open, the pool's own thread would
        # wait for ever for the rest of a result that was on its way.
        self._pool._result_queue._writer.close()  # type: ignore[attr-defined]


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let processes that are started meanwhile never see Ctrl-C: the parent decides.

    They inherit the mask before their first instruction; a handler that they set
    themselves would come too late to keep an import from being interrupted.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(
    begin: Callable[..., None] | None, arguments: tuple[Any, ...]
) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if begin is not None:
        begin(*arguments)


def _end_with_parent() -> None:
    # A worker whose parent was killed would wait for jobs for ever, and first write
    # what is left of them into a folder that may have another owner.
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
