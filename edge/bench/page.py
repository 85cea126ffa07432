"""What was measured, as tables in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge.bench.board import NOW, words
from edge.bench.members import LAYOUT
from edge.bench.stages import LOOK, NEAR_HOPS, RESAMPLE, VARIANTS

BOLD, YELLOW, PLAIN = "\x1b[1m", "\x1b[33m", "\x1b[0m"
ALL_BUT = (f"The listener is all of them but “{RESAMPLE}”, which a microphone of 16 kHz does not need,",
           f"and “{LOOK}”, which is seldom asked for; the first of its {NEAR_HOPS} hops is the dearest.",
           "It runs front end and backbone as one graph, so it may cost less than they do one by one.")
NOW_MASK = sum(1 << bit for bit in NOW)
Told = Mapping[str, Any]


def text(told: Told, *, colour: bool = False) -> str:
    """The page of a measurement; what was not measured is left out."""
    lines = [*_head(told), ""]
    if told["stages"]:
        for row in _stages(told["stages"]):
            whole = colour and row.startswith(tuple(VARIANTS))
            lines.append(f"{BOLD}{row}{PLAIN}" if whole else row)
        lines.append("")
    for key, rows in (("eyes", _eyes), ("members", _members), ("streams", _streams)):
        lines += [*rows(told[key]), ""] if told[key] else []
    if start := told["start"]:
        lines.append(f"a fresh process that only listens: {_mb(start['resident_mb'])} resident; start-up "
                     f"{start['load_cpu_s']:.2f} s of CPU ({start['cpu_s']:.2f} s with two seconds of sound)")
    warnings = [f"{YELLOW}{line}{PLAIN}" if colour else line for line in _warnings(told)]
    return "\n".join([*lines, *_pi(told), *warnings]).rstrip()


def _head(told: Told) -> list[str]:
    machine = told["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    pace = "one every 80 ms" if told["realtime"] else "as fast as they go"
    bundles = ", ".join(f"{one['bundle']} ({_count(one['members'], 'member')})" for one in told["bundles"])
    return [f"{machine['model']}, {_count(machine['cores'], 'core')}; heychip {told['heychip']}, {versions}",
            f"bundles: {bundles}", f"sound: {told['sound']}; steps of 80 ms, {pace}"]


def _stages(rows: Sequence[Told]) -> list[str]:
    head = _row("CPU of a step of 80 ms", "mean", "of a core", "x real time", "p50", "p95", "p99")
    return [head, *(
        _row(row["stage"], f"{row['us']:.1f} us", f"{row['core_percent']:.2f} %",
             f"{row['times_real_time']:,.0f}", *(f"{row[f'p{p}_us']:.1f}" for p in (50, 95, 99)))
        for row in rows
    ), *(ALL_BUT if rows[0]["stage"] == RESAMPLE else [])]


def _row(name: str, *cells: str) -> str:
    return f"{name:<26}" + "".join(f"{cell:>12}" for cell in cells)


def _eyes(rows: Sequence[Told]) -> list[str]:
    head = _row("CPU of a picture", "mean", "a second", "of a core", "p50", "p95", "p99")
    each = f"The share of a core is that of a picture every {rows[0]['interval_s']:g} s."
    return [head, *(
        _row(row["model"], f"{row['us'] / 1e3:.1f} ms", f"{row['pictures_per_s']:.1f}",
             f"{row['core_percent']:.2f} %", *(f"{row[f'p{p}_us'] / 1e3:.1f}" for p in (50, 95, 99)))
        for row in rows
    ), f"{each} It saw: {rows[0]['picture']}{_found(rows)}."]


def _found(rows: Sequence[Told]) -> str:
    found = max(row["faces"] for row in rows)
    return f" ({found:g} faces)" if found else ""


def _members(rows: Sequence[Told]) -> list[str]:
    first = _count(rows[0]["members"], "member")
    head = _row("members", "mean", "of a core", "p99") + f"    times that of {first}"
    return [head, *(
        _row(str(row["members"]), f"{row['us']:.1f} us", f"{row['core_percent']:.2f} %",
             f"{row['p99_us']:.1f}") + f"    {_ratio(row['ratio'])}" for row in rows
    ), f"The whole listener; {LAYOUT}."]


def _streams(rows: Sequence[Told]) -> list[str]:
    head = _row("streams in one process", "mean", "of a core", "a stream", "resident")
    return [f"{head}    a stream, times that of the first row", *(
        _row(str(row["streams"]), f"{row['us']:.1f} us", f"{row['core_percent']:.2f} %",
             f"{row['us_a_stream']:.1f} us", _mb(row["resident_mb"])) + f"    {_ratio(row['ratio'])}"
        for row in rows
    )]


def _ratio(row: Mapping[str, float]) -> str:
    return f"{row['median']:.2f} ({row['lowest']:.2f} to {row['highest']:.2f})"


def _pi(told: Told) -> list[str]:
    """How warm a Raspberry Pi was and whether it was held back."""
    if not told["machine"]["pi"]:
        return []
    before, after = told["board"]["before"], told["board"]["after"]
    warm = [one["temperature_c"] for one in (before, after)]
    told_c = ", ".join(f"{'?' if c is None else format(c, '.1f')} °C {when}"
                       for c, when in zip(warm, ("before", "after"), strict=True))
    bits = [one["throttled"] for one in (before, after)]
    if None in bits:
        held = "cannot be read (sudo apt-get install raspi-utils; then sudo usermod -aG video $USER)"
    else:
        held = words(bits[0]) if bits[0] == bits[1] else f"{words(bits[0])} before, {words(bits[1])} after"
    return [f"temperature: {told_c}", f"held back by its firmware: {held}"]


def _warnings(told: Told) -> list[str]:
    """What makes the figures worth less."""
    before, after = told["board"]["before"], told["board"]["after"]
    lines = []
    if (after["throttled"] or 0) & NOW_MASK:
        lines.append("it is being held back: let it cool or feed it better, then measure again")
    if (load := before["load"] or 0) > told["machine"]["cores"] / 2:
        lines.append(f"other programs were running (load {load:.1f}): only the CPU time of this one is "
                     "counted, but they share the caches")
    if not told["complete"]:
        lines.append("ended early: this is what was measured until then")
    return lines


def _mb(value: float | None) -> str:
    return "? MB" if value is None else f"{value:.0f} MB"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
