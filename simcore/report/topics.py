"""Short answers to `simcore explain WORD` that are not about one field."""

from __future__ import annotations

from types import MappingProxyType

from simcore.report.layout import paragraph, sections

_TOPICS = {
    "deadlock": (
        "Work is left and nothing can happen any more. The message names the causes "
        "first: operations that wait for operations which never end (a circle); then "
        "who waits for a resource or for SRAM room, and who holds it.",
        "With the shipped schedules this does not happen: operations take all their "
        "resources at once, a burst reserves all its SRAM at once and in the order of "
        "age, and a burst that can never fit is refused before the run. If you see it "
        "with one of them, it is a bug: please report it with the scenario and seed.",
        "With a schedule policy of your own, look at its `link`: following the "
        "predecessors of any operation must end at operations that have none.",
    ),
    "exit-codes": (
        "0 done. 1 a bug in simcore; the traceback is in a file that the message "
        "names. 2 something you named is wrong: usage, configuration, missing file. "
        "3 a check did not hold or the simulation failed; `run` has still written its "
        "results. 4 the system refused to read or write, or a trace is damaged. 130 "
        "interrupted.",
    ),
    "break-even": (
        "C* is the number of tokens a burst must commit for speculation to be as fast "
        "as one token at a time on the same chip: burst latency over latency of one "
        "plain step. It is a property of chip, model, context and draft length; "
        "acceptance does not enter.",
        "Speculation pays when the committed tokens per burst, accepted drafts plus "
        "the bonus token, are above C*. Compare it over contexts with `simcore "
        "estimate SCENARIO --prompt-lengths 64,1024,8192`.",
    ),
    "status": (
        "Every hardware number may say where it comes from: {value: 2.3, status: "
        "derived, source: CACTI 7 ...}.",
        "measured: somebody measured it on silicon. published: a public source states "
        "this value for this kind of part. derived: computed from published values or "
        "with a public tool. assumed: a design choice or a guess; doubt these first. "
        "Reports count them; `simcore explain hardware FILE` lists the assumed first.",
    ),
    "units": (
        "The end of a name is its unit: _ns nanoseconds, _ps picoseconds, _pj "
        "picojoules, _nw nanowatts, _mm2 square millimetres, _ghz, _bytes, _bits, "
        "_tokens, GBps gigabytes per second = bytes per nanosecond. energy_pj_per_byte "
        "is picojoules per byte. A name without one is a count or a ratio.",
        "Time is kept as whole picoseconds inside and in traces; energies are floats "
        "in pJ.",
    ),
}

#: Words that can be explained, with their paragraphs.
TOPICS = MappingProxyType(_TOPICS)


def topic_report(name: str) -> str:
    """The paragraphs of a topic.

    Parameters
    ----------
    name : str
        One of `TOPICS`.
    """
    return sections(
        [name, *(paragraph(text, indent="  ") for text in TOPICS[name])]
    ).replace("\n\n", "\n", 1)
