"""Which states a Markov chain never leaves."""

from __future__ import annotations

from collections.abc import Sequence


def closed_class(transitions: Sequence[Sequence[float]]) -> frozenset[int] | None:
    """The states that every path ends in, if all paths end in the same ones.

    Parameters
    ----------
    transitions : sequence of sequence of float
        Square; a positive entry [a][b] means that b can follow a.

    Returns
    -------
    frozenset of int or None
        None when there are several classes, so that the long run depends on the
        first state.
    """
    states = range(len(transitions))
    forward = [{b for b in states if transitions[a][b] > 0} for a in states]
    backward = [{a for a in states if transitions[a][b] > 0} for b in states]
    # If some state can be reached from all, then so can the last one here that could
    # not be reached from a state before it with the arrows turned round.
    seen: set[int] = set()
    candidate = 0
    for state in states:
        if state not in seen:
            candidate = state
            seen |= _reached(backward, state)
    if len(_reached(backward, candidate)) < len(states):
        return None
    return frozenset(_reached(forward, candidate))


def _reached(following: Sequence[set[int]], start: int) -> set[int]:
    found, waiting = {start}, [start]
    while waiting:
        new = following[waiting.pop()] - found
        found |= new
        waiting += new
    return found
