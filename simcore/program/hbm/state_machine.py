"""Banks, rows, buses and refresh of one stack, transaction by transaction.

One server a pseudo-channel, each with a queue of reads and one of writes. A server
opens the row of the oldest waiting transaction of every bank as early as timing allows,
never closes a row that a queued transaction still needs, and serves the open-row
transaction that can be on the bus first (FR-FCFS). Writes are collected and drained
when their queue is 80 % full or nothing else waits, down to 20 %. Everything is in
integer picoseconds.

`serve` takes any traffic. `transfer` gives the same numbers for what the chip asks for,
transactions of one direction that are all there from the start: then no server waits
for another, and each is followed to its end on its own.

The functions are plain Python over numpy arrays. With numba they are compiled from this
same source; without it they give the same numbers, slowly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt

from simcore.program.hbm.timing import StackTiming

IntArray = npt.NDArray[np.int64]
_F = TypeVar("_F", bound=Callable[..., Any])

_NEVER = 1 << 62
_LONG_AGO = -(1 << 40)


def _compiled(function: _F, **options: Any) -> _F:
    try:
        from numba import njit
    except ImportError:  # pragma: no cover - numba is an ordinary dependency
        return function
    return cast(_F, njit(cache=True, **options)(function))


def _compiled_bare(function: _F) -> _F:
    """Compile what allocates nothing: counting references would cost more than all."""
    return _compiled(function, _nrt=False)


class StackState(NamedTuple):
    """What a stack remembers between transfers; arrays by server, and bank or group.

    `open_row` is -1 for a closed bank; `column_ok` and `precharge_ok` are the first
    times of a column access and of a precharge; `acts` counts activations.
    """

    open_row: IntArray
    column_ok: IntArray
    precharge_ok: IntArray
    last_acts: IntArray
    acts: IntArray
    last_column: IntArray
    last_column_of_group: IntArray
    last_read: IntArray
    write_end: IntArray
    write_end_of_group: IntArray
    next_refresh: IntArray


def new_state(
    timing: StackTiming,
    servers: int,
    banks: int,
    groups: int,
    *,
    refresh: bool,
    first_refresh: IntArray | None = None,
) -> StackState:
    """All banks closed at time 0.

    Parameters
    ----------
    first_refresh : ndarray of int64, shape (servers,), optional
        First refresh of each server; tREFI without it.
    """

    def past(*shape: int) -> IntArray:
        return np.full(shape, _LONG_AGO, dtype=np.int64)

    due = np.full(servers, timing.refi, dtype=np.int64)
    if first_refresh is not None:
        due = first_refresh.astype(np.int64)
    return StackState(
        open_row=np.full((servers, banks), -1, dtype=np.int64),
        column_ok=past(servers, banks),
        precharge_ok=past(servers, banks),
        last_acts=past(servers, 4),
        acts=np.zeros(servers, dtype=np.int64),
        last_column=past(servers),
        last_column_of_group=past(servers, groups),
        last_read=past(servers),
        write_end=past(servers),
        write_end_of_group=past(servers, groups),
        next_refresh=due if refresh else np.full(servers, _NEVER, dtype=np.int64),
    )


@_compiled_bare
def _push(heap: IntArray, size: int, value: int) -> int:
    heap[size] = value
    child = size
    while child > 0:
        parent = (child - 1) // 2
        if heap[parent] <= heap[child]:
            break
        heap[parent], heap[child] = heap[child], heap[parent]
        child = parent
    return size + 1


@_compiled_bare
def _pop(heap: IntArray, size: int) -> int:
    size -= 1
    heap[0] = heap[size]
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= size:
            return size
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[parent] <= heap[child]:
            return size
        heap[parent], heap[child] = heap[child], heap[parent]
        parent = child


@_compiled_bare
def _open_rows(
    t: StackTiming,
    s: StackState,
    p: int,
    now: int,
    queue: IntArray,
    bank: IntArray,
    row: IntArray,
    w: int,
    hits: IntArray,
) -> int:
    """Open the row of the oldest transaction of every bank that nothing else needs.

    Returns how many of the queue still wait for their row to be opened.
    """
    hits[:] = 0
    for i in queue:
        if s.open_row[p, bank[i]] == row[i]:
            hits[bank[i]] += 1
    waiting = 0
    for i in queue:
        b = bank[i]
        if hits[b] == 0:
            slot = s.acts[p] % 4
            act = max(
                now,
                s.last_acts[p, (s.acts[p] - 1) % 4] + t.rrd,
                s.last_acts[p, slot] + t.faw,
            )
            if s.open_row[p, b] >= 0:
                act = max(act, max(s.precharge_ok[p, b], now) + t.rp)
            else:
                act = max(act, s.precharge_ok[p, b] + t.rp)
            # Others of the bank wait for this one, opened or not.
            hits[b] = 1
            if act < s.next_refresh[p]:
                s.last_acts[p, slot] = act
                s.acts[p] += 1
                s.open_row[p, b] = row[i]
                s.column_ok[p, b] = act + (t.rcd_write if w else t.rcd_read)
                s.precharge_ok[p, b] = act + t.ras
        if s.open_row[p, b] != row[i]:
            waiting += 1
    return waiting


@_compiled_bare
def _first_column(
    t: StackTiming,
    s: StackState,
    p: int,
    now: int,
    queue: IntArray,
    bank: IntArray,
    group: IntArray,
    row: IntArray,
    w: int,
) -> tuple[int, int]:
    """Earliest column access among open rows, the oldest of equals; and its place."""
    best, place = _NEVER, -1
    soonest = max(now, s.last_column[p] + t.ccd_s)
    if w:
        soonest = max(soonest, s.last_read[p] + t.rtw)
    else:
        soonest = max(soonest, s.write_end[p] + t.wtr_s)
    for k in range(queue.size):
        i = queue[k]
        b, g = bank[i], group[i]
        if s.open_row[p, b] != row[i]:
            continue
        start = max(soonest, s.column_ok[p, b], s.last_column_of_group[p, g] + t.ccd_l)
        if not w:
            start = max(start, s.write_end_of_group[p, g] + t.wtr_l)
        if start < best:
            best, place = start, k
            # None can be earlier, and of equals the oldest goes first.
            if start == soonest:
                break
    return best, place


@_compiled_bare
def _access(
    t: StackTiming, s: StackState, p: int, b: int, g: int, issue: int, w: int
) -> int:
    """Access the open row of bank `b` in group `g` at `issue`; the end of its data."""
    s.last_column[p] = issue
    s.last_column_of_group[p, g] = issue
    if w:
        end = issue + t.cwl + t.burst
        s.write_end[p] = end
        s.write_end_of_group[p, g] = end
        s.precharge_ok[p, b] = max(s.precharge_ok[p, b], end + t.wr)
        return end
    s.last_read[p] = issue
    s.precharge_ok[p, b] = max(s.precharge_ok[p, b], issue + t.rtp)
    return issue + t.cl + t.burst + t.command


@_compiled_bare
def _refresh(t: StackTiming, s: StackState, p: int) -> None:
    """Close every row and refresh; nothing is served before it has ended."""
    end = s.next_refresh[p]
    for b in range(s.open_row.shape[1]):
        if s.open_row[p, b] >= 0:
            end = max(end, s.precharge_ok[p, b])
    end += t.rp + t.rfc
    for b in range(s.open_row.shape[1]):
        s.open_row[p, b] = -1
        s.precharge_ok[p, b] = end - t.rp
    s.next_refresh[p] += t.refi


@_compiled
def serve(
    t: StackTiming,
    s: StackState,
    arrival: IntArray,
    server: IntArray,
    bank: IntArray,
    group: IntArray,
    row: IntArray,
    is_write: IntArray,
    window: int,
) -> tuple[IntArray, IntArray]:
    """Serve transactions in their order, at most `window` of them at a time.

    Parameters
    ----------
    t : StackTiming
    s : StackState
        Changed in place.
    arrival : ndarray of int64, shape (n,)
        First time each may be taken, ascending.
    server, bank, group, row : ndarray of int64, shape (n,)
        Where each falls.
    is_write : ndarray of int64, shape (n,)
    window : int
        Most transactions in flight: a read until its data is there, a write until it
        is in the queue.

    Returns
    -------
    done, taken : ndarray of int64, shape (n,)
        When the last of the data was on the bus, and when the queue took it.
    """
    n, n_servers = arrival.size, s.open_row.shape[0]
    drain_from, drain_to = t.queue * 8 // 10, t.queue * 2 // 10
    done = np.zeros(n, dtype=np.int64)
    taken = np.zeros(n, dtype=np.int64)
    # What waits before the queue of each server, as linked lists.
    after = np.full(n, -1, dtype=np.int64)
    head = np.full(n_servers, -1, dtype=np.int64)
    tail = np.full(n_servers, -1, dtype=np.int64)
    queues = np.full((2, n_servers, t.queue), -1, dtype=np.int64)
    size = np.zeros((2, n_servers), dtype=np.int64)
    draining = np.zeros(n_servers, dtype=np.int64)
    hits = np.zeros(s.open_row.shape[1], dtype=np.int64)
    next_time = np.full(n_servers, _NEVER, dtype=np.int64)
    next_place = np.zeros(n_servers, dtype=np.int64)
    changed = np.zeros(n_servers, dtype=np.int64)
    returns = np.empty(n + 1, dtype=np.int64)
    n_returns = 0
    fed = in_flight = served = 0
    now = 0
    while served < n:
        while fed < n and in_flight < window and arrival[fed] <= now:
            p = server[fed]
            if head[p] < 0:
                head[p] = fed
            else:
                after[tail[p]] = fed
            tail[p] = fed
            changed[p] = 1
            fed += 1
            in_flight += 1
        for p in range(n_servers):
            if not changed[p]:
                continue
            changed[p] = 0
            while head[p] >= 0:
                i = head[p]
                w = is_write[i]
                if size[w, p] >= t.queue:
                    break
                queues[w, p, size[w, p]] = i
                size[w, p] += 1
                taken[i] = now
                head[p] = after[i]
                if w:
                    n_returns = _push(returns, n_returns, now)
            if draining[p]:
                if size[1, p] == 0 or (size[1, p] <= drain_to and size[0, p] > 0):
                    draining[p] = 0
            elif size[1, p] >= drain_from or (size[0, p] == 0 and size[1, p] > 0):
                draining[p] = 1
            w = draining[p]
            next_time[p] = _NEVER
            while size[w, p] > 0:
                queue = queues[w, p, : size[w, p]]
                _open_rows(t, s, p, now, queue, bank, row, w, hits)
                time, place = _first_column(t, s, p, now, queue, bank, group, row, w)
                if time < s.next_refresh[p]:
                    next_time[p] = time
                    next_place[p] = place
                    break
                _refresh(t, s, p)
        p = int(np.argmin(next_time))
        issue = int(next_time[p])
        back = int(returns[0]) if n_returns > 0 else _NEVER
        more = _NEVER
        if fed < n and in_flight < window:
            more = int(arrival[fed])
        now = max(now, min(issue, back, more))
        if more <= now and more <= issue and more < back:
            continue
        if back <= issue:
            while n_returns > 0 and returns[0] <= now:
                n_returns = _pop(returns, n_returns)
                in_flight -= 1
            continue
        w = draining[p]
        queue = queues[w, p]
        place = next_place[p]
        i = queue[place]
        end = _access(t, s, p, bank[i], group[i], issue, w)
        if not w:
            n_returns = _push(returns, n_returns, end)
        done[i] = end
        served += 1
        size[w, p] -= 1
        for k in range(place, size[w, p]):
            queue[k] = queue[k + 1]
        changed[p] = 1
    return done, taken


def transfer(
    t: StackTiming,
    s: StackState,
    start: int,
    server: IntArray,
    bank: IntArray,
    group: IntArray,
    row: IntArray,
    is_write: bool,
) -> int:
    """Serve transactions of one direction that are all there at `start`.

    The same as `serve` with no window, much sooner.

    Parameters
    ----------
    t : StackTiming
    s : StackState
        Changed in place.
    start : int
        Time from which all may be taken.
    server, bank, group, row : ndarray of int64, shape (n,)
        Where each falls; n >= 1.
    is_write : bool
        Direction of all.

    Returns
    -------
    int
        When the last data was on the bus.
    """
    servers, banks = s.open_row.shape
    last = np.cumsum(np.bincount(server, minlength=servers))
    # Numbers of 16 bits are sorted by radix.
    in_turn = np.argsort(server.astype(np.int16), kind="stable")
    hits = np.zeros(banks, dtype=np.int64)
    return int(
        _transfer(t, s, start, in_turn, last, bank, group, row, int(is_write), hits)
    )


@_compiled_bare
def _transfer(
    t: StackTiming,
    s: StackState,
    start: int,
    in_turn: IntArray,
    last: IntArray,
    bank: IntArray,
    group: IntArray,
    row: IntArray,
    w: int,
    hits: IntArray,
) -> int:
    """Serve one server after another; those of server `p` are `in_turn` to `last[p]`.

    The queue is the part of `in_turn` from `head` to `entered`: what is served moves to
    its head and out of it.
    """
    end = start
    head = 0
    for p in range(last.size):
        now = start
        entered = min(head + t.queue, last[p])
        waiting = 1
        while head < last[p]:
            queue = in_turn[head:entered]
            # A queue whose rows are all open has none to open.
            if waiting > 0:
                waiting = _open_rows(t, s, p, now, queue, bank, row, w, hits)
            time, place = _first_column(t, s, p, now, queue, bank, group, row, w)
            if time >= s.next_refresh[p]:
                _refresh(t, s, p)
                waiting = 1
                continue
            now = time
            i = queue[place]
            end = max(end, _access(t, s, p, bank[i], group[i], now, w))
            for k in range(place, 0, -1):
                queue[k] = queue[k - 1]
            head += 1
            if entered < last[p]:
                i = in_turn[entered]
                if s.open_row[p, bank[i]] != row[i]:
                    waiting += 1
                entered += 1
    return end
