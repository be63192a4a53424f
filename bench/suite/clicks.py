"""A data folder with many recorded clicks, and the same clicks as rows for whoever answers from those.

Made once, and kept in `bench/work` for as long as neither the schema nor the program that records them changes. The
links are made through the API; the clicks are brought in by `mask-clicks`, through the methods of the store that the drain
calls, as nobody could wait for ninety days.
"""

import hashlib
import json
import random
import shutil
import subprocess
import time
from collections import Counter
from itertools import islice

from . import data, peers
from .machine import SERVER_CORE
from .places import CLICKS, WORK
from .servers import Mask

# The first and the last of the days, which bench/clicks ends with.
FIRST_DAY, LAST_DAY, DAYS = "2026-08-03", "2026-10-31", 90
FROM_MS, TO_MS = 1_785_715_200_000, 1_793_491_200_000
DAY_MS = 86_400_000


def recorded(clicks, links):
    """The folder: `data` is a data folder, `rows.sqlite` and `rows.duckdb` are the peers', `made.json` tells of it."""
    program = hashlib.sha256(CLICKS.read_bytes()).hexdigest()
    folder = WORK / f"clicks-{clicks}-{data.fingerprint(clicks, links, program)}"
    if not (folder / "made.json").exists():
        _make(folder, clicks, links)
    return folder


def linked(name, links):
    """A fresh data folder with this many links."""
    folder = data.fresh(name)
    chance = random.Random(6)
    with Mask(folder).wait_until_ready() as server:
        data.create(server, (_campaigned(link, chance) for link in islice(data.MadeUp(seed=6), links)))
        server.stop()
    return folder


def record(folder, links, clicks, days, rows=None):
    """Records clicks into a data folder that nobody is serving; answers what it took."""
    (folder / "links.txt").write_text("\n".join(links))
    command = ["taskset", "-c", str(SERVER_CORE), CLICKS, folder, clicks, folder / "links.txt", days, *([rows] if rows else [])]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"clicks cannot be recorded: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def ids(folder):
    """The links' ids, in the order in which they were made. `mask-clicks` gives the first ones most clicks."""
    return [id_ for (id_,) in data.rows(folder, "SELECT id FROM links ORDER BY seq")]


def tags(folder):
    """The links' tags, the most common first."""
    return [tag for tag, _ in Counter(tag for (text,) in data.rows(folder, "SELECT tags FROM links") for tag in json.loads(text)).most_common()]


def bytes_on_disk(folder):
    """Of the recorded clicks, free pages too."""
    return sum(path.stat().st_size for path in folder.glob("clicks.db*"))


def _campaigned(link, chance):
    if chance.random() < 0.5:
        link["utm_source"], link["utm_campaign"] = chance.choice(data.SOURCES), f"{chance.choice(data.KINDS)}-2026"
    return link


def _make(folder, clicks, links):
    for old in WORK.glob(f"clicks-{clicks}-*"):
        shutil.rmtree(old)
    unfinished = data.fresh("clicks-unfinished")
    made = linked("clicks-unfinished/data", links)
    began = time.monotonic()
    rows = unfinished / "rows.csv"
    seen = record(made, ids(made), clicks, DAYS, rows)
    print(f"   {clicks} clicks: {time.monotonic() - began:.0f} s, {seen['cpu_us_per_click']:.2f} µs of CPU to record and order each", flush=True)
    for name in peers.NAMES:
        began = time.monotonic()
        peers.load(name, rows, unfinished / f"rows.{name}")
        print(f"   rows for {name}: {time.monotonic() - began:.0f} s", flush=True)
    rows.unlink()
    with Mask(made).wait_until_ready() as server:
        # SQLite's log goes into the database, as it does at the end of any day.
        server.stop()
    (unfinished / "made.json").write_text(json.dumps(seen))
    unfinished.rename(folder)
