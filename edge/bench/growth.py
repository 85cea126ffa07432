"""How the cost grows: with the members of a bundle, and with the streams that one process listens to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge.bench.clock import TURN, Meter, Step, ratio, summary
from edge.bench.members import networks, weights_of, with_members
from edge.bench.sound import Sound
from edge.bench.stages import hearing, listener
from edge.bench.start import start
from edge.bundle import Bundle

Row = dict[str, Any]


def members(meter: Meter, bundle: Bundle, counts: Sequence[int], sound: Sound) -> list[Row]:
    """A whole listener for each count of members; `ratio` is to the first. UsageError: see `with_members`."""
    grown = {count: with_members(bundle, count) for count in counts}
    steps: dict[str, Step] = {str(count): hearing(listener([one]), sound) for count, one in grown.items()}
    costs = meter.run(f"{', '.join(steps)} members", steps, turn=TURN)
    first = costs[str(counts[0])]
    rows = []
    for count, one in grown.items():
        cost = costs[str(count)]
        weights = weights_of(one.onnx)
        rows.append({"members": count, "networks": networks(weights) if weights else 0,
                     "model_mb": round(len(one.onnx) / 2**20, 2), **summary(cost),
                     "ratio": ratio(cost, first)})
    return rows


def streams(meter: Meter, bundles: Sequence[Bundle], counts: Sequence[int], sound: Sound) -> list[Row]:
    """Listeners side by side in this process, each with a stream and a state of its own, all a hop at a time.

    `us` is for all of them together, `resident_mb` of a fresh process with so many, and `ratio` the cost of
    one stream among so many to one among those of the first row.
    """
    ears = [listener(bundles) for _ in range(max(counts))]
    paths = [str(bundle.path) for bundle in bundles]
    fresh = {count: start(paths, streams=count) or {} for count in counts}

    def steps_of(count: int) -> Step:
        def step(hop: int) -> None:
            for number, one in enumerate(ears[:count]):
                one.step(sound.hop(hop + 7 * number))  # each somewhere else in the recording

        return step

    steps = {str(count): steps_of(count) for count in counts}
    costs = meter.run(f"{', '.join(steps)} streams", steps, turn=TURN)
    each = {count: costs[str(count)] / count for count in counts}
    return [{"streams": count, **summary(costs[str(count)]), "us_a_stream": round(float(one.mean()), 1),
             "resident_mb": fresh[count].get("resident_mb"), "ratio": ratio(one, each[counts[0]])}
            for count, one in each.items()]
