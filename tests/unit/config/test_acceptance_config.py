from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simcore.config.acceptance import (
    BurstReplayAcceptance,
    FixedAcceptance,
    GeometricAcceptance,
    HistogramAcceptance,
    MarkovAcceptance,
    PositionReplayAcceptance,
    natural_draft_length,
)
from simcore.config.closed_class import closed_class
from simcore.config.load import config_dict, load_acceptance

Mapping = dict[str, Any]
Errors = Callable[..., list[str]]
Write = Callable[..., str]


def test_stats_json_is_a_histogram(write: Write) -> None:
    write("stats.json", '{"histogram": {"0": 2, "5": 9.5}, "k": 5}')
    loaded = load_acceptance("stats.json")
    assert loaded == HistogramAcceptance(k=5, histogram={0: 2.0, 5: 9.5})
    assert natural_draft_length(loaded) == 5


def test_integer_keys_in_yaml_and_python(write: Write, stats: Mapping) -> None:
    write("s.yaml", "k: 1\nhistogram:\n  0: 1\n  '1': 3\n")
    assert load_acceptance("s.yaml") == load_acceptance(
        {"k": 1, "histogram": {0: 1, 1: 3}, "kind": "histogram"}
    )


@pytest.mark.parametrize(
    ("written", "expected", "k"),
    [
        (
            {"kind": "geometric", "rate": 1},
            GeometricAcceptance(rate=1.0),
            None,
        ),
        (
            {"kind": "fixed", "accepted": 3, "label": "x", "source": "y"},
            FixedAcceptance(accepted=3, label="x", source="y"),
            None,
        ),
        (
            {"kind": "burst_replay", "k": 2, "requests": [[0, 2], [1]]},
            BurstReplayAcceptance(k=2, requests=((0, 2), (1,))),
            2,
        ),
        (
            {"kind": "position_replay", "requests": [[1, 3]]},
            PositionReplayAcceptance(requests=((1, 3),)),
            None,
        ),
        (
            {"kind": "markov", "k": 1, "transitions": [[3, 1], [1, 7]]},
            MarkovAcceptance(k=1, transitions=((3.0, 1.0), (1.0, 7.0))),
            1,
        ),
        (
            {"kind": "markov", "k": 0, "transitions": [[1]], "initial": [2]},
            MarkovAcceptance(k=0, transitions=((1.0,),), initial=(2.0,)),
            0,
        ),
    ],
)
def test_each_kind(written: Mapping, expected: object, k: int | None) -> None:
    loaded = load_acceptance(written)
    assert loaded == expected
    assert natural_draft_length(loaded) == k
    assert load_acceptance(config_dict(loaded)) == loaded
    assert load_acceptance(loaded) is loaded


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (
            {"k": 2, "histogram": {"0": 1, "3": 1}},
            "histogram.3: histogram bin 3 is out of range; must be between 0 and "
            "k = 2. Bins count accepted drafts, the bonus token excluded.",
        ),
        (
            {"k": 2, "histogram": {"-1": 1}},
            "histogram.-1: histogram bin -1 is out of range; must be",
        ),
        ({"k": 2, "histogram": {}}, "histogram: histogram must not be empty."),
        ({"k": 2, "histogram": {"0": 0}}, "histogram: histogram sum must be > 0."),
        (
            {"k": 2, "histogram": {"0": -1}},
            "histogram.0: got -1; must be non-negative.",
        ),
        (
            {"k": 2, "histogram": {"0": True}},
            "histogram.0: got true; must be a number between 0 and 1e+15.",
        ),
        (
            {"k": 2, "histogram": {"zero": 1}},
            "histogram.zero: key 'zero'; must be an integer.",
        ),
        (
            {"k": 2, "histogram": {"01": 1}},
            "histogram.01: key '01'; must be an integer.",
        ),
        ({"k": 2, "histogram": [1, 2]}, "histogram: got a list of 2 items; must be a"),
        (
            {"k": -1, "histogram": {"0": 1}},
            "k: got -1; must be an integer between 0 and 1024.",
        ),
        ({"histogram": {"0": 1}}, "k: missing; must be an integer between 0 and 1024."),
        (
            {"k": 2, "histogram": {"0": 1}, "mean": 1},
            "mean: unknown field. Known: status, source, label, kind, convention, k, "
            "histogram.",
        ),
        ({"k": 2}, "histogram: missing; histogram sum must be > 0."),
        (
            {"k": 2, "requests": [[0]]},
            "kind: missing; allowed: histogram, geometric, fixed, burst_replay, "
            "position_replay, markov.",
        ),
        (
            {"kind": "geometrc", "rate": 0.5},
            "kind: got 'geometrc'; allowed: histogram, geometric, fixed, "
            "burst_replay, position_replay, markov. Did you mean 'geometric'?",
        ),
        ({"kind": 5}, "kind: got 5; allowed: histogram"),
        (
            {"kind": "geometric", "rate": 1.01},
            "rate: got 1.01; must be a number between 0 and 1.",
        ),
        (
            {"kind": "fixed", "accepted": 2000},
            "accepted: got 2000; must be an integer between 0 and 1024.",
        ),
        (
            {"kind": "burst_replay", "k": 2, "requests": [[0], [1, 3]]},
            "requests[1][1]: got 3; must be between 0 and k = 2. Accepted drafts, "
            "the bonus token excluded.",
        ),
        (
            {"kind": "burst_replay", "k": 2, "requests": [[]]},
            "requests[0]: got a list of 0 items; must be a list of at least 1 entries.",
        ),
        (
            {"kind": "position_replay", "requests": [[2, 0]]},
            "requests[0][1]: got 0; must be an integer between 1 and 1025.",
        ),
        (
            {"kind": "position_replay", "requests": []},
            "requests: got a list of 0 items; must be a list of at least 1 entries.",
        ),
        (
            {"kind": "position_replay", "requests": [3]},
            "requests[0]: got 3; must be a list of at least 1 entries.",
        ),
        (
            {"kind": "markov", "k": 2, "transitions": [[1, 0, 0], [0, 1, 0]]},
            "transitions: got 2 rows; must be k + 1 = 3 rows.",
        ),
        (
            {"kind": "markov", "k": 1, "transitions": [[1, 0], [0, 1, 0]]},
            "transitions[1]: got 3 weights; must be k + 1 = 2 weights.",
        ),
        (
            {"kind": "markov", "k": 1, "transitions": [[1, 0], [0, 0]]},
            "transitions[1]: sum must be > 0. A length that never occurs still needs "
            "a row.",
        ),
        (
            {"kind": "markov", "k": 1, "transitions": [[1, 1]] * 2, "initial": [1]},
            "initial: got 1 weights; must be k + 1 = 2 weights.",
        ),
        (
            {"kind": "markov", "k": 1, "transitions": [[1, -1], [0, 1]]},
            "transitions[0][1]: got -1; must be a number between 0 and 1e+15.",
        ),
        (
            {"kind": "markov", "k": 1, "transitions": [[1, 0], [0, 1]]},
            "transitions: the lengths fall into groups that never meet; some length "
            "must be reachable from every other. Make a scenario of each group.",
        ),
    ],
)
def test_problems_of_an_acceptance(
    errors: Errors, written: Mapping, message: str
) -> None:
    (line,) = errors(load_acceptance, written)
    assert line.startswith(message)


def test_a_bad_bin_is_told_at_its_line(write: Write, errors: Errors) -> None:
    write("s.json", '{\n "k": 2,\n "histogram": {\n  "0": 1,\n  "7": 1\n }\n}')
    (line,) = errors(load_acceptance, "s.json")
    assert line.startswith("s.json:5: histogram.7: histogram bin 7 is out of range")


def test_all_problems_of_a_chain_are_told_at_once(errors: Errors) -> None:
    chain = {"kind": "markov", "k": 1, "transitions": [[1], [0, 0]], "initial": [0, 0]}
    assert len(errors(load_acceptance, chain)) == 3


@pytest.mark.parametrize(
    ("transitions", "closed"),
    [
        ([[1]], {0}),
        ([[1, 1], [0, 1]], {1}),
        ([[1, 0], [1, 1]], {0}),
        ([[0, 1, 0], [0, 0, 1], [1, 0, 0]], {0, 1, 2}),
        ([[1, 0, 0], [1, 0, 1], [0, 0, 1]], None),
        ([[0, 1, 1], [0, 1, 0], [0, 0, 1]], None),
        ([[0, 0, 1], [1, 0, 0], [0, 0, 1]], {2}),
    ],
)
def test_the_states_that_a_chain_never_leaves(
    transitions: list[list[float]], closed: set[int] | None
) -> None:
    assert closed_class(transitions) == closed
