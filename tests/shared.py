"""Where real recordings are, for tests that measure with them; absent for users, so such tests skip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("HEYCHIP_SHARED", Path(__file__).resolve().parents[2] / "shared"))
POSITIVES = SHARED / "data" / "positives"
NEGATIVES = SHARED / "data" / "negatives"
ASTERISK = Path("/usr/share/asterisk/sounds/en_US_f_Allison")

needs_shared = pytest.mark.skipif(not POSITIVES.is_dir(), reason=f"real recordings are not at {SHARED}")
