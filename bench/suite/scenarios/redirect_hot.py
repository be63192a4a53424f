"""A redirect found in memory: at most 0.85 of what it costs nginx.

The same 10,000 links, the same requests of four browsers, slugs by chance, 64 kept connections in a closed loop. Mask
writes each click into its journal, from where no death of the process loses it; nginx writes a line with the same content
into a buffer, and loses up to 64 KB of those when it dies. nginx's line is the end of its work, while Mask then reads the
click, says what it was, counts it and records it in a database. So there are two figures: the redirect with its journalled
click, which does what nginx does, with the drain put off until after the round; and all of it, as it runs by default.
"""

import shutil
from itertools import islice

from .. import counts, data, load, servers
from ..bench import measured, until_drained

NAME = "redirect-hot"
LINKS = 10_000
CONNECTIONS = 64
PROMISE = 0.85


def run(bench):
    made = [{**link, "domain": servers.DOMAINS[0]} for link in islice(data.MadeUp(seed=5), LINKS)]
    values = load.values("hot", (f"{link['domain']}\t{link['slug']}" for link in made))
    folder = data.fresh("hot")
    with servers.Mask(folder).wait_until_ready() as server:
        data.create(server, made)
        server.stop()
    seconds = bench.seconds(8)
    ask = lambda server: load.ask(server, load.clicks(), values, connections=CONNECTIONS, seconds=seconds)
    round_of = lambda server: measured(server, lambda: ask(server))[1]
    warm = lambda server: load.ask(server, load.clicks(), values, connections=CONNECTIONS, pick="each")

    with (
        servers.Mask(folder) as mask,
        servers.nginx([(link["slug"], link["url"]) for link in made]) as nginx,
        servers.floor() as floor,
    ):
        for server in (mask, nginx, floor):
            server.wait_until_ready()
            warm(server)
            bench.command(server, f"{CONNECTIONS} connections, {LINKS} slugs by chance, {seconds} s a round")
        mask.wait_until_drained()

        def journal_only():
            copy = data.copy(folder, "hot-copy")
            # The drain looks for the first time when its interval has passed; the round is over by then.
            with servers.Mask(copy, "mask-journal", clicks__drain_interval_ms=60_000).wait_until_ready() as server:
                warm(server)
                numbers = round_of(server)
                pending = server.meters()["mask_journal_pending_bytes"]
                if pending < numbers["requests"] * 50:
                    raise RuntimeError(f"only {pending} bytes are in the journal: clicks were drained during the round")
            shutil.rmtree(copy)
            return numbers

        seen = bench.rounds(bench.count(7, 1), {
            "mask-journal": journal_only,
            "nginx": lambda: round_of(nginx),
            "mask": lambda: until_drained(mask, lambda: round_of(mask)),
            "floor": lambda: round_of(floor),
        })
        figures(bench, seen)
        counted = lambda server, requests: load.ask(server, load.clicks(), values, connections=CONNECTIONS, requests=requests)
        counts.system_calls(bench, [nginx, floor], counted)

    copy = data.copy(folder, "hot-copy")
    with servers.Mask(copy, "mask-journal", clicks__drain_interval_ms=60_000).wait_until_ready() as server:
        warm(server)
        counts.system_calls(bench, [server], counted)
    few = load.values("few", values.read_text().split("\n")[:100])
    ask_few = lambda server, requests: load.ask(server, load.clicks(), few, connections=8, requests=requests)
    counts.instructions_and_allocations(bench, data.copy(folder, "hot-copy"), ask_few)


def figures(bench, seen):
    column = lambda name, what="cpu_us": [round_[what] for round_ in seen[name]]
    # Each round beside the peer's of the same turn: what the machine did then, it did to both.
    ratios = lambda name: [mine / peers for mine, peers in zip(column(name), column("nginx"))]
    floor = sorted(column("floor"))[len(column("floor")) // 2]
    bench.figure("redirect from memory, click journalled, CPU against nginx", ratios("mask-journal"), "× nginx", ("at most", PROMISE),
                 floor=(floor / sorted(column("nginx"))[len(column("nginx")) // 2], "socket loop"))
    bench.figure("redirect from memory, click journalled, CPU", column("mask-journal"), "µs", floor=(floor, "socket loop"))
    bench.figure("the same and clicks drained into the database meanwhile, CPU", column("mask"), "µs", floor=(floor, "socket loop"),
                 note="While the core is saturated the drain falls behind; what it had left to do after the round is in the next figure only.")
    bench.figure("the same until the last click is in the database, CPU", column("mask", "cpu_us_until_drained"), "µs", floor=(floor, "socket loop"))
    bench.figure("nginx, CPU", column("nginx"), "µs", floor=(floor, "socket loop"))
    for name in ("mask-journal", "mask", "nginx", "floor"):
        bench.figure(f"redirects from memory on one core, {name}", column(name, "per_s"), "/s")
