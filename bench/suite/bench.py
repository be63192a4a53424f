"""A scenario under way: its rounds, what disturbed them, and the figures that come out."""

import statistics
import time

from . import machine, record

# Cores that others may have for themselves before a round counts as disturbed.
DISTURBED_CORES = 0.1


class Bench:
    """Where a scenario records what it sees."""

    def __init__(self, scenario, is_quick=False, repeats=2):
        self.scenario = scenario
        self.is_quick = is_quick
        self.repeats = 0 if is_quick else repeats
        self.run = record.Run(scenario, is_quick)

    def __enter__(self):
        self.run.add({"kind": "conditions", "scenario": self.scenario, "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **machine.description()})
        return self

    def __exit__(self, failed, *_):
        self.run.close(is_whole=failed is None)

    def seconds(self, usual):
        """How long a round is."""
        return min(usual, 1) if self.is_quick else usual

    def count(self, usual, quick):
        """How many there are of something."""
        return quick if self.is_quick else usual

    def command(self, server, what):
        """Keeps how a server was started and what was asked of it."""
        settings = " ".join(f"{name}={value}" for name, value in getattr(server, "settings", {}).items())
        line = f"{settings} {' '.join(server.command)}".strip()
        self.run.add({"kind": "command", "server": server.name, "command": record.without_places(line), "load": what})

    def note(self, text):
        """Keeps a sentence for the reader of the run."""
        self.run.add({"kind": "note", "text": text})
        print(f"   {text}", flush=True)

    def round(self, contender, measure):
        """One round: `measure` answers its numbers, among them `measured_cpu_s`, the time that server and load took.
        Repeated when others were busy meanwhile; all tries are kept, the last one counts."""
        for attempt in range(self.repeats + 1):
            watch = machine.Watch()
            numbers = measure()
            numbers.update(watch.end(numbers.pop("measured_cpu_s")))
            is_disturbed = numbers["others_cores"] > DISTURBED_CORES
            is_last = not is_disturbed or attempt == self.repeats
            self.run.add({"kind": "round", "contender": contender, "counts": is_last, "disturbed": is_disturbed, **numbers})
            shown = {name: value for name, value in numbers.items() if not isinstance(value, (dict, list))}
            print(f"   {contender}: {shown}", flush=True)
            if is_last:
                return numbers

    def rounds(self, how_many, contenders):
        """Rounds of several contenders in turn, A B A B …: whatever the machine does, it does to all of them. Answers
        the numbers of each by its name."""
        seen = {name: [] for name in contenders}
        for _ in range(how_many):
            for name, measure in contenders.items():
                seen[name].append(self.round(name, measure))
        return seen

    def figure(self, name, values, unit, promise=None, floor=None, note=""):
        """What comes out: the median of the values and their range; the promise, as (at most / at least, bound); the
        floor, as (value, what it is)."""
        values = [value for value in values if value is not None]
        median = statistics.median(values)
        figure = {"kind": "figure", "name": name, "unit": unit, "median": median, "least": min(values), "most": max(values), "rounds": len(values)}
        if promise:
            direction, bound = promise
            holds = median <= bound if direction == "at most" else median >= bound
            figure.update(promise=f"{direction} {bound:,}", holds=holds)
        if floor:
            figure.update(floor=floor[0], floor_is=floor[1])
        if note:
            figure.update(note=note)
        self.run.add(figure)
        print(f"   => {name}: {median:.4g} {unit} [{min(values):.4g}..{max(values):.4g}] {figure.get('promise', '')} {figure.get('holds', '')}", flush=True)


def measured(server, ask):
    """What a load costs the server: `ask` sends it and answers what was seen of it."""
    threads_before, cpu_before = server.cpu_s_by_thread(), server.cpu_s()
    seen = ask()
    cpu_s = server.cpu_s() - cpu_before
    threads = {name: used - threads_before.get(name, 0) for name, used in server.cpu_s_by_thread().items()}
    count = seen["requests"]
    return seen, {
        "requests": count,
        "per_s": round(count / seen["seconds"], 1),
        "cpu_us": round(cpu_s / count * 1e6, 3),
        "server_busy": round(cpu_s / seen["seconds"], 3),
        "load_busy": round(seen["load_cpu_s"] / seen["seconds"], 3),
        **{name: seen[name] for name in ("p50_us", "p90_us", "p99_us", "p999_us", "max_us")},
        "thread_cpu_us": {name: round(used / count * 1e6, 3) for name, used in sorted(threads.items()) if used / count > 1e-8},
        "measured_cpu_s": cpu_s + seen["load_cpu_s"],
    }


def until_drained(server, measure):
    """A round, and what it costs until its clicks are in the database."""
    before = server.cpu_s()
    numbers = measure()
    server.wait_until_drained()
    whole = server.cpu_s() - before
    later = whole - numbers["cpu_us"] * numbers["requests"] / 1e6
    numbers["cpu_us_until_drained"] = round(whole / numbers["requests"] * 1e6, 3)
    numbers["measured_cpu_s"] += later
    return numbers
