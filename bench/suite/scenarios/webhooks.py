"""Webhooks: how fast what happened is told, and whom it holds up when nobody listens.

The backlogs are written into the outbox while no server runs, so that nothing but delivering is measured: claiming,
signing, sending, and writing down what was answered, each on the disk before the next one counts as delivered. The time
ends when the database says that nothing waits any more. A thousand endpoints are a thousand addresses of this machine at
one port, each with connections of its own.

What a receiver and its connections cost the kernel every sender pays, so the floor is a socket loop that posts a body of
the same length to the same receiver and waits for each answer.
"""

import json
import os
import resource
import shutil
import time
from itertools import islice

from .. import data, load, outbox, servers
from ..bench import measured
from ..machine import SERVER_CORE

NAME = "webhooks"
ONE_PER_S, MANY_PER_S = 5_000, 2_000
FIRST_ATTEMPT_MS = 100
SLOWER_AT_MOST = 1.5
CALM_S, CALM_IN_A_ROW = 0.01, 20
BACKLOG, DUE = 100_000, 1_000_000
ENDPOINTS = 1_000
CHANGES_PER_S = 500


def run(bench):
    bench.note("There is no peer: the open-source server of Svix is in none of the registries that this suite may install from.")
    backlogs(bench)
    changes(bench)
    shutil.rmtree(data.WORK / "webhooks", ignore_errors=True)


def backlogs(bench):
    count, endpoints = bench.count(BACKLOG, 5_000), bench.count(ENDPOINTS, 50)
    hosts = [f"127.1.{place // 250}.{place % 250 + 1}" for place in range(endpoints)]
    with servers.Receiver(["127.0.0.1", *hosts]) as receiver, servers.Receiver(core=SERVER_CORE) as floor:
        receiver.wait_until_ready()
        floor.wait_until_ready()
        one = filled("webhooks-one", receiver.urls[:1], count)
        many = filled("webhooks-many", receiver.urls[1:], count)
        body_bytes = len(data.rows(one, "SELECT body FROM events ORDER BY seq LIMIT 1")[0][0])
        state = []
        seen = bench.rounds(bench.count(5, 1), {
            "one endpoint": lambda: backlog(bench, one, receiver, count, state),
            f"{endpoints} endpoints": lambda: backlog(bench, many, receiver, count, state),
            "floor": lambda: posts(bench, floor, body_bytes),
        })
    column = lambda name, what: [round_[what] for round_ in seen[name]]
    middle = lambda what: sorted(column("floor", what))[len(seen["floor"]) // 2]
    for name, meaning, promise in (("one endpoint", "to one endpoint", ONE_PER_S), (f"{endpoints} endpoints", f"over {ENDPOINTS:,} endpoints", MANY_PER_S)):
        bench.figure(f"deliveries of a backlog {meaning}", column(name, "per_s"), "/s", ("at least", promise), floor=(middle("per_s"), "socket loop"))
        bench.figure(f"a delivery of a backlog {meaning}, CPU", column(name, "cpu_us"), "µs", floor=(middle("cpu_us"), "socket loop"))
    for folder in (one, many):
        shutil.rmtree(folder)


def filled(name, urls, count):
    folder = outbox.subscribed(name, urls, ["link.clicked"])
    outbox.fill(folder, count)
    return folder


def backlog(bench, made, receiver, count, state):
    """All that waits is delivered; from the first request to the note that the last one was answered."""
    own, receivers, before = own_cpu_s(), receiver.cpu_s(), receiver.seen()["requests"]
    folder = settled_copy(made)
    with servers.Mask(folder, **outbox.ALLOWED) as server:
        if not state:
            state.append(bench.command(server, f"{count} deliveries are due"))
        # It is the receiver that is asked how far things are: asking the server would be work for it.
        came = lambda: receiver.seen()["requests"] - before
        outbox.wait_until(lambda: came() > 0)
        began = time.monotonic()
        outbox.wait_until(lambda: came() >= count)
        outbox.wait_until_settled(folder)
        seconds = time.monotonic() - began
        threads = server.cpu_s_by_thread()
        cpu_s = server.cpu_s()
        server.stop()
    shutil.rmtree(folder)
    return {
        "deliveries": count,
        "requests": came(),
        "seconds": round(seconds, 3),
        "per_s": round(count / seconds, 1),
        "cpu_us": round(cpu_s / count * 1e6, 2),
        "receiver_busy": round((receiver.cpu_s() - receivers) / seconds, 3),
        "thread_cpu_us": {name: round(used / count * 1e6, 2) for name, used in sorted(threads.items()) if used / count > 1e-7},
        "measured_cpu_s": cpu_s + receiver.cpu_s() - receivers + own_cpu_s() - own,
    }


def posts(bench, floor, body_bytes):
    """The same by a socket loop; here the sender is what is measured."""
    path = load.values("posts", ["x" * body_bytes])
    before = floor.cpu_s()
    seen = load.ask(floor, load.api_posts("mk_live_none", "/hook"), path, connections=64, seconds=bench.seconds(8))
    return {
        "requests": seen["requests"],
        "per_s": round(seen["requests"] / seen["seconds"], 1),
        "cpu_us": round(seen["load_cpu_s"] / seen["requests"] * 1e6, 2),
        "measured_cpu_s": seen["load_cpu_s"] + floor.cpu_s() - before,
    }


def changes(bench):
    """Links are made while somebody listens to that, alone; beside one who would be told of other things and never
    answers; and with a million deliveries due to that one."""
    due = bench.count(DUE, 20_000)
    with servers.Receiver() as receiver, servers.Receiver(is_silent=True) as silent:
        receiver.wait_until_ready()
        silent.wait_until_ready()
        nobody = outbox.subscribed("webhooks-nobody", [], [])
        nothing = outbox.subscribed("webhooks-nothing", silent.urls, ["link.deleted"])
        million = outbox.subscribed("webhooks-million", silent.urls, ["link.deleted"])
        outbox.fill(million, due)
        links = islice(data.MadeUp(seed=6), 50_000)
        values = load.values("create", (json.dumps({name: link[name] for name in ("url", "domain", "title", "tags")}) for link in links))
        state = []
        seen = bench.rounds(bench.count(3, 1), {
            "nobody": lambda: making(bench, nobody, receiver, silent, values, state),
            "nothing due": lambda: making(bench, nothing, receiver, silent, values, state),
            f"{due} due": lambda: making(bench, million, receiver, silent, values, state),
        })
    column = lambda place, what: [round_[what] for round_ in list(seen.values())[place]]
    bench.figure(f"from a change to the first attempt at {CHANGES_PER_S}/s, p99", column(0, "first_attempt_p99_ms"), "ms", ("at most", FIRST_ATTEMPT_MS))
    bench.figure(f"the same with {DUE:,} deliveries due to an endpoint that never answers", column(2, "first_attempt_p99_ms"), "ms", ("at most", FIRST_ATTEMPT_MS))
    for place, meaning in enumerate(("nobody subscribed", "somebody subscribed to other events", f"{DUE:,} deliveries due to that one")):
        for share in ("p50", "p99"):
            bench.figure(f"making a link at {CHANGES_PER_S}/s, {meaning}, {share}", column(place, f"create_{share}_ms_at_rate"), "ms")
        bench.figure(f"links made by 32 clients, {meaning}", column(place, "per_s"), "/s")
        bench.figure(f"making a link, {meaning}, CPU", column(place, "cpu_us"), "µs")
    for share in ("p50", "p99"):
        times = [due / none for none, due in zip(column(1, f"create_{share}_ms_at_rate"), column(2, f"create_{share}_ms_at_rate"))]
        bench.figure(f"making a link at {CHANGES_PER_S}/s, {DUE:,} deliveries due against none, {share}", [round(one, 2) for one in times], "times", ("at most", SLOWER_AT_MOST))
    for folder in (nobody, nothing, million):
        shutil.rmtree(folder)


def making(bench, made, receiver, silent, values, state):
    own, receivers = own_cpu_s(), receiver.cpu_s() + silent.cpu_s()
    folder = settled_copy(made)
    with servers.Mask(folder, **outbox.ALLOWED).wait_until_ready() as server:
        if not state:
            state.append(bench.command(server, f"POST /links: 32 connections; then {CHANGES_PER_S}/s with a subscription to link.created"))
        post = load.api_posts(server.api_key(), "/links")
        load.ask(server, post, values, connections=32, requests=200)
        made_first, numbers = measured(server, lambda: load.ask(server, post, values, connections=32, seconds=bench.seconds(8)))
        webhook = outbox.subscribe(server, receiver.urls[0], ["link.created"])
        seen = load.ask(server, post, values, connections=16, rate=CHANGES_PER_S, seconds=bench.seconds(20))
        outbox.wait_until(lambda: outbox.delivered(server) >= seen["requests"])
        cpu_s = server.cpu_s() + made_first["load_cpu_s"] + seen["load_cpu_s"]
        server.stop()
    waits = first_attempts(folder, webhook["id"])
    if len(waits) != seen["requests"]:
        raise RuntimeError(f"{len(waits)} first attempts are on record of {seen['requests']}")
    shutil.rmtree(folder)
    at = lambda share: waits[min(int(len(waits) * share), len(waits) - 1)]
    return {
        **numbers,
        "first_attempts": len(waits),
        **{f"first_attempt_{name}_ms": at(share) for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999), ("max", 1))},
        **{f"create_{share}_ms_at_rate": round(seen[f"{share}_us"] / 1000, 2) for share in ("p50", "p99", "p999", "max")},
        "measured_cpu_s": cpu_s + receiver.cpu_s() + silent.cpu_s() - receivers + own_cpu_s() - own,
    }


def settled_copy(made):
    """A copy that is on the disk, and a disk that is done with it: its writing must not be what the server waits for."""
    folder = data.copy(made, "webhooks")
    os.sync()
    wait_until_calm(folder)
    return folder


def wait_until_calm(folder, seconds=60):
    """Until the disk takes small writes at once again, many in a row. A host goes on with hundreds of MB after the machine on it
    was told that they are written, and then each commit waits."""
    place, in_a_row, until = folder / "calm", 0, time.monotonic() + seconds
    with open(place, "wb", buffering=0) as file:
        while in_a_row < CALM_IN_A_ROW and time.monotonic() < until:
            began = time.monotonic()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            in_a_row = in_a_row + 1 if time.monotonic() - began < CALM_S else 0
            time.sleep(0.05)
    place.unlink()


def first_attempts(folder, webhook):
    """Milliseconds from each change to the first attempt to tell of it, in order."""
    sql = """SELECT attempts.at - deliveries.created_at FROM deliveries JOIN attempts ON attempts.delivery = deliveries.seq AND attempts.number = 1
             WHERE deliveries.webhook = (SELECT number FROM webhooks WHERE id = ?) ORDER BY 1"""
    return [wait for (wait,) in data.rows(folder, sql, webhook)]


def own_cpu_s():
    """The processor time of this process, which copies folders and asks how far things are."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
