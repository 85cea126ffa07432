"""Engines for tests."""

from __future__ import annotations

import pytest

from synth.voices import Engine, make_engine, why_not


def engine_or_skip(name: str) -> Engine:
    """An engine that can speak here."""
    engine = make_engine(name)
    reason = why_not(engine)
    if reason is not None:
        pytest.skip(reason)
    return engine
