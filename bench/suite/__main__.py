"""Runs scenarios, one after the other, into one folder of results."""

import argparse
import fcntl
import signal
import sys
import time

from . import record
from .bench import Bench
from .places import WORK
from .scenarios import analytics, create, links, memory, page, qr, redirect_cold, redirect_hot, redirect_tls, start, webhooks

SCENARIOS = [redirect_hot, redirect_tls, page, redirect_cold, start, memory, create, links, analytics, webhooks, qr]


def main():
    names = [scenario.NAME for scenario in SCENARIOS]
    parser = argparse.ArgumentParser(prog="bench/run.sh")
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="short rounds, figures that mean nothing")
    parser.add_argument("--repeats", type=int, default=2, help="how often a round is repeated when others were busy (default 2)")
    parser.add_argument("--report", action="store_true", help="only write the pages anew from the raw numbers")
    asked = parser.parse_args()
    for name in asked.scenarios:
        if name not in names:
            parser.error(f"there is no scenario {name}; there are: {', '.join(names)}")
    if asked.report:
        return record.write_pages()
    # Whoever ends this ends the servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    WORK.mkdir(parents=True, exist_ok=True)
    with open(WORK / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            parser.error("another measurement is under way in this checkout")
        measure(asked.scenarios or names, asked.quick, asked.repeats)
    record.write_pages()


def measure(names, is_quick, repeats):
    for scenario in SCENARIOS:
        if scenario.NAME in names:
            began = time.monotonic()
            print(f"== {scenario.NAME}", flush=True)
            with Bench(scenario.NAME, is_quick=is_quick, repeats=repeats) as bench:
                scenario.run(bench)
            print(f"== {scenario.NAME}: {time.monotonic() - began:.0f} s", flush=True)


sys.exit(main())
