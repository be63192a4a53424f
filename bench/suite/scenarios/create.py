"""Making links one at a time: at least 3,000 a second by 32 clients, each on the disk before it is answered."""

import json
import shutil
from itertools import islice

from .. import data, load, servers
from ..bench import measured

NAME = "create"
CONNECTIONS = 32
PROMISE_PER_S = 3_000


def run(bench):
    made = data.million(bench.count(data.MILLION, 20_000))
    seconds = bench.seconds(8)
    links = islice(data.MadeUp(seed=6), 50_000)
    # Without slug and external id, so that each body can be sent again: the server chooses another slug.
    values = load.values("create", (json.dumps({name: link[name] for name in ("url", "domain", "title", "tags")}) for link in links))

    def round_of(server, post):
        return measured(server, lambda: load.ask(server, post, values, connections=CONNECTIONS, seconds=seconds))[1]

    def measure(folder):
        with servers.Mask(folder).wait_until_ready() as server:
            post = load.api_posts(server.api_key(), "/links")
            load.ask(server, post, values, connections=CONNECTIONS, requests=200)
            numbers = round_of(server, post)
            if not state:
                bench.command(server, f"POST /links, {CONNECTIONS} connections, {seconds} s a round")
                state.append(True)
            server.stop()
        shutil.rmtree(folder)
        return numbers

    state = []
    with servers.floor().wait_until_ready() as floor:
        post = load.api_posts("mk_live_none", "/links")
        seen = bench.rounds(bench.count(5, 1), {
            "mask, no links before": lambda: measure(data.fresh("create")),
            "mask, a million before": lambda: measure(data.copy(made, "create")),
            "floor": lambda: round_of(floor, post),
        })
    column = lambda name, what: [round_[what] for round_ in seen[name]]
    middle = lambda what: sorted(column("floor", what))[len(seen["floor"]) // 2]
    for name, meaning in (("mask, no links before", "a new installation"), ("mask, a million before", "1,000,000 links there")):
        bench.figure(f"links made by 32 clients, {meaning}", column(name, "per_s"), "/s", ("at least", PROMISE_PER_S), floor=(middle("per_s"), "socket loop"))
        bench.figure(f"making a link, {meaning}, CPU", column(name, "cpu_us"), "µs", floor=(middle("cpu_us"), "socket loop"))
        bench.figure(f"making a link, {meaning}, p99", [us / 1000 for us in column(name, "p99_us")], "ms")
