"""Where things are."""

import os
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
REPOSITORY = BENCH.parent
RUNS = BENCH / "runs"
WORK = BENCH / "work"
MASK = Path(os.environ.get("BENCH_PROGRAM", "mask"))
LOAD = Path(os.environ.get("BENCH_LOAD", "mask-load"))
