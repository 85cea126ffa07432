"""`python -m tests.soak`: a day of stream time with faults thrown at random, at many times real time."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.check import verdict
from tests.soak.faults import plan
from tests.soak.paper import markdown, plot
from tests.soak.reference import listen
from tests.soak.rig import Rig
from tests.soak.world import World

BAR = 40


def main() -> int:
    """Exit code 0 where every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0, help="of stream time (24)")
    parser.add_argument("--faults", type=int, help="how many (25 an hour)")
    parser.add_argument("--seed", type=int, default=5, help="of the day and of what goes wrong in it (5)")
    parser.add_argument("--json", metavar="FILE", help="figures, rows and samples")
    parser.add_argument("--plot", metavar="FILE", help="a picture of the day; needs matplotlib")
    args = parser.parse_args()
    count = args.faults if args.faults is not None else round(25 * args.hours)
    world = World(args.hours, args.seed)
    print(f"what is heard when nothing goes wrong: {len(world.words)} words are said …", file=sys.stderr)
    reference = listen(world)
    start_s, cpu_s = time.monotonic(), time.process_time()

    def progress(rig: Rig) -> None:
        share = rig.now_s / world.length_s
        speed = rig.now_s / max(1e-3, time.monotonic() - start_s)
        print(
            f"\r[{'#' * int(BAR * share):<{BAR}}] {rig.now_s / 3600:5.2f} of {world.hours:g} h, "
            f"{len(rig.thrower.done)} faults, {speed:.0f} times real time ",
            end="",
            file=sys.stderr,
            flush=True,
        )

    with tempfile.TemporaryDirectory(prefix="soak") as folder:
        rig = Rig(world, plan(count, world.length_s, args.seed), Path(folder), seed=args.seed)
        rig.progress = progress
        rig.run()
        found = verdict(rig, reference)
    wall_s = time.monotonic() - start_s
    figures = found.figures | {
        "wall_s": round(wall_s),
        "cpu_s": round(time.process_time() - cpu_s),
        "speed": round(world.length_s / wall_s),
        "seed": args.seed,
    }
    print("", file=sys.stderr)
    print(markdown(found))
    print(json.dumps(figures, indent=1))
    if args.json:
        whole = {
            "figures": figures,
            "rows": [dataclasses.asdict(row) for row in found.rows],
            "failed": found.failed,
            "samples": [dataclasses.astuple(one) for one in rig.lookout.samples],
        }
        Path(args.json).write_text(json.dumps(whole, indent=1) + "\n")
    if args.plot:
        plot(rig, args.plot)
    for why in found.failed:
        print(f"NOT KEPT  {why}")
    if found.failed:
        print("\n".join(rig.journal.last[-60:]), file=sys.stderr)
    else:
        print("all promises kept")
    return int(bool(found.failed))


if __name__ == "__main__":
    sys.exit(main())
