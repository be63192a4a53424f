"""Runs scenarios, one after the other, into one folder of results."""

import argparse
import sys
import time

from . import record
from .bench import Bench
from .scenarios import create, links, memory, redirect_cold, redirect_hot, start

SCENARIOS = [redirect_hot, redirect_cold, start, memory, create, links]


def main():
    names = [scenario.NAME for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(prog="bench/run.sh")
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="short rounds, figures that mean nothing")
    parser.add_argument("--report", action="store_true", help="only write the pages anew from the raw numbers")
    asked = parser.parse_args()
    for name in asked.scenarios:
        if name not in names:
            parser.error(f"there is no scenario {name}; there are: {', '.join(names)}")
    if asked.report:
        return record.write_pages()
    for scenario in SCENARIOS:
        if scenario.NAME in (asked.scenarios or names):
            began = time.monotonic()
            print(f"== {scenario.NAME}", flush=True)
            with Bench(scenario.NAME, is_quick=asked.quick) as bench:
                scenario.run(bench)
            print(f"== {scenario.NAME}: {time.monotonic() - began:.0f} s", flush=True)
    record.write_pages()


sys.exit(main())
