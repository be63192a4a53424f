"""A redirect that misses the memory: p99 at most 2 ms at 5,000 a second.

A million links in SQLite, each asked for once, in an order by chance, in an open loop: a latency counts from the moment
when the request was due. The clicks are drained into the same database meanwhile.
"""

from .. import data, load, servers
from ..bench import measured, until_drained

NAME = "redirect-cold"
RATE = 5_000
CONNECTIONS = 64
PROMISE_US = 2_000


def run(bench):
    made = data.million(bench.count(data.MILLION, 20_000))
    addresses = data.addresses(made)
    rounds = bench.count(10, 2)
    share = len(addresses) // rounds
    with servers.Mask(data.copy(made, "cold")).wait_until_ready() as mask, servers.floor() as floor:
        floor.wait_until_ready()
        for server in (mask, floor):
            bench.command(server, f"{RATE}/s, open loop, {CONNECTIONS} connections, {share} links a round, each asked for once in all rounds together")
        state = {"round": 0}

        def cold():
            # A round that is repeated takes other links, as these have been seen. When all were asked for it begins again: of
            # the first ones none is left in memory by then, which holds a fifth of them.
            at = state["round"] % rounds * share
            state["round"] += 1
            return open_round(mask, load.values("cold", addresses[at : at + share]))

        seen = bench.rounds(rounds, {"mask": lambda: until_drained(mask, cold), "floor": lambda: open_round(floor, load.values("cold", addresses[: share // 5]))})
        column = lambda name, what: [round_[what] for round_ in seen[name]]
        middle = lambda what: sorted(column("floor", what))[rounds // 2]
        bench.figure("redirect missing the memory at 5,000/s, p99", [us / 1000 for us in column("mask", "p99_us")], "ms", ("at most", PROMISE_US / 1000), floor=(middle("p99_us") / 1000, "socket loop"))
        bench.figure("redirect missing the memory at 5,000/s, p50", [us / 1000 for us in column("mask", "p50_us")], "ms", floor=(middle("p50_us") / 1000, "socket loop"))
        bench.figure("redirect missing the memory at 5,000/s, slowest", [us / 1000 for us in column("mask", "max_us")], "ms", floor=(middle("max_us") / 1000, "socket loop"))
        bench.figure("redirect missing the memory, CPU with the drain of its click", column("mask", "cpu_us_until_drained"), "µs", floor=(middle("cpu_us"), "socket loop"))


def open_round(server, values):
    ask = lambda: load.ask(server, load.clicks(), values, connections=CONNECTIONS, rate=RATE, pick="each")
    return measured(server, ask)[1]
