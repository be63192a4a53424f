"""Statistics at ten million clicks: ninety days on ten thousand links.

Any grouping with any filter, for one link over all the days and for the workspace over the last thirty; one client, eight
clients, and eight clients while clicks come in. A promise about "any" question is held against the slowest one: the median
of each question's answers is taken, and the largest of these medians counts. Beside it, in turn, the same questions are
asked as plain SQL of SQLite and DuckDB over the same rows in one table. Every answer to a question that the rows can be
asked must be the same as DuckDB's, or there are no figures at all.

Then what a click costs on its way in: the whole drain, from a journal that a killed process left behind to the last step
of ordering; the drain beside redirects at 10,000 a second; and the store's part of it alone.
"""

import json
import random
import resource
import shutil
import statistics
import threading
import time

from .. import clicks, data, http, load, peers, servers
from ..bench import measured
from ..questions import GROUPS, Question

NAME = "analytics"
CLICKS, LINKS = 10_000_000, 10_000
LINK_MS, WORKSPACE_MS, CLIENTS_MS = 5, 50, 200
BYTES_A_CLICK = 80
CLICKS_A_SECOND = 250_000
COMING_IN = 10_000
DRAIN_SHARE = 0.3
# The first of the last thirty days.
THIRTY = "2026-10-02"
LINK, MIDDLING, WORKSPACE = "a link with many clicks", "a middling link", "the workspace"


def run(bench):
    made = clicks.recorded(bench.count(CLICKS, 200_000), bench.count(LINKS, 1_000))
    folder = data.copy(made / "data", "analytics")
    ids, tags = clicks.ids(folder), clicks.tags(folder)
    asked = Asked(ids, tags)
    with servers.Mask(folder).wait_until_ready() as mask, servers.floor().wait_until_ready() as floor:
        bench.command(mask, f"{len(asked.of_links)} questions about two links over {clicks.DAYS} days, {len(asked.of_workspace)} about the workspace over 30; each grouping with each filter")
        check(bench, mask, made, asked)
        answers(bench, mask, floor, asked)
        beside_peers(bench, mask, made, asked)
        while_clicks_come_in(bench, mask, folder, asked)
        mask.stop()
    disk(bench, made)
    shutil.rmtree(folder)
    drain(bench)


class Asked:
    """The questions."""

    def __init__(self, ids, tags):
        self.hot, self.middling = ids[0], ids[len(ids) // 2]
        self.tags, self.some_link = tags, ids[3]
        self.of_links = [*self.questions(LINK, clicks.FIRST_DAY, clicks.LAST_DAY, self.hot), *self.questions(MIDDLING, clicks.FIRST_DAY, clicks.LAST_DAY, self.middling)]
        self.of_workspace = list(self.questions(WORKSPACE, THIRTY, clicks.LAST_DAY))

    def questions(self, about, first, last, link=None):
        for filters in self.filters(link):
            for group in GROUPS:
                yield Question(about, first, last, group, filters, link)
        yield Question(about, first, last, "day", (("metrics", "clicks,visitors"),), link)
        yield Question(about, first, last, "day", (("interval", "1h"), ("limit", "1000")), link)
        yield Question(about, first, last, "day", (("timezone", "Asia/Kathmandu"),), link)
        yield Question(about, first, last, "hour", (("timezone", "America/New_York"),), link)

    def filters(self, link):
        """None, one common, one rare, several together, those of links, those of bots."""
        yield ()
        yield (("country", "US"),)
        yield (("city", "Bogota"),)
        yield (("referrer", "direct"),)
        yield (("source", "qr"),)
        yield (("device", "mobile"), ("browser", "Chrome"))
        yield (("country", "US"), ("device", "mobile"), ("os", "Android"), ("browser", "Chrome"), ("language", "en-US"))
        yield (("bots", "include"),)
        yield (("bots", "only"), ("referrer", "site-150.example"))
        yield (("bot", "crawler"),)
        yield (("tag", self.tags[0]),)
        yield (("domain", servers.DOMAINS[0]), ("utm_source", data.SOURCES[0]))
        if link is None:
            yield (("link", self.some_link),)

    def representative(self):
        """Those that the peers are asked as well."""
        of_link = lambda group, *filters, link=self.hot, about=LINK: Question(about, clicks.FIRST_DAY, clicks.LAST_DAY, group, filters, link)
        of_workspace = lambda group, *filters: Question(WORKSPACE, THIRTY, clicks.LAST_DAY, group, filters)
        return [
            of_link("country"),
            of_link("day", ("metrics", "clicks,visitors")),
            of_link("referrer", ("device", "mobile"), about=MIDDLING, link=self.middling),
            of_workspace("day"),
            of_workspace("browser", ("country", "DE")),
            of_workspace("link"),
        ]


def check(bench, mask, made, asked):
    """Every question that the rows can be asked, once, against DuckDB's count."""
    comparable = [question for question in asked.of_links + asked.of_workspace if question.sql()]
    counted = peers.ask("duckdb", made / "rows.duckdb", [question.sql() for question in comparable], 0)
    for question, found in zip(comparable, counted):
        compare(mask, question, found["rows"], "DuckDB")
    bench.note(f"{len(comparable)} of the {len(asked.of_links) + len(asked.of_workspace)} answers were compared with DuckDB's count over the rows, and are the same")


def compare(mask, question, rows, peer):
    key = {"Authorization": f"Bearer {mask.api_key()}", "Host": "localhost"}
    reply = http.get(mask.port, "/api/v1" + question.path(), key)
    if reply.status != 200:
        raise RuntimeError(f"{question.name()}: {reply.status} {reply.body[:300]}")
    ours, theirs = question.rows_of_reply(reply.json()), question.rows_of_sql(rows)
    if ours != theirs:
        at = next((place for place, (our, their) in enumerate(zip(ours, theirs)) if our != their), min(len(ours), len(theirs)))
        raise RuntimeError(f"{question.name()}: answered {ours[at : at + 3]} where {peer} counts {theirs[at : at + 3]}, row {at} of {len(ours)} and {len(theirs)}")


def answers(bench, mask, floor, asked):
    """One client and eight."""
    get = load.api_gets(mask.api_key())
    mixed = mix(asked.of_links, asked.of_workspace)
    one = lambda server, questions, repeats: asked_each(server, get, questions, repeats)
    eight = lambda: asked_at_random(mask, get, mixed, bench.seconds(20))
    seen = bench.rounds(bench.count(3, 1), {
        "links, 1 client": lambda: one(mask, asked.of_links, bench.count(15, 3)),
        "workspace, 1 client": lambda: one(mask, asked.of_workspace, 3),
        "mix, 8 clients": eight,
        "floor, 1 client": lambda: one(floor, asked.of_links, 3),
    })
    floor_ms = statistics.median(round_["p50_us"] for round_ in seen["floor, 1 client"]) / 1000
    of_questions(bench, f"one link, {clicks.DAYS} days", seen["links, 1 client"], LINK_MS, floor_ms)
    of_questions(bench, "the workspace, 30 days", seen["workspace, 1 client"], WORKSPACE_MS, floor_ms)
    column = lambda what, name="mix, 8 clients": [round_[what] / 1000 for round_ in seen[name]]
    bench.figure("statistics, 8 clients, p99 of the mix", column("p99_us"), "ms", ("at most", CLIENTS_MS))
    bench.figure("statistics, 8 clients, p50 of the mix", column("p50_us"), "ms", note="The mix: as many questions about one link as about the workspace, by chance. With 8 clients a core that is full makes each wait for seven others.")
    bench.figure("statistics, 8 clients, answers", [round_["per_s"] for round_ in seen["mix, 8 clients"]], "/s")


def of_questions(bench, about, rounds, promise_ms, floor_ms):
    floor = (floor_ms, "socket loop, p50")
    medians = [[one["p50_ms"] for one in round_["questions"]] for round_ in rounds]
    bench.figure(f"statistics of {about}, the slowest question, p50", [max(all_) for all_ in medians], "ms", ("at most", promise_ms), floor=floor)
    bench.figure(f"statistics of {about}, the middle question, p50", [statistics.median(all_) for all_ in medians], "ms", floor=floor)
    bench.figure(f"statistics of {about}, p99 of all", [round_["p99_us"] / 1000 for round_ in rounds], "ms", floor=floor)
    last = sorted(rounds[-1]["questions"], key=lambda one: -one["p50_ms"])
    slow = [one for one in last if one["p50_ms"] > promise_ms]
    bench.note(f"{about}: {len(slow)} of {len(last)} questions have a p50 above {promise_ms} ms in the last round")
    kinds = {}
    for one in last:
        kinds.setdefault(one["kind"], []).append(one["p50_ms"])
    table = [f"  - {kind} ({len(all_)} questions): {statistics.median(all_):.2f} / {max(all_):.2f}" for kind, all_ in sorted(kinds.items())]
    bench.note("\n".join([f"{about}, by what is looked at: p50 of the middle and of the slowest question in the last round, in ms:", *table]))
    listed = [f"  - `{one['question']}`: {one['p50_ms']:.2f} ms, slowest {one['max_ms']:.2f} ms" for one in last[:8]]
    bench.note("\n".join([f"{about}: the slowest questions of the last round:", *listed]))


def beside_peers(bench, mask, made, asked):
    """The same questions in turn of Mask, over HTTP, and of the peers, without any such way."""
    questions = asked.representative()
    get, queries = load.api_gets(mask.api_key()), [question.sql() for question in questions]

    def of_peer(name):
        before, began = children_cpu_s(), time.monotonic()
        found = peers.ask(name, made / f"rows.{name}", queries, bench.seconds(2))
        for question, one in zip(questions, found):
            compare(mask, question, one["rows"], name)
        each = [{"question": question.name(), "p50_ms": statistics.median(one["ms"]), "times": len(one["ms"])} for question, one in zip(questions, found)]
        return {"seconds": round(time.monotonic() - began, 1), "questions": each, "measured_cpu_s": children_cpu_s() - before}

    seen = bench.rounds(bench.count(3, 1), {
        "mask": lambda: asked_each(mask, get, questions, bench.count(50, 3)),
        **{name: lambda name=name: of_peer(name) for name in peers.NAMES},
    })
    for place, question in enumerate(questions):
        column = lambda name: [round_["questions"][place]["p50_ms"] for round_ in seen[name]]
        bench.figure(f"{question.name()}: Mask", column("mask"), "ms")
        for name in peers.NAMES:
            ratios = [theirs / ours for ours, theirs in zip(column("mask"), column(name))]
            bench.figure(f"{question.name()}: {name} against Mask", ratios, "×", note=f"{question.name()}: {name} takes {statistics.median(column(name)):.2f} ms for `{queries[place]}`")
    versions = {name: peers.version(name) for name in peers.NAMES}
    sizes = {name: (made / f"rows.{name}").stat().st_size / made_clicks(made) for name in peers.NAMES}
    for name in peers.NAMES:
        bench.note(f"{name} {versions[name]}, one thread on the server's core, one table with an index on link and moment, all of it in memory; {sizes[name]:.0f} bytes a click on disk. Mask's times are over HTTP, those of the peers within the process")


def while_clicks_come_in(bench, mask, folder, asked):
    """Questions of one client and of eight, up to now, while links are followed. The server believes no proxy here, so redirects
    take the short way that most installations have, and a visitor is one of the user agents."""
    get = load.api_gets(mask.api_key())
    until_now = lambda questions: [Question(one.about, one.first, None, one.group, one.filters, one.link) for one in questions]
    of_links, of_workspace = until_now(asked.of_links), until_now(asked.of_workspace)
    mixed = mix(of_links, of_workspace)
    visits = Visits(folder, "analytics-visits")

    def both(ask, seconds, is_within=False):
        with Following(mask, visits, COMING_IN, seconds) as following:
            numbers = ask()
            if is_within and not following.task.is_alive() and not bench.is_quick:
                raise RuntimeError("the questions took longer than clicks came in")
        numbers.update(redirects_per_s=round(following.seen["requests"] / following.seen["seconds"]), redirect_p99_us=following.seen["p99_us"], redirect_p50_us=following.seen["p50_us"])
        before = mask.cpu_s()
        mask.wait_until_drained()
        numbers["measured_cpu_s"] += following.seen["load_cpu_s"] + mask.cpu_s() - before
        return numbers

    one = lambda questions, repeats: lambda: both(lambda: asked_each(mask, get, questions, repeats), bench.seconds(30), is_within=True)
    eight = bench.seconds(20)
    seen = bench.rounds(bench.count(3, 1), {
        "links and clicks, 1 client": one(of_links, bench.count(10, 1)),
        "workspace and clicks, 1 client": one(of_workspace, bench.count(3, 1)),
        "mix and clicks, 8 clients": lambda: both(lambda: asked_at_random(mask, get, mixed, eight), eight),
    })
    for about, name, promise_ms in [("one link", "links", LINK_MS), ("the workspace", "workspace", WORKSPACE_MS)]:
        medians = [[one["p50_ms"] for one in round_["questions"]] for round_ in seen[f"{name} and clicks, 1 client"]]
        bench.figure(f"statistics of {about}, {COMING_IN:,} clicks/s coming in, the slowest question, p50", [max(all_) for all_ in medians], "ms", ("at most", promise_ms))
        bench.figure(f"statistics of {about}, {COMING_IN:,} clicks/s coming in, the middle question, p50", [statistics.median(all_) for all_ in medians], "ms")
    rounds = seen["mix and clicks, 8 clients"]
    column = lambda what: [round_[what] / 1000 for round_ in rounds]
    bench.figure(f"statistics, 8 clients, {COMING_IN:,} clicks/s coming in, p99 of the mix", column("p99_us"), "ms", ("at most", CLIENTS_MS),
                 note="Redirects, their drain and the answers share the server's one core, and both loads the other one.")
    bench.figure(f"statistics, 8 clients, {COMING_IN:,} clicks/s coming in, answers", [round_["per_s"] for round_ in rounds], "/s")
    bench.figure("redirects meanwhile, p99", column("redirect_p99_us"), "ms")
    bench.figure("redirects meanwhile, done", [round_["redirects_per_s"] for round_ in rounds], "/s")


class Visits:
    """Visits to links as a proxy in front would pass them on: many visitors, browsers of several versions."""

    SETTINGS = {"proxy__trusted": "127.0.0.0/8"}

    def __init__(self, folder, name):
        chance = random.Random(8)
        places = data.rows(folder, "SELECT domain, slug FROM links ORDER BY seq")
        # The square of an even chance: few links have most.
        few = lambda: places[int(chance.random() ** 2 * len(places))]
        address = lambda: f"11.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}"
        self.values = load.values(name, ("\t".join([*few(), address()]) for _ in range(200_000)))
        self.templates = load.many_clicks()

    def follow(self, server, **options):
        return load.ask(server, self.templates, self.values, connections=64, **options)


class Following:
    """Links that are followed at a rate while something else goes on."""

    def __init__(self, server, visits, rate, seconds):
        self.seen = {}
        self.task = threading.Thread(target=self._follow, args=(server, visits, rate, seconds))

    def _follow(self, server, visits, rate, seconds):
        try:
            self.seen = visits.follow(server, rate=rate, seconds=seconds)
        except RuntimeError as error:
            self.seen = {"error": error}

    def __enter__(self):
        self.task.start()
        return self

    def __exit__(self, failed, *_):
        self.task.join()
        if not failed and "error" in self.seen:
            raise self.seen["error"]


def disk(bench, made):
    bench.figure("a recorded click on disk", [clicks.bytes_on_disk(made / "data") / made_clicks(made)], "B", ("at most", BYTES_A_CLICK),
                 note="All of clicks.db, with the pages that are free in it.")


def made_clicks(made):
    return json.loads((made / "made.json").read_text())["clicks"]


def drain(bench):
    """What a click costs on its way in."""
    linked = clicks.linked("drain", bench.count(LINKS, 1_000))
    visits = Visits(linked, "drain-visits")
    backlog = bench.count(1_000_000, 50_000)
    seconds = bench.seconds(15)
    seen = bench.rounds(bench.count(3, 1), {
        "backlog": lambda: drained_backlog(linked, visits, backlog),
        "journal alone": lambda: followed(linked, visits, seconds, clicks__drain_interval_ms=60_000),
        "journal and drain": lambda: followed(linked, visits, seconds),
        "store alone": lambda: recorded_alone(linked, bench.count(1_000_000, 50_000)),
    })
    bench.figure("clicks drained by one core, from a journal left behind to ordered records", [1e6 / round_["cpu_us_per_click"] for round_ in seen["backlog"]], "/s", ("at least", CLICKS_A_SECOND),
                 note=f"Clicks for each second of processor time; {backlog:,} clicks on {LINKS:,} links, {len(visits.templates)} user agents, 200,000 visitors. Nothing else is asked of the process meanwhile.")
    bench.figure("a drained click, CPU", [round_["cpu_us_per_click"] for round_ in seen["backlog"]], "µs")
    bench.figure("a drained click, the records' part alone, CPU", [round_["cpu_us_per_click"] for round_ in seen["store alone"]], "µs",
                 note="The store's part: a batch is recorded, and put in order, without reading, enriching and the links' counters.")
    shares = [(drained["cpu_s"] - alone["cpu_s"]) / drained["seconds"] for drained, alone in zip(seen["journal and drain"], seen["journal alone"])]
    bench.figure(f"drain beside {COMING_IN:,} redirects/s, share of a core", shares, "cores", ("at most", DRAIN_SHARE),
                 note="The difference between a round that ends with the last click ordered and one whose clicks stay in the journal.")
    shutil.rmtree(linked)


def drained_backlog(linked, visits, backlog):
    """A process is killed with clicks in its journal; the next one takes them in."""
    copy = data.copy(linked, "drain-copy")
    with servers.Mask(copy, "mask-killed", **Visits.SETTINGS, clicks__drain_interval_ms=60_000).wait_until_ready() as server:
        visits.follow(server, requests=backlog)
        if server.meters().get("mask_clicks_drained_total", 0):
            raise RuntimeError("clicks were drained before the process was killed")
        server.kill()
    with servers.Mask(copy, **Visits.SETTINGS).wait_until_ready() as server:
        before, began = server.cpu_s(), time.monotonic()
        wait_until(server, lambda meters: meters.get("mask_clicks_drained_total", 0) >= backlog and meters.get("mask_journal_pending_bytes", 1) == 0)
        seconds = time.monotonic() - began
        wait_until_idle(server)
        cpu_s = server.cpu_s() - before
        key = {"Authorization": f"Bearer {server.api_key()}", "Host": "localhost"}
        total = http.get(server.port, "/api/v1/analytics/clicks?bots=include", key).json()["total"]
        if total != backlog:
            raise RuntimeError(f"{total} clicks are counted of {backlog}")
        server.stop()
    shutil.rmtree(copy)
    return {"clicks": backlog, "seconds": round(seconds, 2), "cpu_us_per_click": round(cpu_s / backlog * 1e6, 3), "measured_cpu_s": cpu_s}


def followed(linked, visits, seconds, **settings):
    """Links are followed at a rate; the processor time until nothing is left to do."""
    copy = data.copy(linked, "drain-copy")
    with servers.Mask(copy, **Visits.SETTINGS, **settings).wait_until_ready() as server:
        visits.follow(server, requests=20_000)
        if not settings:
            server.wait_until_drained()
            wait_until_idle(server)
        numbers = measured(server, lambda: visits.follow(server, rate=COMING_IN, seconds=seconds))[1]
        later = server.cpu_s()
        if not settings:
            server.wait_until_drained()
            wait_until_idle(server)
        later = server.cpu_s() - later
        numbers["seconds"] = seconds
        numbers["cpu_s"] = round(numbers["cpu_us"] * numbers["requests"] / 1e6 + later, 3)
        numbers["measured_cpu_s"] += later
    shutil.rmtree(copy)
    return numbers


def recorded_alone(linked, count):
    folder = data.copy(linked, "drain-copy")
    before = children_cpu_s()
    numbers = clicks.record(folder, clicks.ids(folder), count, 9)
    shutil.rmtree(folder)
    return {**numbers, "measured_cpu_s": children_cpu_s() - before}


def wait_until(server, is_so, seconds=300):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if is_so(server.meters()):
                return
        except ConnectionRefusedError:
            if server.process.poll() is not None:
                raise
        time.sleep(0.05)
    raise RuntimeError(f"{server.name} does not get there: {server.log.read_text()[-1000:]}")


def wait_until_idle(server):
    """Until nothing is being put in order any more: two rounds of the drain pass with next to nothing done."""
    while True:
        before = server.cpu_s()
        time.sleep(1.2)
        if server.cpu_s() - before < 0.05:
            return


def mix(*parts):
    """Each part equally often, whatever its length."""
    most = max(len(part) for part in parts)
    chance = random.Random(9)
    return [question for part in parts for question in [*part, *chance.choices(part, k=most - len(part))]]


def asked_each(server, get, questions, repeats):
    """Each question the same number of times, in an order by chance, by one client."""
    order = [place for place in range(len(questions)) for _ in range(repeats)]
    random.Random(10).shuffle(order)
    values = load.values("analytics", (questions[place].path() for place in order))
    seen, numbers = measured(server, lambda: load.ask(server, get, values, pick="each", by_value="yes"))
    milliseconds = [[] for _ in questions]
    for one in seen["by_value"]:
        milliseconds[order[one["value"]]].append(one["p50_us"] / 1000)
    numbers["questions"] = [
        {"question": question.name(), "kind": question.kind(), "p50_ms": round(statistics.median(all_), 4), "max_ms": round(max(all_), 4), "times": len(all_)}
        for question, all_ in zip(questions, milliseconds)
    ]
    return numbers


def asked_at_random(server, get, questions, seconds):
    values = load.values("analytics-mix", (question.path() for question in questions))
    return measured(server, lambda: load.ask(server, get, values, connections=8, seconds=seconds))[1]


def children_cpu_s():
    """The processor time of processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
