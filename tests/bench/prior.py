"""Ears helped by eyes: false accepts at equal misses, with and without the prior, on recordings of people.

    python -m tests.bench.prior --word DIR:BUNDLE ... --negatives DIR ... [--keep FILE.npz] [--plot FILE.png]

DIR holds recordings of the word that BUNDLE hears; each is called once clean and once with babble or pink
noise at 10 dB. Whether a face was there is simulated, the sound is not. Offsets are chosen on one half of the
recordings and reported on the other, and the intervals are of a bootstrap over recordings. `--keep` keeps the
traces, which take a minute or two, for the next time. docs/prior.md holds what this printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edge.errors import HeychipError
from edge.prior_config import PriorConfig
from synth.recordings import audio_files
from tests.bench.prior_odds import POINTS, SCENES, Counts, Curve, Scene, choose, count, slope
from tests.bench.prior_stream import compare, simulated
from tests.bench.prior_traces import Traces, load, save, traces

DRAWS = 1000
CHECKED = 12  # streams of each word that go through the real listener as well
KEEN = -4.0  # an operating point with enough false accepts to compare single events


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or that of the error."""
    top = argparse.ArgumentParser(prog="python -m tests.bench.prior", description=__doc__,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--word", action="append", required=True, metavar="DIR:BUNDLE")
    top.add_argument("--negatives", action="append", required=True, type=Path, metavar="DIR")
    top.add_argument("--keep", type=Path, metavar="FILE.npz")
    top.add_argument("--plot", type=Path, metavar="FILE.png")
    args = top.parse_args(argv)
    pairs = [(Path(folder), Path(bundle)) for folder, _, bundle in (w.rpartition(":") for w in args.word)]
    try:
        words = load(args.keep) if args.keep and args.keep.exists() else traces(pairs, args.negatives)
    except HeychipError as error:
        print(f"prior: {error}", file=sys.stderr)
        return error.exit_code
    if args.keep:
        save(args.keep, words)
    counts, config = count(words), PriorConfig(on=True)
    for lines in (_alone(words, counts), _chosen(counts), _table(counts, config), _points(counts, config),
                  _wrong(counts, config), _streams(words, counts, config)):
        print(*lines, sep="\n", end="\n\n", flush=True)
    files = [file for folder in args.negatives for file in audio_files(folder)]
    told = compare([(word, pair[1]) for word, pair in zip(words, pairs, strict=True)], files, config, KEEN,
                   CHECKED)
    print("The real listener beside the margins: {} streams, {} and {} events, largest difference {:.4f}"
          .format(*told))
    if args.plot:
        from tests.bench.prior_plot import plot

        plot(args.plot, Curve.of(counts), config)
    return 0


def _alone(words: Sequence[Traces], counts: Counts) -> Iterator[str]:
    curve, (_, nats) = Curve.of(counts), slope(words)
    yield (f"{len(counts.missed)} callers, {counts.hours.sum() / len(words):.2f} h of talk for each of "
           f"{len(words)} words; one logit is worth {nats:.2f} nats ("
           + ", ".join(f"{word.word} {slope([word])[1]:.2f}" for word in words) + ")")
    yield "\n| ears alone, offset | misses | false accepts an hour |\n|---|---|---|"
    for offset in range(-5, 4):
        missed, false = float(curve.missed_at(offset)), float(curve.false_at(offset))
        yield f"| {offset:+d} | {100 * missed:.1f} % | {false:.2f} |"


def _chosen(counts: Counts) -> Iterator[str]:
    halves = [Curve.of(counts.half(which)) for which in (0, 1)]
    yield "| chosen on | facing | nobody | false accepts there | on the other half |\n|---|---|---|---|---|"
    for which, name in enumerate(("first half", "second half")):
        facing, nobody = choose(halves[which])
        both = [float(np.mean([curve.ratio(scene, facing, nobody) for scene in SCENES]))
                for curve in (halves[which], halves[1 - which])]
        yield f"| {name} | {facing:+.1f} | {nobody:+.1f} | x {both[0]:.2f} | x {both[1]:.2f} |"
    facing, nobody = choose(Curve.of(counts))
    yield f"| all | {facing:+.1f} | {nobody:+.1f} | | |"


def _table(counts: Counts, config: PriorConfig) -> Iterator[str]:
    """The ratio of false accepts in every scene, on the half that did not choose and on all."""
    yield "| callers seen | face there | all recordings | first half | second half |\n|---|---|---|---|---|"
    sets = (counts, counts.half(0), counts.half(1))
    draws = [_draws(one) for one in sets]
    for scene in SCENES:
        cells = [_ratio(one, drawn, scene, config, POINTS) for one, drawn in zip(sets, draws, strict=True)]
        yield f"| {scene.called:.0%} | {scene.talked:.0%} | " + " | ".join(cells) + " |"


def _points(counts: Counts, config: PriorConfig) -> Iterator[str]:
    """The same at single operating points, with what is counted there."""
    drawn, curve, scene = _draws(counts), Curve.of(counts), Scene(0.9, 0.3)
    yield ("| offset | misses | false accepts an hour | of ears alone that miss as much | ratio | misses of"
           " ears alone with as many false accepts |\n|---|---|---|---|---|---|")
    for offset in (-4.0, -3.0, -2.0, -1.0, 0.0):
        at = np.array([offset])
        missed, false = curve.helped(scene, config.facing, config.nobody, at)
        alone = curve.false_at(curve.offset_of(missed))
        falling = curve.false + np.arange(len(curve.false))[::-1] * 1e-6
        even = curve.missed_at(np.interp(-false, -falling, np.linspace(-10, 10, len(falling))))
        yield (f"| {offset:+.0f} | {100 * missed[0]:.1f} % | {false[0]:.2f} | {alone[0]:.2f} | "
               f"{_ratio(counts, drawn, scene, config, at)} | {100 * even[0]:.1f} % |")


def _wrong(counts: Counts, config: PriorConfig) -> Iterator[str]:
    """Scenes in which faces tell little or nothing: what the prior then costs."""
    drawn = _draws(counts)
    yield "| callers seen | face there | false accepts at equal misses |\n|---|---|---|"
    for scene in (Scene(0.7, 0.3), Scene(0.5, 0.3), Scene(0.5, 0.5), Scene(0.3, 0.3), Scene(0.8, 0.8)):
        yield f"| {scene.called:.0%} | {scene.talked:.0%} | {_ratio(counts, drawn, scene, config, POINTS)} |"


def _streams(words: Sequence[Traces], counts: Counts, config: PriorConfig) -> Iterator[str]:
    """People come and go, and the real rooms decide: beside what the formula says."""
    hours, curve = counts.hours.sum(), Curve.of(counts)
    yield f"| face there | simulated at offset {KEEN:+.0f} | by the formula |\n|---|---|---|"
    for share in (0.1, 0.3, 0.5):
        found = np.mean([simulated(words, config, KEEN, share, seed) for seed in range(5)]) / hours
        _, false = curve.helped(Scene(0.9, share), config.facing, config.nobody, KEEN)
        yield f"| {share:.0%} | {found:.2f} an hour | {float(false):.2f} an hour |"


def _draws(counts: Counts) -> list[Curve]:
    rng = np.random.default_rng(0)
    return [Curve.of(counts.drawn(rng)) for _ in range(DRAWS)]


def _ratio(counts: Counts, drawn: Sequence[Curve], scene: Scene, config: PriorConfig,
           points: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    """x 0.51 (0.43 to 0.62)."""
    ratio = Curve.of(counts).ratio(scene, config.facing, config.nobody, points)
    found = [one.ratio(scene, config.facing, config.nobody, points) for one in drawn]
    low, high = np.percentile(found, [2.5, 97.5])
    return f"x {ratio:.2f} ({low:.2f} to " + (f"{high:.2f})" if high < 100 else "any)")


if __name__ == "__main__":
    sys.exit(main())
