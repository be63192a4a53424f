"""A redirect over TLS on a kept connection: at most 1.5 of what it costs in the clear.

The same links and requests as in `redirect-hot`, and the same server twice: once in the clear, once over TLS 1.3 with a
certificate of ECDSA P-256. Handshakes are made before a round begins. The drain is put off until after the round, as it costs
the same on both sides.
"""

import shutil
import subprocess
from itertools import islice

from .. import data, load, servers
from ..bench import measured
from ..places import WORK

NAME = "redirect-tls"
LINKS = 10_000
CONNECTIONS = 64
PROMISE = 1.5


def certificate():
    """A certificate for this machine, and its key."""
    folder = WORK / "certificate"
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "chain.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-out", files[0], "-keyout", files[1]],
        check=True, capture_output=True,
    )
    return files


def run(bench):
    made = [{**link, "domain": servers.DOMAINS[0]} for link in islice(data.MadeUp(seed=5), LINKS)]
    values = load.values("tls", (f"{link['domain']}\t{link['slug']}" for link in made))
    folder = data.fresh("tls")
    with servers.Mask(folder).wait_until_ready() as server:
        data.create(server, made)
        server.stop()
    seconds = bench.seconds(8)
    pair = certificate()

    def round_of(name, **settings):
        copy = data.copy(folder, "tls-copy")
        # The drain looks for the first time when its interval has passed; the round is over by then.
        with servers.Mask(copy, name, clicks__drain_interval_ms=60_000, **settings).wait_until_ready() as server:
            load.ask(server, load.clicks(), values, connections=CONNECTIONS, pick="each")
            ask = lambda: load.ask(server, load.clicks(), values, connections=CONNECTIONS, seconds=seconds)
            numbers = measured(server, ask)[1]
            bench.command(server, f"{CONNECTIONS} connections, {LINKS} slugs by chance, {seconds} s a round")
        shutil.rmtree(copy)
        return numbers

    seen = bench.rounds(bench.count(7, 1), {
        "mask-clear": lambda: round_of("mask-clear"),
        "mask-tls": lambda: round_of("mask-tls", certificate=pair),
    })
    column = lambda name, what="cpu_us": [round_[what] for round_ in seen[name]]
    ratios = [tls / clear for tls, clear in zip(column("mask-tls"), column("mask-clear"))]
    bench.figure("redirect over TLS, CPU against one in the clear", ratios, "× clear", ("at most", PROMISE))
    for name in ("mask-clear", "mask-tls"):
        bench.figure(f"redirect from memory, {name}, CPU", column(name), "µs")
        bench.figure(f"redirects from memory on one core, {name}", column(name, "per_s"), "/s")
