"""The questions as plain SQL over one table of rows, in SQLite and in DuckDB.

Run as a program, it is a process of its own, pinned to the core that servers have, under a Python that has DuckDB:

    python3 -m suite.peers load sqlite|duckdb ROWS.csv FILE    makes the table
    python3 -m suite.peers ask sqlite|duckdb FILE SECONDS      asks what comes as JSON on standard input, [SQL, …]; each
                                                               for so many seconds, after once that does not count
"""

import csv
import json
import sqlite3
import subprocess
import sys
import time

from .machine import SERVER_CORE
from .places import BENCH, DUCKDB_PYTHON

# `at` is a word of DuckDB's own.
COLUMNS = "moment link visitor is_counted class choice source device os browser language referrer country city".split()
NUMBERS = ("moment", "visitor", "is_counted")
NAMES = ("sqlite", "duckdb")
TABLE = "CREATE TABLE clicks (" + ", ".join(f"{name} {'BIGINT' if name in NUMBERS else 'TEXT'}" for name in COLUMNS) + ")"
INDEX = "CREATE INDEX clicks_by_link ON clicks (link, moment)"


def load(name, rows, file):
    """Makes the table of a peer from the rows."""
    _peer("load", name, rows, file)


def ask(name, file, questions, seconds):
    """What a peer answers, and the milliseconds that each answer took: `[{"rows": …, "ms": [… ]}]`."""
    return json.loads(_peer("ask", name, file, seconds, json.dumps(questions)))


def version(name):
    return _peer("version", name).strip()


def _peer(*arguments):
    what, name, *rest = arguments
    text = rest.pop() if what == "ask" else None
    command = ["taskset", "-c", str(SERVER_CORE), str(DUCKDB_PYTHON), "-m", "suite.peers", what, name, *map(str, rest)]
    done = subprocess.run(command, cwd=BENCH, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    return done.stdout


def _load_sqlite(rows, file):
    database = sqlite3.connect(file)
    # Nobody needs the file if this does not get to its end.
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    database.execute(TABLE)
    with open(rows, newline="") as text:
        lines = csv.reader(text)
        next(lines)
        database.executemany(f"INSERT INTO clicks VALUES ({', '.join('?' * len(COLUMNS))})", lines)
    database.execute(INDEX)
    database.execute("ANALYZE")
    database.commit()


def _load_duckdb(rows, file):
    database = _duckdb(file)
    database.execute(TABLE)
    database.execute(f"COPY clicks FROM '{rows}' (HEADER, NULLSTR '')")
    database.execute(INDEX)
    database.close()


def _duckdb(file):
    import duckdb

    # One core, as the others have.
    return duckdb.connect(file, config={"threads": 1})


def _sqlite(file):
    database = sqlite3.connect(file)
    # All of it in memory, as DuckDB has it.
    database.execute("PRAGMA mmap_size = 8000000000")
    return database


def _timed(database, question, seconds):
    rows = database.execute(question).fetchall()
    milliseconds, began = [], time.monotonic()
    while not milliseconds or time.monotonic() - began < seconds:
        at = time.perf_counter()
        database.execute(question).fetchall()
        milliseconds.append(round((time.perf_counter() - at) * 1000, 4))
    return {"rows": rows, "ms": milliseconds}


def _version(name):
    if name == "sqlite":
        return sqlite3.sqlite_version
    import duckdb

    return duckdb.__version__


def main():
    what, name, *rest = sys.argv[1:]
    if what == "load":
        {"sqlite": _load_sqlite, "duckdb": _load_duckdb}[name](*rest)
    elif what == "version":
        print(_version(name))
    else:
        file, seconds = rest
        database = {"sqlite": _sqlite, "duckdb": _duckdb}[name](file)
        print(json.dumps([_timed(database, question, float(seconds)) for question in json.load(sys.stdin)]))


if __name__ == "__main__":
    main()
