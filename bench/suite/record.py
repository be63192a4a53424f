"""What a run leaves behind: raw numbers, a page about them, and the newest figures beside the promises.

A run is a folder `runs/<date>-<machine>`; each scenario has a file of JSON lines in it: the conditions, the commands, every
round, and the figures. Measuring a scenario again on the same day replaces its file; both pages are written anew from the
raw numbers alone, so they cannot say anything else.
"""

import json
import os
import platform
import time

from .places import BENCH, CLICKS, DUCKDB_PYTHON, LOAD, MASK, PICTURES, REPOSITORY, RUNS, WORK

BEGIN, END = "<!-- figures: written by bench/run.sh -->", "<!-- end of figures -->"


class Run:
    """The file of one scenario. It is written aside, and takes the old one's place when the scenario has ended well."""

    def __init__(self, scenario, is_quick):
        name = f"{time.strftime('%Y-%m-%d')}-{platform.node()}"
        folder = WORK / "quick" if is_quick else RUNS / name
        folder.mkdir(parents=True, exist_ok=True)
        WORK.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{scenario}.jsonl"
        self.unfinished = WORK / f"{scenario}.unfinished.jsonl"
        self.file = open(self.unfinished, "w")

    def add(self, line):
        self.file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.file.flush()

    def close(self, is_whole):
        self.file.close()
        if is_whole:
            self.path.write_bytes(self.unfinished.read_bytes())
            self.unfinished.unlink()


def without_places(text):
    """The text without what is only true of this checkout."""
    for place, name in ((str(MASK), "mask"), (str(LOAD), "mask-load"), (str(CLICKS), "mask-clicks"), (str(PICTURES), "mask-pictures"), (str(DUCKDB_PYTHON), "python3"), (str(WORK), "bench/work"), (str(REPOSITORY), "."), ("/usr/sbin/nginx", "nginx")):
        text = text.replace(place, name)
    return text.replace(os.path.expanduser("~"), "~")


def write_pages():
    """The page of each run, and the table in bench/README.md."""
    for folder in sorted(RUNS.iterdir()):
        scenarios = _scenarios(folder)
        if scenarios:
            (folder / "README.md").write_text(_page(folder.name, scenarios))
    page = BENCH / "README.md"
    before, rest = page.read_text().split(BEGIN)
    after = rest.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n\n{_newest_figures()}\n{END}{after}")


def _scenarios(folder):
    read = lambda path: [json.loads(line) for line in path.read_text().splitlines()]
    return {path.stem: read(path) for path in sorted(folder.glob("*.jsonl"))}


def _of(lines, kind):
    return [line for line in lines if line["kind"] == kind]


def _page(name, scenarios):
    date, _, machine = name[:10], name[10], name[11:]
    first = next(iter(scenarios.values()))[0]
    text = [f"# {date}, {machine}", ""]
    text += [f"{first['processor']}, {first['memory_mb']:,} MB, {first['disk']}; {first['system']}, Linux {first['kernel']}; "
             f"nginx {first['nginx']}, {first['rustc']}.", ""]
    text += ["Written from the raw numbers beside it: every round is in the `.jsonl` files. The server has one core and the load the other. "
             "`cpu_us` is the server's processor time for each request, all its threads and processes; latencies are in microseconds. "
             "`others` are the cores that were busy with something else during a round: rounds with more than 0.1 were repeated, and those that "
             "stayed disturbed are marked ✱.", ""]
    for scenario, lines in scenarios.items():
        text += _scenario(scenario, lines)
    return "\n".join(text)


def _scenario(scenario, lines):
    conditions = lines[0]
    text = [f"## {scenario}", "", f"Commit `{conditions['commit']}`, program `{conditions['binary_sha256']}`, begun {conditions['began']}. "
            f"`bench/run.sh {scenario}`", ""]
    text += ["| figure | median | range | rounds | promise | |", "| --- | --- | --- | --- | --- | --- |"]
    for figure in _of(lines, "figure"):
        text.append(f"| {figure['name']} | {_number(figure['median'])} {figure['unit']} | {_range(figure)} | {figure['rounds']} | {figure.get('promise', '')} | {_verdict(figure)} |")
    notes = [figure["note"] for figure in _of(lines, "figure") if figure.get("note")]
    notes += [note["text"] for note in _of(lines, "note")]
    text += ["", *[f"- {note}" for note in notes], ""]
    text += _rounds(_of(lines, "round"))
    for command in _of(lines, "command"):
        text += [f"- {command['server']}: `{command['command']}` · {command['load']}"]
    return [*text, ""]


def _rounds(rounds):
    """A table of the rounds; what is not a plain number is left to the raw file."""
    if not rounds:
        return []
    columns = []
    for line in rounds:
        columns += [name for name, value in line.items() if isinstance(value, (int, float)) and not isinstance(value, bool) and name not in columns]
    shown = {"others_cores": "others", "load_average_before": "load avg"}
    text = ["| round | " + " | ".join(shown.get(name, name) for name in columns) + " |", "| --- " * (len(columns) + 1) + "|"]
    for line in rounds:
        mark = " ✱" if line["disturbed"] else ""
        mark += "" if line["counts"] else " (repeated)"
        text.append(f"| {line['contender']}{mark} | " + " | ".join(_number(line.get(name)) for name in columns) + " |")
    return [*text, ""]


def _newest_figures():
    newest = {}
    for folder in sorted(RUNS.iterdir()):
        for scenario, lines in _scenarios(folder).items():
            newest[scenario] = (folder.name, lines)
    text = ["| figure | promise | newest | | floor | times the floor | run |", "| --- | --- | --- | --- | --- | --- | --- |"]
    for scenario, (run, lines) in newest.items():
        for figure in _of(lines, "figure"):
            floor, times = "", ""
            if figure.get("floor"):
                floor = f"{_number(figure['floor'])} {figure['unit']}: {figure['floor_is']}"
                times = f"{figure['median'] / figure['floor']:.2f}"
            text.append(f"| {figure['name']} | {figure.get('promise', '')} | {_number(figure['median'])} {figure['unit']} ({_range(figure)}) "
                        f"| {_verdict(figure)} | {floor} | {times} | [{run}](runs/{run}/README.md#{scenario}) |")
    return "\n".join(text) + "\n"


def _range(figure):
    return f"{_number(figure['least'])} to {_number(figure['most'])}"


def _verdict(figure):
    return {True: "kept", False: "**missed**", None: ""}[figure.get("holds")]


def _number(value):
    if value is None:
        return ""
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"
