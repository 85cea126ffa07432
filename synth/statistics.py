"""Counting events and saying how sure one can be of the count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, chi2

from edge.events import HOP_S

MERGE_S = 1.0  # firings closer than this are one event
Floats = NDArray[np.floating]


def events(margin: Floats, offset: float = 0.0) -> list[int]:
    """The hops at which events begin: `margin` [H] is at `offset` more than a second after the last hit."""
    hits = np.flatnonzero(margin >= offset)
    if not len(hits):
        return []
    return [int(hits[0]), *(int(h) for h in hits[1:][np.diff(hits) * HOP_S > MERGE_S])]


def peaks(margin: Floats, most: int = 2_000) -> Floats:
    """The highest value of each event [P], highest first, however low: maxima at least a second apart."""
    reach = int(MERGE_S / HOP_S)
    free = np.ones(len(margin), bool)
    found = []
    for hop in np.argsort(margin)[::-1]:
        if free[hop]:
            found.append(margin[hop])
            free[max(0, hop - reach) : hop + reach + 1] = False
            if len(found) == most:
                break
    return np.array(found)


def offset_for(margins: Sequence[Floats], allowed: float) -> float:
    """The lowest offset that leaves at most `allowed` events in all the streams together."""
    values = np.sort(np.concatenate(list(margins)))[::-1]
    highest = [(float(m.max()), m) for m in margins if len(m)]

    def few(offset: float) -> bool:
        found = 0
        for most, margin in highest:
            if most >= offset:
                found += len(events(margin, offset))
                if found > allowed:  # the others need not be counted
                    return False
        return found <= allowed

    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if few(values[middle]) else (low, middle - 1)
    return float(values[low]) if few(values[low]) else float(np.nextafter(values[0], np.inf))


def wilson(k: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share, k of n (Wilson, 1927)."""
    if not n:
        return 0.0, 1.0
    p, z = k / n, 1.959964
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson(k: int, hours: float) -> tuple[float, float]:
    """The exact 95 % interval of a rate, k events in so many hours (Garwood, 1936)."""
    if hours <= 0:
        return 0.0, float("inf")
    low = float(chi2.ppf(0.025, 2 * k)) / 2 if k else 0.0
    return low / hours, float(chi2.ppf(0.975, 2 * k + 2)) / 2 / hours


@dataclass(frozen=True)
class Paired:
    """Two shares of the same n things, as when two detectors are given the same recordings."""

    difference: float
    """the first share minus the second"""
    low: float
    high: float
    """its 95 % interval (Newcombe, 1998, method 10: Wilson's intervals joined by the correlation)"""
    p: float
    """how often chance alone would set them apart so far or farther (exact McNemar test)"""


def paired(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Paired:
    """Compares two answers [n] to each of n things."""
    n = len(first)
    if not n:
        return Paired(0.0, -1.0, 1.0, 1.0)
    both, neither = int((first & second).sum()), int((~first & ~second).sum())
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    shares = (both + only_first) / n, (both + only_second) / n
    (low_1, high_1), (low_2, high_2) = wilson(both + only_first, n), wilson(both + only_second, n)
    product = (both + only_first) * (n - both - only_first) * (both + only_second) * (n - both - only_second)
    cross = float(both * neither - only_first * only_second)
    if cross > 0:
        cross = max(cross - n / 2, 0.0)
    phi = cross / math.sqrt(product) if product else 0.0
    down, up = (shares[0] - low_1, high_2 - shares[1]), (high_1 - shares[0], shares[1] - low_2)
    difference = shares[0] - shares[1]
    return Paired(difference, difference - _joined(*down, phi), difference + _joined(*up, phi),
                  float(binomtest(only_first, only_first + only_second).pvalue)
                  if only_first + only_second else 1.0)


def _joined(a: float, b: float, phi: float) -> float:
    """The length of the sum of two deviations that are correlated."""
    return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))
