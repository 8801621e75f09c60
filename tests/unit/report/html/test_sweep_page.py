"""The page of a sweep: every figure says what its rows say, with its numbers beside."""

from __future__ import annotations

import base64
import csv
import io
import re

import pytest
from made_up_sweep import FINDINGS, PROMPT, K, k_by_prompt, made_up_sweep, row
from page_parser import all_of, assert_sound, section, table_of, words

from simcore.errors import TraceError
from simcore.report.html.heat_map import strengths
from simcore.report.html.lines import place_scale, value_scale
from simcore.report.html.sweep.page import sweep_page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("sweeps") / "k-by-prompt"
    return made_up_sweep(made, k_by_prompt(), findings=FINDINGS)


@pytest.fixture(scope="module")
def tree(folder):
    return assert_sound(sweep_page(folder))


def headings(root):
    return [words(found) for found in all_of(root, "h2")]


def figure_titles(found):
    return [words(next(all_of(f, "h3"))) for f in all_of(found, "figure")]


def figure_of(root, title):
    for found in all_of(root, "figure"):
        if words(next(all_of(found, "h3"))) == title:
            return found
    raise AssertionError(f"no figure {title}")


def numbers_beside(figure):
    (link,) = (a for a in all_of(figure, "a") if a.get("download"))
    text = base64.b64decode(link.get("href").partition("base64,")[2]).decode()
    return list(csv.DictReader(io.StringIO(text)))


def tips(found, class_):
    return [
        words(next(all_of(c, "title")))
        for c in all_of(found, "circle")
        if c.get("class") == class_
    ]


def test_it_has_every_part(tree):
    assert headings(tree) == [
        "What it says",
        "Against K",
        "Against prompt length",
        "Two knobs",
        "Pareto front",
        "Points",
        "What this stands on",
        "Sweep again",
    ]
    assert figure_titles(section(tree, "Against prompt length")) == [
        "Latency per token against prompt length",
        "Tokens per joule against prompt length",
        "Speed-up over K = 0 against prompt length",
        "Tokens per joule relative to K = 0 against prompt length",
    ]


def test_the_same_folder_gives_the_same_bytes(folder):
    assert sweep_page(folder) == sweep_page(folder)


def test_the_best_k_is_marked_and_told(tree):
    against = section(tree, "Against K")
    best = tips(figure_of(against, "Latency per token against K"), "ring")
    assert best == [
        "prompt length 64: best at K = 1, 813 ns",
        "prompt length 256: best at K = 1, 1,200 ns",
        "prompt length 1,024: best at K = 0, 2,020 ns",
    ]
    lean = tips(figure_of(against, "Tokens per joule against K"), "ring")
    assert [re.search(r"K = (\d)", tip)[1] for tip in lean] == ["0", "0", "0"]
    assert table_of(tree, "Best K")[1] == ["64", "1", "1.31x", "0"]


def test_break_even_is_marked_where_both_lines_meet(tree):
    against = section(tree, "Against prompt length")
    for title in ("Latency per token", "Speed-up over K = 0"):
        rings = tips(figure_of(against, f"{title} against prompt length"), "ring")
        assert rings == ["K 1: break-even at 300 tokens"]
    speedup = figure_of(against, "Speed-up over K = 0 against prompt length")
    (ring,) = (c for c in all_of(speedup, "circle") if c.get("class") == "ring")
    (level,) = (e for e in all_of(speedup, "line") if e.get("class") == "baseline")
    assert ring.get("cy") == level.get("y1")
    assert table_of(tree, "Prompt lengths")[1] == ["1", "256", "300", "1,024", "-"]


def test_without_speculation_there_is_one_line_of_its_own(tree):
    latency = figure_of(tree, "Latency per token against prompt length")
    names = [words(entry) for entry in all_of(latency, "li")]
    assert names == ["K 1", "K 2", "no speculation (K = 0)"]
    # Against K it differs from prompt to prompt: there is no one line to draw.
    names = [
        words(e) for e in all_of(figure_of(tree, "Latency per token against K"), "li")
    ]
    assert names == ["prompt length 64", "prompt length 256", "prompt length 1,024"]


def test_every_figure_has_its_numbers_with_all_digits(tree):
    figures = [f for f in all_of(tree, "figure") if list(all_of(f, "svg"))]
    assert len(figures) == 11
    for found in figures:
        rows = numbers_beside(found)
        assert len(rows) == 9
        assert [int(r["point"]) for r in rows] == list(range(9))
    rows = numbers_beside(figure_of(tree, "Latency per token against K"))
    expected = [r["latency_ns_per_token"] for r in k_by_prompt()]
    assert [float(r["latency_ns_per_token"]) for r in rows] == expected
    assert list(rows[0])[:3] == ["point", K, PROMPT]


def test_a_map_has_a_cell_for_each_point_coloured_by_what_is_better(tree):
    found = figure_of(tree, "Speed-up over K = 0 over K and prompt length")
    cells = {
        words(next(all_of(r, "title"))): r.get("class") for r in all_of(found, "rect")
    }
    assert len(cells) == 9
    assert cells["K 1, prompt length 64: 1.31x"] == "f0"
    assert cells["K 2, prompt length 1,024: 0.520x"] == "f1"
    assert "Best: 1.31x at K 1, prompt length 64." in words(found)


def test_the_front_is_bright_and_the_rest_is_faint(tree):
    found = section(tree, "Pareto front")
    dominated = tips(found, "f7 dominated")
    assert len(dominated) == 3
    assert all("K 2" in tip for tip in dominated)
    assert len(table_of(found, "On the Pareto front")) == 1 + 6
    assert "6 points of 9 on the Pareto front" in words(found)
    assert "among points of the same prompt length" in words(found)


def test_points_are_all_listed(tree):
    rows = table_of(section(tree, "Points"), "Points")
    assert len(rows) == 10
    assert rows[1][:4] == ["0", "0", "64", "1.06 µs"]


@pytest.mark.parametrize(
    ("holds", "said"),
    [
        ([None] * 9, "nothing was simulated, so nothing was checked"),
        ([True] * 9, "all checks hold at 9 points"),
        ([True] * 7 + [False] * 2, "checks do not hold at 2 points: 7, 8"),
    ],
)
def test_the_top_says_whether_checks_hold(tmp_path, holds, said):
    rows = [
        {**r, "checks_hold": h}
        for r, h in zip(k_by_prompt(simulated=True), holds, strict=True)
    ]
    tree = assert_sound(sweep_page(made_up_sweep(tmp_path / "s", rows)))
    assert said in words(tree.find("body/header"))


def test_intervals_of_simulations_are_drawn(tmp_path, tree):
    made = made_up_sweep(tmp_path / "s", k_by_prompt(simulated=True))
    simulated = assert_sound(sweep_page(made))
    title = "Latency per token against prompt length"
    said = "Upright lines: 95 % intervals."
    assert said in words(figure_of(simulated, title))
    assert said not in words(figure_of(tree, title))
    lines = [
        e for e in all_of(figure_of(simulated, title), "line") if e.get("class") == "s0"
    ]
    assert len(lines) == 3


def test_words_as_values_and_one_field_alone(tmp_path):
    rows = [
        row(i, {"schedule": name}, pareto=i == 1)
        for i, name in enumerate(("serialized", "layer-pipelined"))
    ]
    made = made_up_sweep(tmp_path / "s", rows, fields=("schedule",))
    tree = assert_sound(sweep_page(made))
    assert "Two knobs" not in headings(tree)
    assert "What it says" not in headings(tree)
    latency = figure_of(tree, "Latency per token against schedule")
    labels = [words(t) for t in all_of(latency, "text")]
    assert "serialized" in labels
    assert "among all points" in words(section(tree, "Pareto front"))


def test_without_a_baseline_times_themselves_are_mapped(tmp_path):
    bare = ("baseline_latency_ns_per_token", "baseline_tokens_per_joule", "speedup",
            "tokens_per_joule_ratio")  # fmt: skip
    rows = [{**r, **dict.fromkeys(bare)} for r in k_by_prompt()]
    tree = assert_sound(sweep_page(made_up_sweep(tmp_path / "s", rows)))
    assert figure_titles(section(tree, "Two knobs")) == [
        "Latency per token over K and prompt length",
        "Tokens per joule over K and prompt length",
    ]
    names = [
        words(e)
        for e in all_of(
            figure_of(tree, "Latency per token against prompt length"), "li"
        )
    ]
    # K = 0 is a line like any other then.
    assert names == ["K 0", "K 1", "K 2"]


def test_more_lines_than_can_be_read_are_left_out_and_it_is_said(tmp_path):
    rows = [
        row(i, {K: k, PROMPT: prompt})
        for i, (k, prompt) in enumerate(
            (k, prompt) for prompt in (64, 128) for k in range(13)
        )
    ]
    tree = assert_sound(sweep_page(made_up_sweep(tmp_path / "s", rows)))
    against = section(tree, "Against prompt length")
    assert "4 lines are not drawn" in words(against)
    names = [words(e) for e in all_of(next(all_of(against, "figure")), "li")]
    assert len(names) == 9
    assert names[0] == "K 1"
    assert names[-2:] == ["K 12", "no speculation (K = 0)"]


def test_scales_are_by_factors_where_values_differ_by_many():
    assert value_scale([1.0, 3.0]).is_log is False
    wide = value_scale([3.0, 700.0])
    assert (wide.is_log, wide.low, wide.high) == (True, pytest.approx(2), 1000)
    assert place_scale([64.0, 8192.0], by_factors=True).is_log
    assert not place_scale([0.0, 8.0], by_factors=True).is_log
    same = place_scale([5.0], by_factors=False)
    assert same.low < 5 < same.high


def test_colours_are_by_factors_around_one_or_from_the_smallest():
    assert strengths([0.5, 1.0, 2.0, 4.0], around=1.0) == pytest.approx(
        [-0.5, 0.0, 0.5, 1.0]
    )
    assert strengths([1.0, 10.0, 100.0], around=None) == pytest.approx([0, 0.5, 1])
    assert strengths([3.0, 3.0], around=None) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"state": "partial"}, "the sweep is not complete; the same command goes on"),
        ({"schema_version": "2.0"}, "schema version '2.0'; this simcore reads 1"),
        ({"files": {}}, "sweep.parquet: the file is damaged"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, changes, message):
    made = made_up_sweep(tmp_path / "s", k_by_prompt(), **changes)
    with pytest.raises(TraceError, match=re.escape(message)):
        sweep_page(made)


def test_damage_is_found(tmp_path):
    made = made_up_sweep(tmp_path / "s", k_by_prompt())
    table = made / "sweep.parquet"
    content = bytearray(table.read_bytes())
    content[100] ^= 1
    table.write_bytes(content)
    with pytest.raises(TraceError, match="its checksum differs"):
        sweep_page(made)
    table.unlink()
    with pytest.raises(TraceError, match="cannot read: No such file"):
        sweep_page(made)
    for text in ("[]", "{", '{"schema_version": "1.0", "state": "complete"}'):
        (made / "sweep.json").write_text(text, encoding="utf-8")
        with pytest.raises(TraceError, match=r"sweep\.json: the file is damaged"):
            sweep_page(made)
