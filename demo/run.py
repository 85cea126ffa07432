"""`make demo`: text -> voices -> noise -> training -> ONNX, then the daemon on a recording and on pictures.

Exit code 0 only if the daemon heard every call, nothing else, and answered each of them; and if it saw what
is in every picture, thing or mood, and said so in their order.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from demo.ears import PHRASE, listen
from demo.eyes import SHOW, show

OUT = Path(__file__).parent / "out"


def main() -> int:
    """Runs the whole demo."""
    started = time.monotonic()
    (OUT / "spoken").mkdir(parents=True, exist_ok=True)
    for old in [*(OUT / "spoken").glob("*.wav"), OUT / "events.jsonl", OUT / "sheet.jpg"]:
        old.unlink(missing_ok=True)
    print(f"1. From the text “{PHRASE}” to a detector (preset quick)", flush=True)
    bundle = OUT / "hey_chip"
    command = [sys.executable, "-m", "synth.cli", "make", PHRASE, "--preset", "quick", "--out", str(bundle)]
    made = subprocess.run(command, check=False)  # it has told what was wrong; its exit code is ours
    if made.returncode:
        return made.returncode
    heard = listen(OUT)
    print(f"\n3. The daemon on {len(SHOW)} pictures: things, and faces that smile or do not", flush=True)
    saw = show(OUT)
    print(f"\n   report  {bundle / 'report.html'}"
          f"\n   lines   {OUT / 'spoken'}"
          f"\n   took    {time.monotonic() - started:.0f} s")
    fine = heard and saw
    print("\n   It works." if fine else "\n   It did not do all that it should have.")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
