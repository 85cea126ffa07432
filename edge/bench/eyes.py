"""What looking costs: a picture at a time, through each model, and what that is of a core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.bench.clock import Costs, Meter, Step
from edge.errors import UsageError
from edge.events import Frame

if TYPE_CHECKING:
    from edge.classifier import Classifier
    from edge.faces import Faces

BUNDLES = ("things", "faces")
SIZE = (480, 640)  # height and width of what the cameras give
EMPTY = "noise, nobody in it"
Row = dict[str, Any]


def eyes(meter: Meter, models: Sequence[str], pictures: Sequence[str], interval_s: float) -> list[Row]:
    """A row for each model; `pictures` are files, none of them a room of noise. Raises ModelError, and
    PictureError where one cannot be read."""
    from edge.lookers import open_looker

    frames = shown(pictures)
    lookers: dict[str, Classifier | Faces] = {name: open_looker(name) for name in models}
    counts = {name: [len(one.classify(frame).faces) for frame in frames] for name, one in lookers.items()}
    costs = meter.run("the eyes", {name: _looking(looker, frames) for name, looker in lookers.items()})
    return [
        {"model": name, **summary(cost, interval_s), "faces": round(float(np.mean(counts[name])), 2),
         "picture": ", ".join(frame.source for frame in frames[:3]) + (", …" if len(frames) > 3 else "")}
        for name, cost in costs.items()
    ]  # fmt: skip


def shown(pictures: Sequence[str]) -> list[Frame]:
    """The pictures as the cameras would give them: no larger than 640 x 480."""
    from edge.camera.folder import read_picture
    from edge.classifier import scaled

    if not pictures:
        noise = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
        return [Frame(noise, EMPTY)]
    frames = []
    for frame in map(read_picture, pictures):
        height, width = frame.pixels.shape[:2]
        if min(height, width) < 2:
            raise UsageError(f"bench: {frame.source} is {width} x {height} pixels, which shows nothing")
        share = min(1.0, SIZE[0] / height, SIZE[1] / width)
        size = max(1, round(height * share)), max(1, round(width * share))
        pixels = np.clip(np.rint(scaled(frame.pixels, size)), 0, 255).astype(np.uint8)
        frames.append(Frame(pixels, frame.source))
    return frames


def summary(costs: Costs, interval_s: float) -> Row:
    """Microseconds a picture, how many a core does in a second, its share with one every `interval_s`."""
    mean_us = float(costs.mean())
    p50, p95, p99 = (round(float(p), 1) for p in np.percentile(costs, (50, 95, 99)))
    return {
        "us": round(mean_us, 1), "p50_us": p50, "p95_us": p95, "p99_us": p99,
        "pictures_per_s": round(1e6 / mean_us, 2), "interval_s": interval_s,
        "core_percent": round(100 * mean_us / (interval_s * 1e6), 3), "pictures": len(costs),
    }  # fmt: skip


def _looking(looker: Classifier | Faces, frames: Sequence[Frame]) -> Step:
    def step(number: int) -> None:
        looker.classify(frames[number % len(frames)])

    return step
