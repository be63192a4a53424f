"""Where things are."""

import os
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
REPOSITORY = BENCH.parent
RUNS = BENCH / "runs"
WORK = BENCH / "work"
MASK = Path(os.environ.get("BENCH_PROGRAM", "mask"))
LOAD = Path(os.environ.get("BENCH_LOAD", "mask-load"))
PICTURES = Path(os.environ.get("BENCH_PICTURES", "mask-pictures"))
CLICKS = Path(os.environ.get("BENCH_CLICKS", "mask-clicks"))
# A Python that has DuckDB.
DUCKDB_PYTHON = Path(os.environ.get("BENCH_DUCKDB_PYTHON", sys.executable))
