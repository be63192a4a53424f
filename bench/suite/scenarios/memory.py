"""Memory: at most 40 MB at rest, at most 300 bytes for each link held, and no more than the setting allows.

What a link takes is the growth of the program's own memory (`RssAnon`: without mapped files, such as the journal) from the
moment when 20,000 links were asked for, when buffers and the database's caches have their size, to that of 200,000. The
drain is put off meanwhile, as its batches come and go. What all of it takes together, drain included, is in the figures of
the bounded memory.
"""

import shutil
import time

from .. import data, load, servers

NAME = "memory"
AT_REST_MB = 40
LINK_BYTES = 300
FIRST, ALL = 20_000, 200_000


def run(bench):
    made = data.million(bench.count(data.MILLION, 40_000))
    addresses = data.addresses(made)
    rounds = bench.count(3, 1)
    with servers.floor().wait_until_ready() as floor:
        floor_mb = floor.memory_kb()["VmRSS"] / 1024
    seen = bench.rounds(rounds, {
        "at rest, empty": lambda: at_rest(bench, data.fresh("memory")),
        "at rest, a million links": lambda: at_rest(bench, data.copy(made, "memory")),
        "held": lambda: held(bench, made, addresses),
    })
    bounded = bench.round("16 MB for all links", lambda: bounds(bench, made, addresses))
    resting = lambda name: [round_["VmRSS_mb"] for round_ in seen[name]]
    floor_is = (floor_mb, "socket loop")
    bench.figure("memory at rest, no links", resting("at rest, empty"), "MB", ("at most", AT_REST_MB), floor=floor_is)
    bench.figure("memory at rest, 1,000,000 links in the database", resting("at rest, a million links"), "MB", ("at most", AT_REST_MB), floor=floor_is)
    bench.figure("memory for a link held", [round_["bytes_per_link"] for round_ in seen["held"]], "B", ("at most", LINK_BYTES))
    bench.figure("the same with all growth since the start, buffers and database caches too", [round_["bytes_per_link_from_rest"] for round_ in seen["held"]], "B")
    bench.figure("most memory while all links were asked for, links.memory_mb = 16", [bounded["VmHWM_mb"]], "MB", floor=floor_is)
    bench.figure("memory after the first tenth of them", [bounded["VmRSS_mb_by_tenth"][0]], "MB")
    bench.figure("memory after all of them", [bounded["VmRSS_mb_by_tenth"][-1]], "MB")
    shutil.rmtree(data.WORK / "memory")


def at_rest(bench, folder):
    with servers.Mask(folder).wait_until_ready() as server:
        time.sleep(bench.seconds(3))
        return {**memory(server), "measured_cpu_s": server.cpu_s()}


def held(bench, made, addresses):
    with servers.Mask(data.copy(made, "memory"), links__memory_mb=256, clicks__drain_interval_ms=60_000).wait_until_ready() as server:
        time.sleep(bench.seconds(3))
        rest, count = memory(server), bench.count(ALL, FIRST + 1000)
        first = touched(server, addresses[:FIRST])
        last = touched(server, addresses[FIRST:count])
        growth = lambda since: (last["RssAnon_mb"] - since["RssAnon_mb"]) * (1 << 20)
        meters = server.meters()
        return {
            "links": meters["mask_links_in_memory"],
            "bytes_per_link": round(growth(first) / (count - FIRST), 1),
            "bytes_per_link_from_rest": round(growth(rest) / count, 1),
            "bytes_per_link_by_its_own_count": round(meters["mask_links_in_memory_bytes"] / max(meters["mask_links_in_memory"], 1), 1),
            **last,
            "measured_cpu_s": server.cpu_s() + first["load_cpu_s"] + last["load_cpu_s"],
        }


def bounds(bench, made, addresses):
    with servers.Mask(data.copy(made, "memory"), links__memory_mb=16).wait_until_ready() as server:
        bench.command(server, "every link asked for once, 64 connections, closed loop")
        tenth = len(addresses) // 10
        seen = [drained(server, touched(server, addresses[at : at + tenth])) for at in range(0, len(addresses), tenth)]
        meters = server.meters()
        return {
            "VmRSS_mb_by_tenth": [step["VmRSS_mb"] for step in seen],
            **seen[-1],
            "links": meters["mask_links_in_memory"],
            "counted_mb": round(meters["mask_links_in_memory_bytes"] / (1 << 20), 1),
            "measured_cpu_s": server.cpu_s() + sum(step["load_cpu_s"] for step in seen),
        }


def touched(server, addresses):
    """The memory after these links were asked for."""
    seen = load.ask(server, load.clicks(), load.values("touched", addresses), connections=64, pick="each")
    return {**memory(server), "load_cpu_s": seen["load_cpu_s"]}


def drained(server, before):
    """The memory when the clicks are in the database."""
    server.wait_until_drained()
    return {**before, **memory(server)}


def memory(server):
    return {f"{name}_mb": round(kb / 1024, 2) for name, kb in server.memory_kb().items()}
