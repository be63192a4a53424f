"""From the start of the program to its first redirect, with a million links: at most 300 ms.

The clock runs from before the process is made until the answer has come. Once after an orderly end, and once after the
process was killed in the midst of clicks, so that the journal and SQLite's log have to be recovered.
"""

import shutil
import socket
import subprocess
import time

from .. import data, load, servers
from ..machine import SERVER_CORE
from ..places import MASK

NAME = "start"
PROMISE_MS = 300


def run(bench):
    made = data.million(bench.count(data.MILLION, 20_000))
    addresses = data.addresses(made)
    folder = data.copy(made, "start")
    clicks = load.values("start", addresses[:20_000])
    domain, slug = addresses[0].split("\t")
    state = {}

    def orderly():
        with servers.Mask(folder) as server:
            numbers = first_answer(server, domain, slug)
            bench_command(bench, server, state)
            server.stop()
        return numbers

    def killed():
        with servers.Mask(folder, clicks__drain_interval_ms=60_000).wait_until_ready() as server:
            load.ask(server, load.clicks(), clicks, connections=16, pick="each")
            server.kill()
        with servers.Mask(folder) as server:
            numbers = first_answer(server, domain, slug)
            server.wait_until_drained()
            server.stop()
        return numbers

    rounds = bench.count(10, 2)
    seen = bench.rounds(rounds, {"mask": orderly, "mask-killed": killed, "mask --version": version_alone})
    shutil.rmtree(folder)
    floor = sorted(round_["ms"] for round_ in seen["mask --version"])[rounds // 2]
    bench.figure("start to the first redirect, 1,000,000 links", [round_["ms"] for round_ in seen["mask"]], "ms", ("at most", PROMISE_MS), floor=(floor, "`mask --version`"))
    bench.figure("the same after kill -9 with 20,000 clicks in the journal", [round_["ms"] for round_ in seen["mask-killed"]], "ms", floor=(floor, "`mask --version`"))


def bench_command(bench, server, state):
    if not state.get("told"):
        bench.command(server, "a GET of one link, tried each millisecond until it is answered")
        state["told"] = True


def first_answer(server, domain, slug):
    request = f"GET /{slug} HTTP/1.1\r\nHost: {domain}\r\n\r\n".encode()
    until = server.started + 60
    while time.monotonic() < until:
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
                connection.sendall(request)
                answer = connection.recv(4096)
        except OSError:
            time.sleep(0.001)
            continue
        if not answer.startswith(b"HTTP/1.1 302 "):
            raise RuntimeError(f"the first answer is {answer[:200]}")
        elapsed = time.monotonic() - server.started
        return {"ms": round(elapsed * 1000, 2), "cpu_ms": round(server.cpu_s() * 1000), "measured_cpu_s": elapsed}
    raise RuntimeError("no answer within a minute")


def version_alone():
    """The program started for nothing: what the system takes to load it."""
    began = time.monotonic()
    subprocess.run(["taskset", "-c", str(SERVER_CORE), str(MASK), "--version"], check=True, capture_output=True)
    elapsed = time.monotonic() - began
    return {"ms": round(elapsed * 1000, 2), "measured_cpu_s": elapsed}
