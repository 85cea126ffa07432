"""The tables of docs/cost.md, from the figures of docs/cost.json."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

HOP_US = 80_000
# Assumed, not measured: one 128-bit NEON instruction, four multiply-adds, in every cycle.
ZERO_2W = ("Cortex-A53 at 1.0 GHz (Pi Zero 2 W)", 4e9)

Found = Mapping[str, Any]


def blocks(found: Found) -> dict[str, str]:
    """The name of a block and what stands in it."""
    bench = found["bench"]
    return {
        "machine": machine(bench, found["peers"]),
        "stages": stages(bench, found["paced"]),
        "peers": peers(found["peers"]),
        "peers_paced": peers(found["peers_paced"]),
        "process": process(found),
        "streams": streams(bench["streams"]),
        "members": members(bench["members"]),
        "offline": offline(found["offline"]),
        "arithmetic": arithmetic(found["arithmetic"], bench["stages"]),
    }


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, all columns but the first to the right."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def prose(text: str) -> str:
    """A paragraph in lines as wide as the rest of the page."""
    return textwrap.fill(text, 122, break_long_words=False, break_on_hyphens=False)


def machine(bench: Found, peers_told: Found) -> str:
    one = bench["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in one["versions"].items())
    loads = ", ".join(f"{load:.1f}" for load in (bench["board"]["before"]["load"], peers_told["load"])
                      if load is not None)
    bundles = ", ".join(f"`{row['bundle']}` ({row['members']} member)" for row in bench["bundles"])
    return prose(f"Measured on {one['model']}, {one['cores']} cores, with {versions}, heychip "
                 f"{bench['heychip']} and {bundles}. Load of the machine when the two benchmarks began "
                 f"(idle is 0): {loads}.")


def stages(bench: Found, paced: Found) -> str:
    rows = [[row["stage"], f"{row['us']:.0f}", f"{row['core_percent']:.2f}",
             f"{row['times_real_time']:,.0f}", *(f"{row[f'p{p}_us']:.0f}" for p in (50, 95, 99))]
            for row in bench["stages"]]
    heads = ["room", "µs a step", "% of a core", "times real time", "p50", "p95", "p99"]
    sound = prose(f"Sound: {bench['sound']}.")
    slow = "; ".join(f"{row['stage']} {row['us']:.0f} µs a step, {row['core_percent']:.2f} % of a core, "
                     f"p99 {row['p99_us']:.0f} µs" for row in paced["stages"])
    pause = prose("Those steps follow each other at once, with warm caches. With 80 ms between two, as in "
                  f"life (`--realtime`): {slow}.")
    return f"{table(heads, rows)}\n\n{sound}\n\n{pause}"


def peers(told: Found) -> str:
    variants = list(told["seconds"])
    heads = ["", *(head for name in variants for head in (f"{name}: % of a core", "times ours")),
             "MB resident", "start-up, CPU s"]
    rows = []
    for row in told["systems"]:
        cells = []
        for name in variants:
            at = row["at"][name]
            cells += [f"{at['core_percent']['median']:.2f}", _spread(at["times_first"])]
        rows.append([row["system"], *cells, f"{row['resident_mb']:.0f}", f"{row['start_cpu_s']:.2f}"])
    lengths = ", ".join(f"{name} {seconds:g} s" for name, seconds in told["seconds"].items())
    rounds = told["systems"][0]["at"][variants[0]]["rounds"]
    notes = [f"Sound: {told['sound']}; {lengths} a round; medians of {rounds} rounds, in brackets the lowest "
             f"and the highest. Word of the peers: {told['word']}."]
    notes += [f"{one['system']} was not measured: {one['why']}." for one in told["missing"]]
    slow = {row["system"]: row["at"][name]["heard_s"] for row in told["systems"] for name in variants
            if row["at"][name]["heard_s"] < told["seconds"][name]}
    notes += [f"{name} is so slow that it heard only the first {heard_s:g} s of each."
              for name, heard_s in slow.items()]
    return f"{table(heads, rows)}\n\n{prose(' '.join(notes))}"


def process(found: Found) -> str:
    start, replay, run = found["bench"]["start"], found["replay"], found["run"]
    return table(["", "CPU s", "MB"], [
        ["a process that only listens: import, load, the first two seconds", f"{start['cpu_s']:.2f}",
         f"{start['resident_mb']:.0f} resident"],
        ["`heychip replay` of the golden recording, start to end", f"{replay['cpu_s']:.2f}",
         f"{replay['peak_mb']:.0f} at its peak"],
        [f"`heychip run`, listening only ({run['threads']} threads)", "",
         "?" if run["resident_mb"] is None else f"{run['resident_mb']:.0f} resident"],
    ])


def streams(rows: Sequence[Found]) -> str:
    heads = ["streams", "% of a core", "µs a step of one", "times the first", "MB resident"]
    return table(heads, [
        [str(row["streams"]), f"{row['core_percent']:.2f}", f"{row['us_a_stream']:.0f}",
         _spread(row["ratio"]), "?" if row["resident_mb"] is None else f"{row['resident_mb']:.0f}"]
        for row in rows])


def members(rows: Sequence[Found]) -> str:
    heads = ["members", "whole listener, µs a step", "% of a core", "times one member", "MB of model"]
    return table(heads, [
        [str(row["members"]), f"{row['us']:.0f}", f"{row['core_percent']:.2f}", _spread(row["ratio"]),
         f"{row['model_mb']:.1f}"] for row in rows])


def offline(rows: Sequence[Found]) -> str:
    heads = ["hours", "CPU s", "s by the clock", "times real time", "MB at the peak"]
    return table(heads, [
        [f"{row['hours']:g}", f"{row['cpu_s']:.1f}", f"{row['clock_s']:.1f}",
         f"{row['hours'] * 3600 / row['cpu_s']:,.0f}", f"{row['peak_mb']:.0f}"] for row in rows])


def arithmetic(told: Found, measured: Sequence[Found]) -> str:
    cost_us = {row["stage"]: row["us"] for row in measured}
    whole = list(cost_us)[list(cost_us).index("ensemble") + 1]  # the listener as it is shipped
    parts = [("front end (mel)", told["front_end"]["multiply_adds"], cost_us["front end (mel)"]),
             ("backbone", told["backbone"]["multiply_adds"], cost_us["backbone"]),
             ("detectors", told["detectors"]["multiply_adds"], cost_us["detectors"])]
    total = sum(count for _, count, _ in parts)
    parts.append(("together", total, cost_us[whole]))
    rate = told["core_per_s"]
    rows = []
    for name, count, us in parts:
        least_us = count / rate * 1e6
        rows.append([name, f"{count:,}", f"{least_us:.0f}", f"{us:.0f}", f"{100 * least_us / us:.0f} %"])
    heads = ["of a step of 80 ms", "multiply-adds", "µs at the limit", "µs measured", "of the limit"]
    return f"{table(heads, rows)}\n\n{_limit(told)}\n\n{_elsewhere(total)}"


def _limit(told: Found) -> str:
    side = told["square"]
    return prose(
        f"The limit is {told['core_per_s'] / 1e9:.0f} billion multiply-adds a second: the best that this "
        f"core reached in a product of two {side} by {side} matrices of 32-bit numbers (numpy, one thread) "
        "in the same run. “Together” is measured as the whole listener, with the ensemble. No multiply-adds, "
        "but not free: "
        f"{told['backbone']['activations']:,} numbers a step come out of the backbone's activations. The "
        "reference's front end, a product with a Fourier matrix, would take "
        f"{told['front_end']['dense']:,} multiply-adds.")


def _elsewhere(total: int) -> str:
    name, rate = ZERO_2W
    least_us = total / rate * 1e6
    return prose(
        f"On a {name}, assumed to do {rate / 1e9:.0f} billion a second at its best, the same step cannot "
        f"take less than {least_us / 1000:.1f} ms, {100 * least_us / HOP_US:.1f} % of a core. Nobody has "
        "measured heychip on one yet: `heychip bench --realtime` does.")


def _spread(row: Mapping[str, float]) -> str:
    return f"{row['median']:.2f} ({row['lowest']:.2f} to {row['highest']:.2f})"
